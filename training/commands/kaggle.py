"""``python -m training kaggle``: Kaggle's Facial Keypoints Detection."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.commands.options import progress

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    kaggle = commands.add_parser(
        "kaggle",
        help="take part in Kaggle's Facial Keypoints Detection",
        description="Take part in Kaggle's Facial Keypoints Detection.",
    )
    submit = kaggle.add_subparsers(dest="kaggle_command", required=True).add_parser(
        "submit",
        help="write a submission file",
        description="Predict every coordinate that Kaggle's lookup table asks for, and write them as Kaggle wants it: "
        "RowId,Location, in pixels of the 96×96 pictures, from 0 to 96. Images of which at most four points are asked "
        "come from the source that places nose tip and lower lip otherwise; where the weights have learned how, their "
        "points are shifted by it.",
        epilog="Example: python -m training kaggle submit --weights kaggle15 --test test.zip --lookup "
        "IdLookupTable.csv --out submission.csv",
    )
    submit.add_argument(
        "--weights", required=True, metavar="W", help="a shipped name, a folder or a Hub id, of scheme kaggle15"
    )
    submit.add_argument("--test", required=True, type=Path, metavar="CSV", help="Kaggle's test.csv or test.zip")
    submit.add_argument("--lookup", required=True, type=Path, metavar="CSV", help="Kaggle's IdLookupTable.csv")
    submit.add_argument("--out", required=True, type=Path, metavar="CSV", help="where to write the submission")
    submit.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"], help="where to compute")
    submit.set_defaults(run=run_submit)


def run_submit(options: argparse.Namespace) -> None:
    from fkd.predictor import KeypointPredictor
    from training.kaggle import submit

    predictor = KeypointPredictor.from_pretrained(options.weights, device=options.device)
    n = submit(predictor, options.test, options.lookup, options.out, lambda batches: progress(batches, "predict"))
    print(f"Wrote {n} coordinates to {options.out}.")
    if "kaggle-4" not in predictor.net.config.conventions:
        print("These weights know one convention only: the four-point images are predicted as the others are.")
