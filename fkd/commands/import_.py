"""``python -m fkd import``: another tool's labels as corrections."""

from __future__ import annotations

import argparse
from pathlib import Path

from fkd.exchange import FORMATS
from fkd.schemes import scheme_names

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "import",
        help="another tool's labels as corrections",
        description="Append labels that people made in another tool to the corrections. Importing a file twice "
        "changes nothing; a file with a mistake is refused as a whole. Formats: "
        + ", ".join(f"{name} ({module.TITLE})" for name, module in FORMATS.items())
        + ".",
        epilog="Example: python -m fkd import --format coco labels.json --images photos --annotations annotations",
    )
    parser.add_argument("path", metavar="PATH", type=Path, help="the file with the labels, or the folder they are in")
    parser.add_argument("--format", required=True, choices=list(FORMATS), help="the format")
    parser.add_argument(
        "--annotations", metavar="DIR", type=Path, default=Path("annotations"),
        help="folder with corrections.csv and images/ (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--images", metavar="DIR", type=Path, help="where the pictures are (default: beside the labels)"
    )
    parser.add_argument("--scheme", default="ibug68", choices=scheme_names(), help="the points (default: %(default)s)")
    parser.add_argument("--annotator", metavar="NAME", default="", help="who made the labels")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from fkd.correction_store import CorrectionStore
    from fkd.exchange.importing import import_faces
    from fkd.schemes import load_scheme

    module, scheme = FORMATS[options.format], load_scheme(options.scheme)
    faces = module.read(options.path, scheme, options.images)
    store = CorrectionStore(options.annotations)
    done = import_faces(
        faces, store, scheme, options.annotator,
        precision_px=module.PRECISION_PX, carries_hidden=module.CARRIES_HIDDEN,
    )  # fmt: skip
    print(f"{store.path}: {done.sentence}")
    return 0
