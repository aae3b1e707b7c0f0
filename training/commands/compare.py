"""``python -m training compare``: two sets of weights side by side."""

from __future__ import annotations

import argparse

from training.commands.options import add_measured, progress
from training.commands.values import natural

__all__ = ["add_parser"]

DESCRIPTION = """\
Put two sets of weights side by side on the same faces: each measure, the difference (B minus A), and its 95 % interval
by a paired bootstrap of 2,000 resamples. Whole photos or people are drawn, so that the frames of one person stay
together. Where the interval holds zero, the difference is within noise."""


def add_parser(commands: argparse._SubParsersAction) -> None:
    compare = commands.add_parser(
        "compare",
        help="put two sets of weights side by side",
        description=DESCRIPTION,
        epilog="Example: python -m training compare ibug68 runs/mine --data wild68 --held-out",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compare.add_argument("first", metavar="A", help="a shipped name, a folder or a Hub id")
    compare.add_argument("second", metavar="B", help="the other one")
    add_measured(compare)
    compare.add_argument("--seed", type=natural, default=0, help="of the resamples (default: %(default)s)")
    compare.add_argument("--json", action="store_true", help="print one JSON object")
    compare.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    import json

    from fkd.errors import DataError
    from fkd.predictor import KeypointPredictor
    from training.compare import compare
    from training.evaluate import evaluate, read_measured
    from training.tables import comparison_text, verdict

    predictors = [KeypointPredictor.from_pretrained(w, device=options.device) for w in (options.first, options.second)]
    schemes = [predictor.scheme.name for predictor in predictors]
    if schemes[0] != schemes[1]:
        raise DataError(f"{schemes[0]} and {schemes[1]} are different points: weights of one scheme can be compared.")
    faces = read_measured(options.data, predictors[0].scheme, options.held_out)
    evaluations = [evaluate(one, faces, options.boxes, lambda items: progress(items, "predict")) for one in predictors]
    measures = compare(*evaluations, options.seed)
    names = [one.version for one in predictors]
    if names[0] == names[1]:  # the same version, from two places
        names = [options.first, options.second]
    sentence = verdict(measures[0], *names)
    if options.json:
        figures = {one.name: one.as_json() for one in measures}
        print(json.dumps({"first": names[0], "second": names[1], "boxes": options.boxes, "n": len(faces),
                          "verdict": sentence, "measures": figures}))  # fmt: skip
        return
    groups = len(set(evaluations[0].groups))
    print(f"{len(faces)} faces of {groups} photos or people, boxes from the {options.boxes}\n")
    print(f"{comparison_text(measures, *names)}\n\n{sentence}")
