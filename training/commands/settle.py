"""``python -m training settle``: how a model's errors go together, fitted and stored beside its weights."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.commands.options import progress

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    fit = commands.add_parser(
        "settle",
        help="fit how points settle when a person fixes one",
        description="Learn from labelled faces how the errors of weights go together, and write that as "
        "settle.safetensors beside them: the editor then settles the rest of a face when a person moves a point. The "
        "held-out tenth is not learned from, so that `clicks --held-out` measures on faces that are new to it.",
        epilog="Example: python -m training settle --weights runs/mine --data wild68",
    )
    fit.add_argument("--weights", required=True, metavar="W", help="a shipped name, a folder or a Hub id")
    fit.add_argument(
        "--data", nargs="+", required=True, metavar="PATH",
        help="labelled faces, as for train, but no corrections and no weights",
    )  # fmt: skip
    fit.add_argument(
        "--out", type=Path, metavar="FOLDER",
        help="where settle.safetensors goes (default: beside the weights, where they are a folder)",
    )  # fmt: skip
    fit.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"], help="where to compute")
    fit.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from fkd.errors import DataError
    from fkd.predictor import KeypointPredictor
    from fkd.settle import SETTLE_FILE, save_settle_prior
    from training.dataset import is_held_out
    from training.framing import read_framed
    from training.settle import fit_settle_prior, predict_labelled

    folder = options.out or Path(options.weights)
    if not options.out and not folder.is_dir():
        raise DataError(f"“{options.weights}” is no folder of yours: say with --out where settle.safetensors is to go.")
    predictor = KeypointPredictor.from_pretrained(options.weights, device=options.device)
    faces = [face for path in options.data for face in read_framed(path, predictor.scheme) if not is_held_out(face)]
    predicted = predict_labelled(predictor, faces, lambda items: progress(items, "predict"))
    prior = fit_settle_prior(predicted, predictor.scheme)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_settle_prior(prior, folder)
    except OSError as error:
        raise DataError(f"{folder / SETTLE_FILE} cannot be written: {error.strerror or error}.") from error
    print(f"Wrote {folder / SETTLE_FILE}, fitted on {len(predicted)} faces.")
    print(f"Measure it: python -m training clicks --weights {folder} --data … --held-out")
