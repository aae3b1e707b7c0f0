"""``python -m training average``: the mean of several networks' weights."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.commands.options import split_weight

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    average = commands.add_parser(
        "average",
        help="the mean of several networks' weights",
        description="Write weights that are the mean of others which began from the same weights: runs of other seeds, "
        "data or settings. The mean has most of what each is good at, at the cost of one. Measure and calibrate it.",
        epilog="Example: python -m training average runs/a:0.4 runs/b:0.6 --out runs/mean",
    )
    average.add_argument(
        "weights", nargs="+", metavar="W[:SHARE]", help="shipped names, folders or Hub ids; a share is 1 if not given"
    )
    average.add_argument("--out", type=Path, required=True, metavar="RUN", help="new folder for the weights")
    average.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from fkd import hub
    from fkd.model import load_net
    from training.average import average
    from training.run_folder import check_free_of_weights, write_new_weights

    check_free_of_weights(options.out)
    named = [split_weight(text) for text in options.weights]
    nets = [load_net(hub.weights_folder(name)) for name, _ in named]
    mean = average(nets, [share for _, share in named])
    name = write_new_weights(mean, options.out)
    print(f"Wrote {name} to {options.out}. Measure it: python -m training evaluate --weights {options.out} …")
