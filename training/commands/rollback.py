"""``python -m training rollback``: what served before serves again."""

from __future__ import annotations

import argparse

from fkd.schemes import scheme_names
from training.commands.options import add_registry, add_who
from training.commands.values import text

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    rollback = commands.add_parser(
        "rollback",
        help="let what served before serve again",
        description="Undo the last promotion, or all promotions since a version. Running apps switch by themselves, "
        "without a restart. Nothing is deleted: a version that was rolled back can be promoted again.",
        epilog="Example: python -m training rollback --reason 'worse on beards'",
    )
    rollback.add_argument("--to", metavar="VERSION", help="a version that served before (default: the one before)")
    rollback.add_argument("--scheme", choices=scheme_names(), default="ibug68", help="(default: %(default)s)")
    rollback.add_argument("--reason", type=text, default="", help="why, for the record")
    add_registry(rollback)
    add_who(rollback)
    rollback.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from fkd.registry import Registry

    print(Registry(options.runs).rollback(options.scheme, options.who, options.to, options.reason))
