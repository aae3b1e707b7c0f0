"""One labelled face on its way to or from another tool, and the picture that it is in."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath

import numpy as np

from fkd.errors import DataError, ImageError
from fkd.file_names import is_file
from fkd.stored_pictures import StoredPicture

__all__ = [
    "ExchangedFace",
    "box_around",
    "by_picture",
    "check_size",
    "copy_pictures",
    "find_picture",
    "number",
    "order_of_names",
    "read_json",
    "read_text",
]


@dataclass(frozen=True, eq=False)
class ExchangedFace:
    """One face with labels, in pixels of the upright picture, the centre of the top-left pixel at (0, 0).

    Attributes:
        image: the picture's file; or its pixels, where a format carries them.
        width, height: the upright picture's size in px.
        points_xy: (K, 2) float64, NaN where there is no label.
        hidden: (K,) bool, labelled although something hides it.
        box_xyxy: (4,) float64, or None where the format has no box.
        predicted_xy: (K, 2) float64, what a model had said; None if that is not known.
        confidence: (K,) float64 of that prediction.
        model_version: the model that had said it.
        where: the place in the file, for messages.
    """

    image: Path | StoredPicture
    width: int
    height: int
    points_xy: np.ndarray
    hidden: np.ndarray
    box_xyxy: np.ndarray | None = None
    predicted_xy: np.ndarray | None = None
    confidence: np.ndarray | None = None
    model_version: str = ""
    where: str = ""


def by_picture(faces: Iterable[ExchangedFace]) -> list[tuple[Path, list[ExchangedFace]]]:
    """The faces of each picture, pictures in order of their names."""
    ordered = sorted(faces, key=lambda face: face.image.name)
    return [(path, list(group)) for path, group in groupby(ordered, key=lambda face: face.image)]


def copy_pictures(faces: Iterable[ExchangedFace], folder: Path) -> None:
    """Copy every picture of the faces once into a folder, which is made. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in {face.image for face in faces}:
        shutil.copyfile(path, folder / path.name)


def find_picture(reference: str, folders: Iterable[Path], where: str) -> Path:
    """The file that a label file calls `reference`, looked for in and directly under `folders`.

    Absolute paths and addresses name a file on somebody else's machine: only their last part is looked for.

    Raises:
        DataError: if there is none.
    """
    relative = PurePosixPath(reference.replace("\\", "/"))
    folders = list(folders)
    tried = [] if relative.is_absolute() or ".." in relative.parts else [folder / relative for folder in folders]
    tried += [folder / inner / relative.name for folder in folders for inner in ("", "images")]
    for path in tried:
        if relative.name and is_file(path):
            return path
    named = ", ".join(dict.fromkeys(str(folder) for folder in folders))
    raise DataError(f"{where}: there is no picture “{reference[:100]}” in {named}. Say where it lies (--images).")


def check_size(path: Path, size: tuple[int, int] | None, where: str) -> tuple[int, int]:
    """The upright width and height of a picture.

    Args:
        size: what the label file says; None if it does not.

    Raises:
        DataError: if the picture cannot be read, or has another size than the labels were made on.
    """
    from fkd.images import upright_size

    try:
        actual = upright_size(path)
    except ImageError as error:
        raise DataError(f"{where}: {error}") from error
    if size is not None and tuple(size) != actual:
        raise DataError(
            f"{where}: it was labelled at {size[0]} × {size[1]} px, but {path.name} has {actual[0]} × {actual[1]} px "
            "upright. Use the picture that was labelled."
        )
    return actual


def box_around(points_xy: np.ndarray) -> np.ndarray:
    """A box (4,) of at least 1 px a side around the points (K, 2) that are there."""
    start, stop = np.nanmin(points_xy, axis=0), np.nanmax(points_xy, axis=0)
    return np.concatenate([start, np.maximum(stop, start + 1.0)])


def order_of_names(names: list[str], scheme, where: str) -> list[int]:
    """For every point of a file its index in the scheme.

    Raises:
        DataError: if they are other points than the scheme's.
    """
    if sorted(names) == sorted(scheme.names):
        return [scheme.names.index(name) for name in names]
    if len(names) == scheme.n_points and not set(names) & set(scheme.names):
        return list(range(scheme.n_points))  # other names for as many points: iBUG's order is the same everywhere
    raise DataError(
        f"{where}: its {len(names)} points ({', '.join(names[:3])}, …) are not the {scheme.n_points} of {scheme.name}."
    )


def read_text(path: Path) -> str:
    """A text file. Raises DataError if it cannot be read or is no UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"“{path.name}” cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise DataError(f"“{path.name}”, line {line}: this is no text in UTF-8.") from error


def read_json(path: Path):
    """A JSON file. Raises DataError, with the line, if it is none."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"“{path.name}”, line {error.lineno}: this is no JSON ({error.msg}).") from error
    except RecursionError as error:
        raise DataError(f"“{path.name}” is nested too deeply to be labels.") from error


def number(value: object, where: str, what: str) -> float:
    """A finite number from a cell or a JSON value.

    Raises:
        DataError: if it is none.
    """
    try:
        if isinstance(value, bool):
            raise ValueError
        found = float(value)
    except (OverflowError, TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise DataError(f"{where}: {what} is {str(value)[:40]!r}, which is no number.")
    return found
