"""``python -m fkd export``: corrections in the format of another tool."""

from __future__ import annotations

import argparse
from pathlib import Path

from fkd.exchange import FORMATS
from fkd.schemes import scheme_names

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    export = commands.add_parser(
        "export",
        help="corrections in the format of another tool",
        description="Write the corrections in force, with their pictures, in the format of another tool. Formats: "
        + ", ".join(f"{name} ({module.TITLE})" for name, module in FORMATS.items())
        + ". Points stand where the person left them, also those that they neither moved nor confirmed.",
        epilog="Example: python -m fkd export --format coco --annotations annotations --out coco",
    )
    export.add_argument("--format", required=True, choices=list(FORMATS), help="the format")
    export.add_argument(
        "--annotations", metavar="DIR", type=Path, default=Path("annotations"),
        help="folder with corrections.csv and images/ (default: %(default)s)",
    )  # fmt: skip
    export.add_argument("--out", metavar="DIR", type=Path, required=True, help="a new folder to write")
    export.add_argument("--scheme", choices=scheme_names(), help="corrections of this scheme (default: the only one)")
    export.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from fkd.correction_store import CorrectionStore
    from fkd.exchange.exporting import export

    done = export(CorrectionStore(options.annotations), options.format, options.out, options.scheme)
    print(f"{options.out}: faces {done.faces}, pictures {done.pictures}, as {FORMATS[options.format].TITLE}.")
    for notice in done.notices:
        print(notice)
    return 0
