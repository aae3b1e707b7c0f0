"""The subcommands of ``python -m training``, one a module: its arguments, and what it does with them."""
