"""``python -m training clean``: what is wrong with labelled faces."""

from __future__ import annotations

import argparse
from pathlib import Path

from fkd.schemes import scheme_names
from training.commands.options import progress, split_weight

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    clean = commands.add_parser(
        "clean",
        help="look for what is wrong with labelled faces",
        description="Look through labelled faces: missing labels, labels outside the picture, exact and near "
        "duplicates, training faces that are held out under another name, and outliers by shape. DIR gets "
        "cleaning.json with every face by name, and outliers.png with the oddest 24. Nothing is changed; train does "
        "the same by itself.",
        epilog="Example: python -m training clean --scheme ibug68 --data wild68 youtube68 --out found",
    )
    clean.add_argument("--scheme", choices=scheme_names(), required=True, help="keypoints of the labels")
    clean.add_argument("--data", nargs="+", required=True, metavar="PATH", help="labelled faces, as for train")
    clean.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the report")
    clean.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from fkd.errors import DataError
    from fkd.schemes import load_scheme
    from training.cleaning_report import whole_cleaning, write_cleaning
    from training.data import read_sides
    from training.run_folder import make_run_folder

    scheme = load_scheme(options.scheme)
    data = read_sides([split_weight(path) for path in options.data], scheme)
    if not (data.training or data.held_out or data.apart):
        raise DataError("There is no face to look at.")
    make_run_folder(options.out)
    found = whole_cleaning(data, scheme, lambda faces: progress(faces, "cut out"))
    write_cleaning(found, options.out)
    for line in found.lines():
        print(line)
    print(f"Wrote cleaning.json and outliers.png to {options.out}")
