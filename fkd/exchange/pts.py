"""iBUG's ``.pts``: one text file a face beside its picture, as 300-W has them.

Their coordinates count pixels from 1, so the centre of the top-left pixel is (1, 1)
(https://ibug.doc.ic.ac.uk/resources/300-W/). There is no sign for a point that is missing.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from fkd.errors import DataError
from fkd.exchange.faces import ExchangedFace, by_picture, check_size, copy_pictures, number, read_text
from fkd.schemes import Scheme

__all__ = ["CARRIES_HIDDEN", "CARRIES_MISSING", "LABELS", "PRECISION_PX", "TITLE", "read", "write"]

TITLE = "iBUG .pts"
LABELS = "*.pts"
PRECISION_PX = 0.01
CARRIES_HIDDEN = False
CARRIES_MISSING = False
_SUFFIXES = (".jpg", ".png", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".heic")


def write(faces: list[ExchangedFace], scheme: Scheme, folder: Path) -> list[str]:
    """Write ``<picture>.pts``, or ``<picture>_1.pts``, … where a picture has several faces, beside the pictures."""
    copy_pictures(faces, folder)
    for picture, group in by_picture(faces):
        for index, face in enumerate(group, start=1):
            name = picture.stem if len(group) == 1 else f"{picture.stem}_{index}"
            rows = "\n".join(f"{x:.3f} {y:.3f}" for x, y in face.points_xy + 1.0)
            text = f"version: 1\nn_points:  {scheme.n_points}\n{{\n{rows}\n}}\n"
            (folder / f"{name}.pts").write_text(text, encoding="utf-8")
    return []


def read(path: Path, scheme: Scheme, pictures: Path | None = None) -> list[ExchangedFace]:
    """The faces of a folder of .pts files (and those under it), or of one file.

    Raises:
        DataError: if a file is malformed, or its picture is not found.
    """
    files = sorted(path.rglob(LABELS)) if path.is_dir() else [path]
    if not files:
        raise DataError(f"There is no .pts file in “{path.name}”.")
    return [_read_file(file, scheme, pictures) for file in files]


def _read_file(file: Path, scheme: Scheme, pictures: Path | None) -> ExchangedFace:
    lines = [(number, line.strip()) for number, line in enumerate(read_text(file).splitlines(), start=1)]
    lines = [(line_number, line) for line_number, line in lines if line and not line.startswith("//")]
    places = {line: index for index, (_, line) in enumerate(lines) if line in ("{", "}")}
    if "{" not in places or places.get("}", -1) < places["{"]:
        raise DataError(f"“{file.name}”, line {lines[-1][0] if lines else 1}: the points in {{ }} are missing.")
    rows = lines[places["{"] + 1 : places["}"]]
    if len(rows) != scheme.n_points:
        raise DataError(f"“{file.name}”, line {lines[places['}']][0]}: {len(rows)} points, not {scheme.n_points}.")
    points = np.empty((scheme.n_points, 2))
    for index, (line_number, line) in enumerate(rows):
        where = f"“{file.name}”, line {line_number}"
        cells = line.split()
        if len(cells) != 2:
            raise DataError(f"{where}: a point is two numbers, x and y; this has {len(cells)}.")
        points[index] = [number(cell, where, "a coordinate") - 1.0 for cell in cells]
    picture = _picture_of(file, pictures)
    width, height = check_size(picture, None, f"“{file.name}”")
    return ExchangedFace(picture, width, height, points, np.zeros(len(points), bool), where=f"“{file.name}”")


def _picture_of(file: Path, pictures: Path | None) -> Path:
    """The picture of the same name, or of the name without the number of the face."""
    for stem in dict.fromkeys([file.stem, re.sub(r"_\d+$", "", file.stem)]):
        for folder in (file.parent, *([pictures] if pictures else [])):
            for suffix in (*_SUFFIXES, *map(str.upper, _SUFFIXES)):
                if (folder / f"{stem}{suffix}").is_file():
                    return folder / f"{stem}{suffix}"
    raise DataError(f"“{file.name}”: there is no picture “{file.stem}” beside it. Say where it lies (--images).")
