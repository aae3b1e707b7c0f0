"""Frames for faces of which only some points are labelled: their box would be that of the labels, not of the face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fkd.errors import DataError
from fkd.geometry import crop_from_points
from fkd.schemes import Scheme

if TYPE_CHECKING:  # it reads faces through this
    from fkd.formats import LabelledFace

__all__ = ["with_frames"]

FEWEST_LABELS = 2  # tell where a face is, how large and which way up


def with_frames(faces: Sequence[LabelledFace], scheme: Scheme) -> list[LabelledFace]:
    """The same faces, but those that lack labels, and say nothing of their frame, get the crop of a whole face: the
    mean of the fullest faces, laid upon the labels that there are.

    Raises:
        DataError: naming the picture, if a face has too few labels for that.
    """
    count = np.array([np.isfinite(face.points_xy).all(axis=1).sum() for face in faces], dtype=int)
    lacking = [
        i for i, face in enumerate(faces) if count[i] < count.max() and face.crop is None and face.box_xyxy is None
    ]
    if not lacking:
        return list(faces)
    mean = mean_face(np.array([faces[i].points_xy for i in np.flatnonzero(count == count.max())]))
    framed = list(faces)
    for i in lacking:
        shared = np.isfinite(faces[i].points_xy).all(axis=1) & np.isfinite(mean).all(axis=1)
        if shared.sum() < FEWEST_LABELS:
            raise DataError(
                f"“{faces[i].group}” has too few labelled points ({count[i]}) to tell how large the face is: label "
                f"{FEWEST_LABELS} or more, or leave the row out."
            )
        whole = np.where(np.isfinite(faces[i].points_xy), faces[i].points_xy, laid_upon(mean, faces[i].points_xy))
        framed[i] = replace(faces[i], crop=crop_from_points(whole, scheme.crop_from_points))
    return framed


def mean_face(points_xy: np.ndarray) -> np.ndarray:
    """Faces (N, K, 2) as they stand, each in the middle of its points and as large as the others → (K, 2)."""
    centred = points_xy - np.nanmean(points_xy, axis=1, keepdims=True)
    size = np.sqrt(np.nanmean(np.square(centred), axis=(1, 2), keepdims=True))
    return np.nanmean(centred / np.maximum(size, 1e-9), axis=0)


def laid_upon(shape_xy: np.ndarray, points_xy: np.ndarray) -> np.ndarray:
    """`shape_xy` (K, 2) moved, turned and scaled to lie as near as it can (least squares) on `points_xy` (K, 2), of
    which some may be NaN."""
    shared = np.isfinite(shape_xy).all(axis=1) & np.isfinite(points_xy).all(axis=1)
    shape, target = (each[:, 0] + 1j * each[:, 1] for each in (shape_xy, points_xy))
    centre, target_centre = shape[shared].mean(), target[shared].mean()
    centred = shape[shared] - centre
    turn = np.vdot(centred, target[shared] - target_centre) / max(np.vdot(centred, centred).real, 1e-9)
    laid = turn * (shape - centre) + target_centre
    return np.column_stack([laid.real, laid.imag])
