"""``python -m training clicks``: how many drags a person needs, with and without the rest settling."""

from __future__ import annotations

import argparse
import json

from training.commands.options import progress

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    count = commands.add_parser(
        "clicks",
        help="count the drags that settling saves",
        description="A simulated annotator drags the worst point of each face to its label, again and again, until "
        "every point is within 5 %% of the outer-eye distance, and until the mean is within 3 %%: mean drags a face "
        "with plain dragging and with the rest of the face settling after each drag. Faces are cropped from their "
        "labelled points.",
        epilog="Example: python -m training clicks --weights ibug68 --data wild68 --held-out --json",
    )
    count.add_argument("--weights", required=True, metavar="W", help="a shipped name, a folder or a Hub id")
    count.add_argument("--data", nargs="+", required=True, metavar="PATH", help="labelled faces: no corrections")
    count.add_argument("--held-out", action="store_true", help="only the tenth that train and settle hold out")
    count.add_argument("--json", action="store_true", help="print one JSON object")
    count.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"], help="where to compute")
    count.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from fkd.errors import DataError, WeightsError
    from fkd.predictor import KeypointPredictor
    from fkd.settle import SETTLE_FILE
    from training.clicks import count_clicks
    from training.dataset import is_held_out
    from training.framing import read_framed
    from training.settle import predict_labelled

    predictor = KeypointPredictor.from_pretrained(options.weights, device=options.device)
    if predictor.settle_prior is None:
        raise WeightsError(
            f"“{options.weights}” has no {SETTLE_FILE}. Make it: python -m training settle --weights "
            f"{options.weights} --data …"
        )
    faces = [face for path in options.data for face in read_framed(path, predictor.scheme)]
    if options.held_out:
        faces = [face for face in faces if is_held_out(face)]
    predicted = predict_labelled(predictor, faces, lambda items: progress(items, "predict"))
    clicks = count_clicks(predictor.settle_prior, predicted, predictor.scheme)
    if not len(clicks.plain):
        raise DataError("There is no face with both outer eye corners to measure on.")
    figures = clicks.summary()
    if options.json:
        print(json.dumps({"weights": predictor.version, **figures}))
        return
    print(f"{predictor.version}, {figures['n']} faces: mean drags a face, plain → with settling")
    for name, title in (("every_within_5", "every point within 5 %"), ("mean_within_3", "mean within 3 %")):
        plain, settled, change = (figures[f"{name}_{part}"] for part in ("plain", "settled", "change"))
        print(f"{title:24} {plain:6.2f} → {settled:6.2f}  ({change:+.1%})")
