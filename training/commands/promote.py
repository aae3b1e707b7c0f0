"""``python -m training promote``: a version serves from now on."""

from __future__ import annotations

import argparse

from training.commands.options import add_registry, add_who
from training.commands.values import text

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    promote = commands.add_parser(
        "promote",
        help="let a version serve",
        description="Let a version of the registry serve. Running apps switch by themselves, without a restart. "
        "What the gate refused is promoted only with a reason, which is recorded.",
        epilog="Example: python -m training promote ibug68-20261105-101112 --override 'the frozen test is mislabelled'",
    )
    promote.add_argument("version", metavar="VERSION", help="as “python -m training versions” lists it")
    promote.add_argument(
        "--override", type=text, metavar="REASON", default="", help="why to promote it although the gate refused"
    )
    add_registry(promote)
    add_who(promote)
    promote.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from fkd.registry import Registry

    print(Registry(options.runs).promote(options.version, options.who, options.override))
