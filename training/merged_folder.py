"""Labelled faces written as a keypoints folder, which every ``--data`` and ``--base`` reads back as they were."""

from __future__ import annotations

import csv
import io
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fkd.durable import write_whole
from fkd.errors import DataError
from fkd.formats import MERGED_COLUMNS, LabelledFace
from fkd.schemes import Scheme

__all__ = ["write_keypoints_folder"]


def write_keypoints_folder(faces: Sequence[LabelledFace], folder: Path, scheme: Scheme) -> None:
    """Write ``keypoints.csv`` and copies of the pictures in ``images/``.

    ``keypoints.csv`` comes last and whole: a folder without one is no data. Two pictures of one name get two names.

    Raises:
        DataError: if the folder holds something already, or cannot be written.
    """
    try:
        (folder / "images").mkdir(parents=True, exist_ok=True)
        if (folder / "keypoints.csv").exists() or any((folder / "images").iterdir()):
            raise DataError(f"“{folder}” holds data already. Name a new folder with --out.")
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["file", *(f"{axis}{i}" for i in range(scheme.n_points) for axis in "xy"), *MERGED_COLUMNS])
        names: dict[Path | int, str] = {}
        taken: set[str] = set()
        for face in faces:
            picture = face.image if isinstance(face.image, Path) else id(face.image)
            if picture not in names:
                names[picture] = free_name(face, taken)
                taken.add(names[picture])
                write_picture(face, folder / "images" / names[picture])
            table.writerow([names[picture], *map(cell, face.points_xy.ravel()), *rest_of(face)])
        write_whole(folder / "keypoints.csv", text.getvalue().encode())
    except OSError as error:
        raise DataError(
            f"“{folder}” cannot be written ({error.strerror or error}). Make room, or name another folder with --out."
        ) from error


def rest_of(face: LabelledFace) -> list[str]:
    """The cells under `MERGED_COLUMNS`."""
    crop = face.crop
    numbers = [math.nan] * 4 if crop is None else [*crop.center_xy, crop.size_px, crop.roll_rad]
    return [face.group, face.source, *map(cell, [*numbers, face.eye_distance_px])]


def cell(number: float) -> str:
    return "" if math.isnan(number) else repr(float(number))


def free_name(face: LabelledFace, taken: set[str]) -> str:
    # A picture in memory is called after its group, such as training/17.
    name = face.image.name if isinstance(face.image, Path) else face.group.replace("/", "-") + ".png"
    stem, dot, ending = name.rpartition(".")
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{stem}-{number}{dot}{ending}"
    return free


def write_picture(face: LabelledFace, path: Path) -> None:
    if isinstance(face.image, Path):
        shutil.copyfile(face.image, path)
    else:
        from PIL import Image

        Image.fromarray(np.asarray(face.image)).save(path)
