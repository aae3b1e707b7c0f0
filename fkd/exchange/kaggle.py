"""Kaggle's ``training.csv``: named coordinate columns and the 9,216 grey values of a 96×96 picture.

https://www.kaggle.com/competitions/facial-keypoints-detection/data
The format carries the face's square and not the photo, so what comes back is a picture of its own.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from fkd.errors import DataError
from fkd.exchange.faces import ExchangedFace, box_around
from fkd.schemes import Scheme

__all__ = ["CARRIES_HIDDEN", "CARRIES_MISSING", "LABELS", "PRECISION_PX", "TITLE", "read", "write"]

TITLE = "Kaggle CSV"
LABELS = "training.csv"
PRECISION_PX = 0.01
CARRIES_HIDDEN = False
CARRIES_MISSING = True


def write(faces: list[ExchangedFace], scheme: Scheme, folder: Path) -> list[str]:
    """Write ``training.csv``. A picture of 96×96 px goes in as it is, of another the square around the face."""
    from fkd.formats import KAGGLE_SIDE
    from fkd.images import read_image

    columns = [f"{name}_{axis}" for name in scheme.names for axis in "xy"]
    with (folder / LABELS).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*columns, "Image"])
        for face in faces:
            crop = _square(face, KAGGLE_SIDE)
            points = crop.to_unit(face.points_xy) * KAGGLE_SIDE - 0.5
            grey = _grey(read_image(face.image), crop, KAGGLE_SIDE)
            cells = ["" if np.isnan(v) else f"{v:.4f}" for v in points.ravel()]
            table.writerow([*cells, " ".join(map(str, grey.ravel()))])
    hidden = sum(int(face.hidden.sum()) for face in faces)
    return [f"Kaggle's CSV cannot say that a point is hidden: {hidden} are written as seen."] if hidden else []


def _square(face: ExchangedFace, side_px: int):
    from fkd.geometry import Crop, whole_image_crop

    if (face.width, face.height) == (side_px, side_px):
        return whole_image_crop(side_px, side_px)
    boxes = [box_around(face.points_xy), *([] if face.box_xyxy is None else [face.box_xyxy])]
    start, stop = np.min(boxes, axis=0)[:2], np.max(boxes, axis=0)[2:]
    x, y = ((start + stop) / 2).tolist()
    return Crop((x, y), float((stop - start).max()))


def _grey(image: np.ndarray, crop, side_px: int) -> np.ndarray:
    """The crop as (S, S) uint8."""
    from PIL import Image

    from fkd.geometry import cut, image_tensor

    pixels = image
    if image.shape[:2] != (side_px, side_px):
        pixels = cut(image_tensor(image), [crop], side_px)[0].permute(1, 2, 0).round().byte().numpy()  # (S, S, 3)
    return np.asarray(Image.fromarray(pixels).convert("L"))


def read(path: Path, scheme: Scheme, pictures: Path | None = None) -> list[ExchangedFace]:
    """The faces of Kaggle's CSV or a zip that holds it, or of ``training.csv`` in a folder; `pictures` is not used.

    Raises:
        DataError: with the line, if the file is malformed.
    """
    from fkd.formats import KAGGLE_SIDE, read_kaggle

    path = path / LABELS if path.is_dir() else path
    if not path.is_file():
        raise DataError(f"There is no file “{path.name}”.")
    faces = []
    for line, face in enumerate(read_kaggle(path, scheme), start=2):
        hidden = np.zeros(scheme.n_points, bool)
        where = f"“{path.name}”, line {line}"
        faces.append(ExchangedFace(face.image, KAGGLE_SIDE, KAGGLE_SIDE, face.points_xy, hidden, where=where))
    return faces
