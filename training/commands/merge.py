"""``python -m training merge``: what a fine-tune would learn from, before it does."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from fkd.correction_store import CorrectionStore
from fkd.errors import CorrectionsError, DataError

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    merging = commands.add_parser(
        "merge",
        help="show what corrections and base data come to, and write it as a folder",
        description="Merge corrections with base data, and say what became of every row: what trains, what is held "
        "out, what is left out and why, and where two people disagree. Nothing is changed; with --out the merged data "
        "is written as a folder that train --data reads.",
        epilog="Example: python -m training merge --corrections annotations/corrections.csv --base wild68 --out merged,"
        " then: python -m training train --data merged --scheme ibug68 --out runs/mine",
    )
    merging.add_argument("--corrections", required=True, type=Path, metavar="CSV", help="corrections.csv or its folder")
    merging.add_argument("--base", nargs="+", default=[], metavar="DIR", help="labelled faces, as for train --data")
    merging.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="new folder for keypoints.csv and images/; held-out corrections go to its folder held-out",
    )
    merging.add_argument("--scheme", metavar="NAME", help="which corrections, where the file has several schemes")
    merging.add_argument("--json", action="store_true", help="print one JSON object, with the ids of all rows")
    merging.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from dataclasses import replace

    from fkd.schemes import load_scheme
    from training.framing import read_framed
    from training.merge import merge, open_corrections
    from training.merged_folder import write_keypoints_folder

    store = open_corrections(options.corrections)
    scheme = load_scheme(options.scheme or only_scheme(store))
    base = [face for path in options.base for face in read_framed(path, scheme)]
    merged = merge(base, store, scheme)
    for notice in store.notices:
        print(notice, file=sys.stderr)
    print(json.dumps(merged.report.as_json()) if options.json else "\n".join(merged.report.sentences()))
    if options.out is None:
        return
    if not merged.faces:
        raise DataError("There is no face to learn from, so nothing was written.")
    # People correct what a network shows them: they go on in the convention of the base.
    source = base[0].source if base else "corrections"
    for faces, folder in ((merged.faces, options.out), (merged.held_out, options.out / "held-out")):
        if faces:
            spoken = [replace(face, source=face.source or source) for face in faces]
            write_keypoints_folder(spoken, folder, scheme)
            if not options.json:
                print(f"Wrote {len(faces)} faces to {folder}.")


def only_scheme(store: CorrectionStore) -> str:
    """The scheme of all rows.

    Raises:
        CorrectionsError: if there are several, or no row.
    """
    schemes = sorted({row.links.scheme for row in store.newest_first()})
    if len(schemes) != 1:
        found = f"corrections of {' and '.join(schemes)}; name one with --scheme" if schemes else "no row"
        raise CorrectionsError(f"“{store.path}” has {found}.")
    return schemes[0]
