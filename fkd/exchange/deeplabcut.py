"""DeepLabCut's CSV: header rows scorer, (individuals,) bodyparts and coords, then a row a picture.

What people labelled is ``CollectedData_<scorer>.csv`` beside the pictures in ``labeled-data/<name>/``; a network's
file has a likelihood behind every point. Where a picture has several faces, the row of individuals tells them apart
(deeplabcut/utils/conversioncode.py). (0, 0) is the centre of the top-left pixel there too.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from fkd.errors import DataError
from fkd.exchange.faces import ExchangedFace, by_picture, check_size, copy_pictures, find_picture, number, read_text
from fkd.schemes import Scheme

__all__ = ["CARRIES_HIDDEN", "CARRIES_MISSING", "LABELS", "PRECISION_PX", "TITLE", "read", "write"]

TITLE = "DeepLabCut CSV"
LABELS = "CollectedData_*.csv"
PRECISION_PX = 0.01
CARRIES_HIDDEN = False
CARRIES_MISSING = True
_SCORER = "fkd"
_FOLDER = ("labeled-data", "fkd")


def write(faces: list[ExchangedFace], scheme: Scheme, folder: Path) -> list[str]:
    """Write ``labeled-data/fkd/``: ``CollectedData_fkd.csv``, the pictures, and what the model had said, with
    likelihoods, in ``predictions_fkd.csv``."""
    home = folder.joinpath(*_FOLDER)
    copy_pictures(faces, home)
    pictures = by_picture(faces)
    _write_table(home / f"CollectedData_{_SCORER}.csv", pictures, scheme, predicted=False)
    if any(face.predicted_xy is not None for face in faces):
        _write_table(home / f"predictions_{_SCORER}.csv", pictures, scheme, predicted=True)
    hidden = sum(int(face.hidden.sum()) for face in faces)
    return [f"DeepLabCut's CSV cannot say that a point is hidden: {hidden} are written as seen."] if hidden else []


def _write_table(path: Path, pictures: list[tuple[Path, list[ExchangedFace]]], scheme: Scheme, predicted: bool) -> None:
    most = max(len(group) for _, group in pictures)
    coords = ("x", "y", "likelihood") if predicted else ("x", "y")
    columns = [(f"face{i + 1}", name, coord) for i in range(most) for name in scheme.names for coord in coords]
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["scorer", "", "", *[_SCORER] * len(columns)])
        if most > 1:
            table.writerow(["individuals", "", "", *(individual for individual, _, _ in columns)])
        table.writerow(["bodyparts", "", "", *(name for _, name, _ in columns)])
        table.writerow(["coords", "", "", *(coord for _, _, coord in columns)])
        for picture, group in pictures:
            cells = [cell for face in group for cell in _cells(face, predicted)]
            table.writerow([*_FOLDER, picture.name, *cells, *[""] * (len(columns) - len(cells))])


def _cells(face: ExchangedFace, predicted: bool) -> list[str]:
    values = face.points_xy
    if predicted:
        nothing = np.full((len(face.points_xy), 3), np.nan)
        known = face.predicted_xy is not None
        values = np.column_stack([face.predicted_xy, face.confidence]) if known else nothing
    return ["" if np.isnan(value) else f"{value:.4f}" for value in values.ravel()]


def read(path: Path, scheme: Scheme, pictures: Path | None = None) -> list[ExchangedFace]:
    """The labels of a ``CollectedData`` CSV, or of all of them under a folder.

    Raises:
        DataError: with the line, if a file is malformed, holds predictions, or a picture is not found.
    """
    files = sorted(path.rglob(LABELS)) if path.is_dir() else [path]
    if not files:
        raise DataError(f"There is no CollectedData_….csv in “{path.name}”.")
    return [face for file in files for face in _read_file(file, scheme, pictures)]


def _read_file(file: Path, scheme: Scheme, pictures: Path | None) -> list[ExchangedFace]:
    reader = csv.reader(io.StringIO(read_text(file)), strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if any(row)]
    except csv.Error as error:
        raise DataError(f"“{file.name}”, line {reader.line_num}: this is no CSV ({error}).") from error
    has_individuals = len(rows) > 1 and rows[1][1][0] == "individuals"
    heads = ["scorer", *(["individuals"] if has_individuals else []), "bodyparts", "coords"]
    if [row[0] for _, row in rows[: len(heads)]] != heads:
        raise DataError(f"“{file.name}”, line 1: no DeepLabCut file, which begins with scorer, bodyparts, coords.")
    header = [row for _, row in rows[: len(heads)]]
    width = len(header[0])
    index_columns = next((i for i in range(1, width) if header[0][i]), width)
    columns = _columns(header, index_columns, scheme, file)
    folders = [folder for folder in (pictures, file.parent) if folder]
    faces = []
    for line, row in rows[len(heads) :]:
        where = f"“{file.name}”, line {line}"
        if len(row) != width:
            raise DataError(f"{where}: {len(row)} cells, not {width}.")
        picture = find_picture("/".join(row[:index_columns]), folders, where)
        size = check_size(picture, None, where)
        points: dict[str, np.ndarray] = {}
        for cell, (individual, index, axis) in zip(row[index_columns:], columns, strict=True):
            face = points.setdefault(individual, np.full((scheme.n_points, 2), np.nan))
            if cell.strip() and cell.strip().lower() != "nan":
                face[index, axis] = number(cell, where, "a coordinate")
        for face in points.values():
            face[np.isnan(face).any(axis=1)] = np.nan
            if np.isfinite(face).any():
                faces.append(ExchangedFace(picture, *size, face, np.zeros(len(face), bool), where=where))
    return faces


def _columns(header: list[list[str]], first: int, scheme: Scheme, file: Path) -> list[tuple[str, int, int]]:
    """For every column of coordinates: the individual, the point's index, and 0 for x or 1 for y."""
    if len({len(row) for row in header}) > 1:
        raise DataError(f"“{file.name}”: its first {len(header)} lines have different numbers of cells.")
    individuals = header[1] if len(header) == 4 else [""] * len(header[0])
    line = len(header) - 1
    found = []
    for individual, name, coord in zip(individuals[first:], header[-2][first:], header[-1][first:], strict=True):
        if name not in scheme.names:
            raise DataError(f"“{file.name}”, line {line}: {scheme.name} has no point “{name[:40]}”.")
        if coord == "likelihood":
            raise DataError(
                f"“{file.name}”, line {line + 1}: a network's predictions, with likelihoods, are nobody's labels. "
                "Import CollectedData_….csv."
            )
        if coord not in ("x", "y"):
            raise DataError(f"“{file.name}”, line {line + 1}: “{coord[:40]}” is neither x nor y.")
        found.append((individual, scheme.names.index(name), "xy".index(coord)))
    return found
