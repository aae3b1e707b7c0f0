"""``python -m training report``: a run, or weights, as one page to look at."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.commands.options import add_measured, progress

__all__ = ["add_parser"]

DESCRIPTION = """\
Write one HTML page with everything inside of it: the training's curves, the error by point on a mean face, the
cumulative error curve, whether the confidence can be believed, the worst and the best faces with predictions and
labels, and tables. A run is measured on the held-out faces of the data that it was trained on, unless --data names
others."""

EXAMPLES = """\
Examples:
  python -m training report runs/mine
  python -m training report --weights ibug68 --data wild68 --held-out --out ibug68.html"""


def add_parser(commands: argparse._SubParsersAction) -> None:
    report = commands.add_parser(
        "report",
        help="write a page about a run or about weights",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = report.add_mutually_exclusive_group(required=True)
    what.add_argument("folder", nargs="?", type=Path, metavar="RUN", help="the folder of a training")
    what.add_argument("--weights", metavar="W", help="instead: a shipped name, a folder or a Hub id; needs --data")
    add_measured(report, required=False)
    report.add_argument(
        "--out", type=Path, metavar="HTML", help="where to write the page (default: RUN/report.html, or report.html)"
    )
    report.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from fkd.durable import write_whole
    from fkd.errors import DataError
    from fkd.predictor import KeypointPredictor
    from training.evaluate import evaluate, read_measured
    from training.report import best_and_worst, read_epochs, run_faces, run_weights
    from training.report_page import report_page

    if options.weights and not options.data:
        raise DataError("Name labelled faces to measure the weights on: --data PATH.")
    out = options.out or (options.folder / "report.html" if options.folder else Path("report.html"))
    if not out.resolve().parent.is_dir():
        raise DataError(f"There is no folder “{out.parent}” to write the page to. Name another place with --out.")
    epochs = read_epochs(options.folder) if options.folder else []
    weights = options.weights or run_weights(options.folder)
    if weights:
        predictor = KeypointPredictor.from_pretrained(weights, device=options.device)
        if options.data:
            faces = read_measured(options.data, predictor.scheme, options.held_out)
        else:
            faces = run_faces(options.folder, predictor.scheme)
        measured = evaluate(predictor, faces, options.boxes, lambda items: progress(items, "predict"))
        sources = ", ".join(dict.fromkeys(measured.sources))
        subtitle = f"{predictor.scheme.title}. {len(faces)} faces of {sources}, boxes from the {options.boxes}."
        page = report_page(predictor.version, subtitle, epochs, measured, best_and_worst(measured, faces))
    else:
        page = report_page(
            options.folder.resolve().name, "No epoch has ended yet: there is nothing to measure.", epochs
        )
    try:
        write_whole(out, page.encode())
    except OSError as error:
        raise DataError(f"“{out}” cannot be written: {error.strerror}. Name another place with --out.") from error
    print(f"Wrote {out}")
