"""The subcommands of ``python -m fkd``, one a module: its arguments, and what it does with them."""
