"""The command line of the training program: ``python -m training`` and its subcommands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from fkd.errors import FkdError
from training.commands import (
    average,
    bench,
    calibrate,
    clean,
    clicks,
    compare,
    convert,
    curve,
    evaluate,
    finetune,
    kaggle,
    merge,
    promote,
    prune,
    report,
    rollback,
    settle,
    train,
    versions,
)

__all__ = ["main"]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Train, fine-tune and measure keypoint networks."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for command in (
        clean,
        train,
        merge,
        finetune,
        average,
        prune,
        evaluate,
        compare,
        calibrate,
        report,
        versions,
        promote,
        rollback,
        settle,
        clicks,
        convert,
        curve,
        bench,
        kaggle,
    ):
        command.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = build_parser().parse_args(arguments)
    try:
        options.run(options)
    except FkdError as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("training: stopped; nothing was written but what is in the run folder already", file=sys.stderr)
        return 130
    return 0
