"""``python -m training convert``: 68-point data as 15-point data."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from fkd.errors import DataError
from training.commands.values import positive

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    convert = commands.add_parser(
        "convert",
        help="turn 68-point data into 15-point data, or measure what that is worth",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Turn labels of scheme ibug68 into labels of scheme kaggle15: a folder with keypoints.csv and\n"
        "images/, whose faces keep their groups and sources, so that the held-out ones stay held out.\n"
        "docs/convert.md says which points make which, and how far they lie from Kaggle's.\n\n"
        "With --pictures or --labels nothing is written; those distances are measured and printed.",
        epilog="Examples:\n"
        "  python -m training convert --data wild68 --out wild15\n"
        "  python -m training convert --data wild68 --labels kaggle15/training.csv \\\n"
        "      --pictures kaggle15/training.csv --weights ibug68 --rows 500",
    )
    convert.add_argument(
        "--data", nargs="+", required=True, metavar="PATH",
        help="68-point faces, as for train, but no corrections and no weights",
    )  # fmt: skip
    convert.add_argument("--out", type=Path, metavar="DIR", help="new folder for the 15-point faces")
    convert.add_argument(
        "--pictures", type=Path, metavar="CSV", help="measure on the full rows of Kaggle's training.csv or .zip"
    )
    convert.add_argument(
        "--rows", type=positive, default=20, help="so many of its first full rows (default: %(default)s)"
    )
    convert.add_argument(
        "--weights", default="ibug68", metavar="W", help="the network that reads them (default: ibug68)"
    )
    convert.add_argument(
        "--labels", type=Path, metavar="CSV", help="compare the mean shape with Kaggle's labels; pictures not needed"
    )
    convert.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from fkd.formats import read_faces
    from fkd.schemes import load_scheme
    from training.convert import converted
    from training.merged_folder import write_keypoints_folder

    measuring = options.pictures or options.labels
    if bool(options.out) == bool(measuring):
        raise DataError("Say what to do: --out DIR converts, --pictures CSV and --labels CSV measure.")
    given = [face for path in options.data for face in read_faces(path, load_scheme("ibug68"))]
    faces = converted(given)
    if not faces:
        raise DataError("There is no face to convert.")
    if measuring:
        print("\n\n".join(measure(options, faces)))
        return
    write_keypoints_folder(faces, options.out, load_scheme("kaggle15"))
    print(f"Wrote {len(faces)} faces with up to 15 points each to {options.out}.")
    if len(faces) < len(given):
        print(f"{len(given) - len(faces)} of {len(given)} have labels for none of these points: left out.")


def measure(options: argparse.Namespace, faces: list) -> list[str]:
    """The tables that are asked for, as text."""
    import numpy as np

    from fkd.formats import read_faces
    from fkd.predictor import KeypointPredictor
    from fkd.schemes import load_scheme
    from training.convert_bias import bias_of_pictures, bias_of_shapes, full_labels

    scheme, tables = load_scheme("kaggle15"), []
    if options.pictures:
        predictor = KeypointPredictor.from_pretrained(options.weights)
        if predictor.scheme.name != "ibug68":
            raise DataError(f"“{options.weights}” are weights of {predictor.scheme.name}; --weights must be of ibug68.")
        full = [face for face in read_faces(options.pictures, scheme) if np.isfinite(face.points_xy).all()]
        if min(len(full), options.rows) < 2:
            raise DataError(f"“{options.pictures.name}” has {len(full)} rows with all points; two are the least.")
        bias = bias_of_pictures(predictor, full[: options.rows], scheme)
        head = f"{predictor.version} on the pictures of {bias.n} rows, converted, less Kaggle's labels"
        tables.append(as_text(bias, head))
    if options.labels:
        bias = bias_of_shapes(np.stack([face.points_xy for face in faces]), full_labels(options.labels, scheme), scheme)
        tables.append(
            as_text(bias, f"Mean shape of {bias.n_converted} converted faces less that of {bias.n} rows of Kaggle's")
        )
    return tables


def as_text(bias, head: str) -> str:
    from fkd.schemes import load_scheme
    from training.tables import table

    header = ["point", "dx % of eyes", "dy % of eyes", *([] if bias.mean_px is None else ["dx px", "dy px"])]
    rows = []
    for i, name in enumerate(load_scheme("kaggle15").names):
        shares = [share_text(mean, error) for mean, error in zip(bias.mean[i], bias.error[i], strict=True)]
        rows.append([name, *shares, *([] if bias.mean_px is None else [f"{d:+.2f}" for d in bias.mean_px[i]])])
    return "\n".join([head, *table(rows, header)])


def share_text(mean: float, error: float) -> str:
    """Percent, and how sure they are; a dash for what no label tells."""
    if math.isnan(mean):
        return "–"
    return f"{100 * mean:+.1f} ± " + ("–" if math.isnan(error) else f"{100 * error:.1f}")
