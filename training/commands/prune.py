"""``python -m training prune``: a smaller network out of one that has learned."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.config import MODEL_SIZES

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    prune = commands.add_parser(
        "prune",
        help="a smaller network out of a larger one's most important channels",
        description="Write weights of a smaller size that keep the channels which matter most in a larger network. "
        "They are a start and no more: train from them, best with the larger network as the teacher, and they learn "
        "what was lost again in a fraction of the time that a new network takes.",
        epilog="Example: python -m training prune ibug68 --size small --out runs/start, then python -m training train "
        "--scheme ibug68 --data wild68:2 youtube68 --size small --init runs/start --teacher ibug68 --out runs/small",
    )
    prune.add_argument("weights", metavar="W", help="shipped name, folder or Hub id of the larger network")
    prune.add_argument("--size", choices=sorted(MODEL_SIZES), default="small", help="to make (default: %(default)s)")
    prune.add_argument("--out", type=Path, required=True, metavar="RUN", help="new folder for the weights")
    prune.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from fkd import hub
    from fkd.errors import WeightsError
    from fkd.model import KeypointNet, load_net
    from training.bench import parameters
    from training.prune import pruned
    from training.run_folder import check_free_of_weights, write_new_weights

    check_free_of_weights(options.out)
    net = load_net(hub.weights_folder(options.weights))
    if not isinstance(net, KeypointNet):
        raise WeightsError(f"{net.config.version} is a {net.config.architecture}: only the flagship has sizes.")
    small = pruned(net, **MODEL_SIZES[options.size])
    name = write_new_weights(small, options.out)
    print(f"Wrote {name} to {options.out}: {parameters(small) / 1e6:.2f} of {parameters(net) / 1e6:.2f} M parameters.")
