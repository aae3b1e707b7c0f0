"""``python -m training evaluate``: weights measured on labelled faces."""

from __future__ import annotations

import argparse

from training.commands.options import add_measured, progress

__all__ = ["add_parser"]

# Of these --json always has a value, null where it cannot be known: an NME without eye corners, an offset or a rank
# from one face, pixels where every face is missed.
ALWAYS = ("n", "missed", "nme_iod", "median", "failure_10", "nme_offset_free", "rmse_px", "uncertainty_spearman")

DESCRIPTION = """\
Measure weights on labelled faces: NME by the outer eye corners (mean, median, area under the curve, failures, and after
one constant offset a point that is fitted on the other half of the people), RMSE in pixels, errors by region and by
point, and whether the confidence can be trusted: its rank correlation with the error, and its reliability table.

Where the network knows how a source of labels places its points (Kaggle's two sources, "kaggle-15" and "kaggle-4", are
told apart by how many points a row has), the faces of that source are measured in its own convention."""


def add_parser(commands: argparse._SubParsersAction) -> None:
    measure = commands.add_parser(
        "evaluate",
        help="measure weights on labelled faces",
        description=DESCRIPTION,
        epilog="Example: python -m training evaluate --weights ibug68 --data wild68 --held-out --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    measure.add_argument("--weights", required=True, metavar="W", help="a shipped name, a folder or a Hub id")
    add_measured(measure)
    measure.add_argument("--json", action="store_true", help="print one JSON object; null is what cannot be known")
    measure.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    import json

    from fkd.predictor import KeypointPredictor
    from training.evaluate import evaluate, read_measured
    from training.summary import summary
    from training.tables import evaluation_text

    predictor = KeypointPredictor.from_pretrained(options.weights, device=options.device)
    faces = read_measured(options.data, predictor.scheme, options.held_out)
    figures = summary(evaluate(predictor, faces, options.boxes, lambda items: progress(items, "predict")))
    if options.json:
        known = dict.fromkeys(ALWAYS) | figures
        print(json.dumps({"weights": predictor.version, "boxes": options.boxes, **known}, allow_nan=False))
        return
    print(f"{predictor.version}, boxes from the {options.boxes}\n\n{evaluation_text(figures)}")
