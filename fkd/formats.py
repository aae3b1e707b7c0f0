"""Labelled faces in the layouts that people have them in.

- a *keypoints folder*: ``keypoints.csv`` with rows ``file,x0,y0,x1,y1,…`` (pixels, 0-based, the centre of the top-left
  pixel at (0, 0); an empty cell is a missing coordinate) and the pictures in ``images/`` beside it; what
  ``python -m training merge`` writes has `MERGED_COLUMNS` behind the points;
- *Kaggle's* ``training.csv``, or a zip that holds it: named coordinate columns and an ``Image`` column with the 9,216
  grey values of a 96×96 picture (https://www.kaggle.com/competitions/facial-keypoints-detection/data).
"""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fkd.errors import DataError
from fkd.file_names import is_file
from fkd.geometry import Crop, whole_image_crop
from fkd.schemes import Scheme
from fkd.stored_pictures import PictureStore, StoredPicture

__all__ = [
    "KAGGLE_SIDE",
    "MERGED_COLUMNS",
    "LabelledFace",
    "complete_rows",
    "kaggle_image",
    "open_csv",
    "read_faces",
    "read_kaggle",
    "read_keypoints_folder",
]

KAGGLE_SIDE = 96
# The rest of a LabelledFace, so that one that went through a folder is what it was; empty where there is none.
MERGED_COLUMNS = ("group", "source", "crop_x", "crop_y", "crop_size_px", "crop_roll_rad", "eye_distance_px")
# YouTube Faces frames: SPLIT_Person_Name_NN. All frames of a person belong on one side of a split.
_YOUTUBE_FRAME = re.compile(r"(?:training|test)_(?P<person>.+)_\d\d")


@dataclass(frozen=True)
class LabelledFace:
    """One face with labels.

    Attributes:
        image: path of the picture, or the picture itself, (H, W, 3) uint8, in memory or on disk; what
            `fkd.images.read_image` reads.
        points_xy: (K, 2) float64, image pixels, NaN where there is no label.
        group: faces of one group (one photo, one person's frames) are never split between training and test.
        box_xyxy: (4,) the face's box where one is known.
        crop: how to frame the face where the data set says so itself (Kaggle's pictures are crops already).
        source: which convention the labels follow, e.g. Kaggle's four-point rows.
        eye_distance_px: distance between the outer eye corners, where it is known although they have no label.
    """

    image: Path | np.ndarray | StoredPicture
    points_xy: np.ndarray
    group: str
    box_xyxy: np.ndarray | None = None
    crop: Crop | None = None
    source: str = ""
    eye_distance_px: float = math.nan


def read_faces(path: str | Path, scheme: Scheme) -> list[LabelledFace]:
    """Read any layout of the module's text, told apart by what is at `path`.

    Raises:
        DataError: if `path` holds none of them, or labels of another scheme.
    """
    path = Path(path)
    if (path / "keypoints.csv").is_file():
        return read_keypoints_folder(path, scheme)
    if path.is_dir() and (path / "training.zip").is_file():
        return list(read_kaggle(path / "training.zip", scheme))
    if path.is_file() and path.suffix.lower() in (".csv", ".zip"):
        return list(read_kaggle(path, scheme))
    raise DataError(
        f"“{path.name}” is no data that fkd reads. Give a folder with keypoints.csv and images/, or Kaggle's "
        "training.csv or training.zip."
    )


def read_keypoints_folder(folder: str | Path, scheme: Scheme) -> list[LabelledFace]:
    """Faces of a keypoints folder; a photo with several labelled faces has several rows.

    Raises:
        DataError: naming the line, if a row does not fit the scheme or its picture is missing.
    """
    folder = Path(folder)
    name = folder.resolve().name  # “.” has none
    width = 1 + 2 * scheme.n_points
    faces = []
    with open_csv(folder / "keypoints.csv") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        if len(header) != width and tuple(header[width:]) != MERGED_COLUMNS:
            raise DataError(
                f"“{name}/keypoints.csv” has {len(header)} columns; scheme {scheme.name} needs {width} "
                "(file, then x and y of each point)."
            )
        if header and is_file(folder / "images" / header[0]):
            raise DataError(f"“{name}/keypoints.csv” begins with a face; its first line must name the columns.")
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            where = f"“{name}/keypoints.csv”, line {rows.line_num}"
            if len(row) != len(header):
                raise DataError(f"{where}: {len(row)} cells, not {len(header)}.")
            image = folder / "images" / row[0]
            if not is_file(image):
                raise DataError(f"{where}: images/{row[0][:100]} is missing.")
            points = _floats(row[1:width], where).reshape(-1, 2)
            if np.isnan(points).all():
                raise DataError(f"{where}: no point has a label.")
            frame = _YOUTUBE_FRAME.fullmatch(image.stem)
            group = f"{name}/{frame['person'] if frame else image.stem}"
            face = LabelledFace(image, points, group, source=name)
            faces.append(_as_merged(face, row[width:], where) if len(row) > width else face)
    return faces


def _as_merged(face: LabelledFace, cells: list[str], where: str) -> LabelledFace:
    group, source, *numbers = cells
    x, y, size_px, roll_rad, eye_distance_px = _float_cells(numbers, where)
    crop = None if math.isnan(size_px) else Crop((x, y), size_px, roll_rad)
    return replace(face, group=group, source=source, crop=crop, eye_distance_px=eye_distance_px)


