"""Photos that nobody labelled, as something to remember by: what the old network sees in them is to stay."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from fkd.errors import DataError, ImageError
from fkd.formats import LabelledFace
from fkd.geometry import crop_from_points, roll_of_points
from fkd.image_store import stored_name
from fkd.metrics import outer_eye_distance_px
from fkd.predictor import KeypointPredictor

__all__ = ["every_fifth_photo", "unlabelled_faces"]


def unlabelled_faces(
    folder: str | Path,
    predictor: KeypointPredictor,
    most: int,
    seed: int,
    progress: Callable[[Sequence], Sequence] = lambda items: items,
    corrected: Collection[str] = (),
) -> list[LabelledFace]:
    """The faces that a predictor finds in a folder's photos, framed by its points, with no label at all.

    Args:
        folder: looked through with all its subfolders; files that are no pictures are passed over.
        most: look into this many photos, drawn by `seed`.
        corrected: what the store calls the pictures that somebody corrected (see :mod:`fkd.image_store`); they are left
            out, for there the predictor is known to be wrong.

    Raises:
        DataError: if there is no photo with a face.
    """
    Image.init()
    photos = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in Image.EXTENSION)
    if len(photos) > most:
        photos = [photos[i] for i in sorted(np.random.default_rng(seed).permutation(len(photos))[:most])]
    faces = []
    for photo in progress(photos):
        try:
            found = [] if corrected and stored_name(photo) in corrected else predictor(photo)
        except ImageError:  # one bad file among many photos is no reason to stop: it only is not remembered by
            continue
        faces += [unlabelled_face(photo, face.points, predictor) for face in found]
    if not faces:
        raise DataError(f"There is no photo with a face in “{folder}”. Name another folder with --unlabelled.")
    return faces


def every_fifth_photo(faces: Sequence[LabelledFace]) -> tuple[list[LabelledFace], list[LabelledFace]]:
    """The faces parted: those of every fifth photo come second. With fewer than five photos there are none."""
    photos = list(dict.fromkeys(face.image for face in faces))
    chosen = set(photos[4::5])
    return [face for face in faces if face.image not in chosen], [face for face in faces if face.image in chosen]


def unlabelled_face(photo: Path, points_xy: np.ndarray, predictor: KeypointPredictor) -> LabelledFace:
    roll_rad = roll_of_points(points_xy, predictor.scheme)
    return LabelledFace(
        photo,
        np.full_like(points_xy, math.nan),
        group=f"unlabelled/{photo.name}",
        crop=crop_from_points(points_xy, predictor.scheme.crop_from_points, roll_rad),
        source="unlabelled",
        eye_distance_px=float(outer_eye_distance_px(points_xy[None], predictor.scheme)[0]),
    )
