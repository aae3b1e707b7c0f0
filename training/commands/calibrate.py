"""``python -m training calibrate``: a confidence that keeps its word."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.commands.options import progress

__all__ = ["add_parser"]

DESCRIPTION = """\
Fit the one factor on the network's own error estimates that makes its confidence true: of the points with a confidence
of 80 %, four in five lie within 5 % of the eye distance. The faces must be such that the network was not trained on, so
this takes the held-out tenth. The factor is stored in the folder's config.json if it does better on faces that it was
not fitted on; which face is the least certain does not change with it."""


def add_parser(commands: argparse._SubParsersAction) -> None:
    calibrate = commands.add_parser(
        "calibrate",
        help="make the confidence of weights true",
        description=DESCRIPTION,
        epilog="Example: python -m training calibrate --weights runs/mine --data wild68",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    calibrate.add_argument("--weights", required=True, type=Path, metavar="DIR", help="folder that is written to")
    calibrate.add_argument(
        "--data", nargs="+", required=True, metavar="PATH",
        help="labelled faces or corrections, as for train, but without weights",
    )  # fmt: skip
    calibrate.add_argument(
        "--all", action="store_true", help="all faces, not the held-out tenth: of data that trained nothing"
    )
    calibrate.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"], help="where to compute")
    calibrate.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from fkd.errors import WeightsError
    from fkd.model import load_net
    from fkd.predictor import KeypointPredictor
    from training.calibration import calibrate, store_scale_factor
    from training.evaluate import read_measured

    if not options.weights.is_dir():
        raise WeightsError(
            f"“{options.weights}” is no folder. Its config.json is written to: name a folder of weights."
        )
    predictor = KeypointPredictor(load_net(options.weights), options.device)
    faces = read_measured(options.data, predictor.scheme, held_out=not options.all)
    fitted = calibrate(predictor, faces, lambda items: progress(items, "predict"))
    print(f"{fitted.n_points} points of {fitted.n_faces} faces: factor {fitted.factor:.3f}")
    print(f"calibration error {fitted.ece_before:.1%} as it is, {fitted.ece_after:.1%} with a factor of the other half")
    print(f"log loss          {fitted.loss_before:.4f} as it is, {fitted.loss_after:.4f}")
    if not fitted.helps:
        print(f"That is no better: the factor stays at {predictor.net.config.scale_factor:g}.")
        return
    store_scale_factor(options.weights, fitted.factor)
    print(f"Stored in {options.weights / 'config.json'}.")