def read_kaggle(path: str | Path, scheme: Scheme) -> Iterator[LabelledFace]:
    """Faces of Kaggle's training file, row by row; their pictures are kept on disk, not in memory.

    Kaggle's rows come from two sources: those with (nearly) all points and those with four, whose nose tip and lower
    lip are placed by another convention. ``source`` tells them apart: ``kaggle-15`` or ``kaggle-4``.

    Raises:
        DataError: if columns are missing or a row is malformed.
    """
    path = Path(path)
    with open_csv(path) as text:
        # A row is one 9,216-number cell and thirty coordinates: about 35 kB, under csv's limit of 128 kB.
        rows = csv.DictReader(text)
        columns = [f"{name}_{axis}" for name in scheme.names for axis in "xy"]
        missing = [column for column in [*columns, "Image"] if column not in (rows.fieldnames or [])]
        if missing:
            raise DataError(
                f"“{path.name}” has no column {missing[0]}: it is no Kaggle training file for {scheme.name}."
            )
        store, crop = PictureStore(), whole_image_crop(KAGGLE_SIDE, KAGGLE_SIDE)
        for row, where in complete_rows(rows, path.name):
            points = _floats([row[column] for column in columns], where).reshape(-1, 2)
            source = "kaggle-15" if np.isfinite(points).all(axis=1).sum() > 4 else "kaggle-4"
            image = store.add(kaggle_image(row["Image"], where))
            yield LabelledFace(image, points, f"{path.stem}/{rows.line_num}", crop=crop, source=source)


def complete_rows(table: csv.DictReader, name: str) -> Iterator[tuple[dict[str, str], str]]:
    """The rows of a CSV with as many cells as columns, each with the words that name its line in the file `name`.

    Raises:
        DataError: if a row has fewer cells, or more, as numbers with a decimal comma do.
    """
    for row in table:
        where = f"“{name}”, line {table.line_num}"
        # DictReader fills up short rows with None, and puts what is too much into a list under None.
        cells = sum(isinstance(cell, str) for cell in row.values()) + len(row.get(None, ()))
        if cells != len(table.fieldnames):
            raise DataError(f"{where}: {cells} cells, not {len(table.fieldnames)}.")
        yield row, where


def kaggle_image(cell: str, where: str) -> np.ndarray:
    """The ``Image`` cell as a picture, (96, 96) uint8.

    Raises:
        DataError: if it does not hold 9,216 whole numbers from 0 to 255.
    """
    try:
        grey = np.array(cell.split(), dtype=np.int64)
    except (OverflowError, ValueError) as error:
        raise DataError(f"{where}: the Image cell holds something other than numbers.") from error
    if grey.size != KAGGLE_SIDE**2 or grey.min() < 0 or grey.max() > 255:
        raise DataError(f"{where}: the Image cell must hold {KAGGLE_SIDE**2} numbers from 0 to 255, not {grey.size}.")
    return grey.astype(np.uint8).reshape(KAGGLE_SIDE, KAGGLE_SIDE)


def _float_cells(cells: list[str], where: str) -> list[float]:
    try:
        values = [float(cell) if cell.strip() else math.nan for cell in cells]
    except ValueError as error:
        raise DataError(f"{where}: {error}.") from error
    if any(map(math.isinf, values)):
        raise DataError(f"{where}: a coordinate is infinite.")
    return values


def _floats(cells: list[str], where: str) -> np.ndarray:
    values = np.array(_float_cells(cells, where))
    # A point with one coordinate is no point.
    values.reshape(-1, 2)[np.isnan(values.reshape(-1, 2)).any(axis=1)] = np.nan
    return values


@contextmanager
def open_csv(path: Path) -> Iterator[io.TextIOBase]:
    """The CSV at `path`, or the one CSV inside the zip at `path`, as text; a byte-order mark (Excel's) is left out.

    Raises:
        DataError: if it cannot be opened, or what is read of it is damaged or no CSV.
    """
    with ExitStack() as opened:
        try:
            yield _csv_text(path, opened)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise DataError(f"“{path.name}” is not a zip file, or a damaged one.") from error
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"“{path.name}” is no CSV in UTF-8 text: {error}.") from error


def _csv_text(path: Path, opened: ExitStack) -> io.TextIOBase:
    try:
        if path.suffix.lower() != ".zip":
            return opened.enter_context(path.open(newline="", encoding="utf-8-sig"))
        archive = opened.enter_context(zipfile.ZipFile(path))
        inner = [name for name in archive.namelist() if name.lower().endswith(".csv")]
        if len(inner) != 1:
            raise DataError(f"“{path.name}” holds {len(inner)} CSV files; it must hold one.")
        raw = opened.enter_context(archive.open(inner[0]))
    except OSError as error:
        raise DataError(f"“{path.name}” cannot be read: {error.strerror or error}.") from error
    except RuntimeError as error:  # zipfile's, for a password or a method that it lacks
        raise DataError(f"“{path.name}” cannot be unpacked: {error}.") from error
    return opened.enter_context(io.TextIOWrapper(raw, encoding="utf-8-sig", newline=""))
