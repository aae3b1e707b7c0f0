"""``python -m training versions``: what was made from what, how well it does, and what serves."""

from __future__ import annotations

import argparse

from fkd.schemes import scheme_names
from training.commands.options import add_registry

__all__ = ["add_parser"]

COLUMNS = ("version", "parent", "corrections", "frozen test", "held-out corrections", "status", "by", "when (UTC)")


def add_parser(commands: argparse._SubParsersAction) -> None:
    versions = commands.add_parser(
        "versions",
        help="list the versions of weights and which one serves",
        description="List the versions of a scheme with where they come from and their mean errors (NME). The errors "
        "on the frozen test are of the same faces for all versions; “-” stands for a version measured on others. "
        "Held-out corrections are other faces each time: before → after.",
        epilog="Example: python -m training versions --scheme ibug68 --json",
    )
    versions.add_argument("--scheme", choices=scheme_names(), default="ibug68", help="(default: %(default)s)")
    versions.add_argument("--json", action="store_true", help="print a JSON object a version")
    add_registry(versions)
    versions.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    import json
    import sys
    from dataclasses import asdict

    from fkd.lineage import lineage
    from fkd.registry import Registry

    registry = Registry(options.runs)
    rows = lineage(registry, options.scheme)
    if options.json:
        for row in rows:
            print(json.dumps(asdict(row)))
    elif rows:
        table = [COLUMNS, *(cells(row) for row in rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for line in table:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    serving = registry.serving(options.scheme)
    if not options.json:
        own = f"No version of {options.scheme} serves: the app serves the weights that it brings along."
        print(f"{serving.version.version} serves {options.scheme}." if serving.version else own)
    for sentence in (*serving.problems, *registry.notices):
        print(f"training: {sentence}", file=sys.stderr)


def cells(row) -> tuple[str, ...]:
    """A :class:`fkd.lineage.LineageRow` as texts under `COLUMNS`."""
    held = row.held_out
    return (
        row.version,
        row.parent or "-",
        str(row.corrections),
        "-" if row.frozen_error is None else f"{row.frozen_error:.2%}",
        f"{held.before:.2%} → {held.after:.2%} ({held.n})" if held else "-",
        f"{row.status} ({' '.join(row.reason.split())})" if row.reason else row.status,
        " ".join(row.who.split()) or "-",
        row.time_utc or "-",
    )
