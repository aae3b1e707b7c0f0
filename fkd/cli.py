"""The command line of the library, ``python -m fkd``: one module of ``fkd.commands`` a subcommand."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from fkd.commands import export, hub, import_, predict, space, video
from fkd.errors import FkdError

__all__ = ["main"]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fkd", description="Facial keypoints you can correct.")
    commands = parser.add_subparsers(dest="command", required=True)
    for command in (predict, video, export, import_, hub, space):
        command.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0, or 1 if a photo, an overlay or the weights failed."""
    options = build_parser().parse_args(arguments)
    # A file's name need not be text in the terminal's encoding; it is then shown escaped, and the photo is done.
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return options.run(options)
    except FkdError as error:
        print(f"fkd: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader (head, less) has had enough
        sys.stderr.close()
        return 0
