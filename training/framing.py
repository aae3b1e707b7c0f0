"""Frames for faces of which only some points are labelled: the box of their labels is not that of the face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fkd.formats import LabelledFace, read_faces
from fkd.geometry import crop_from_points
from fkd.schemes import Scheme
from training.shapes import MOST_FITTED, WHOLE_SHARE, as_complex, laid_upon, mean_shape

__all__ = ["read_framed", "with_frames"]

# Two labels tell where a face is, how large and which way up, unless they lie so near to each other, in root mean
# square radii of a whole face, that they tell little more than how exactly they were placed.
LEAST_SPREAD = 0.3


def read_framed(path: str | Path, scheme: Scheme) -> list[LabelledFace]:
    """As :func:`fkd.formats.read_faces`, with frames for the faces that need one."""
    return with_frames(read_faces(path, scheme), scheme)


def with_frames(faces: Sequence[LabelledFace], scheme: Scheme) -> list[LabelledFace]:
    """The same faces, but those that lack labels, and say nothing of their frame, get the crop of a whole face: the
    mean of the fullest ones, laid upon the labels that there are.

    A face whose labels do not tell how large it is stays as it is, and is framed by these alone.
    """
    if not faces:
        return []
    points_xy = np.stack([face.points_xy for face in faces])  # (N, K, 2)
    count = np.isfinite(points_xy).all(axis=2).sum(axis=1)  # (N,)
    has_own = np.array([face.crop is not None or face.box_xyxy is not None for face in faces])
    lacking = np.flatnonzero((count < count.max()) & ~has_own)
    if not len(lacking):
        return list(faces)
    whole = np.flatnonzero(count >= WHOLE_SHARE * count.max())[:MOST_FITTED]
    mean = mean_shape(as_complex(points_xy[whole]))  # (K,)
    framed = list(faces)
    for i in lacking:
        own = as_complex(points_xy[i])  # (K,)
        shared = np.isfinite(own) & np.isfinite(mean)
        if shared.sum() < 2 or np.std(mean[shared]) < LEAST_SPREAD or np.std(own[shared]) == 0:
            continue
        laid = np.where(np.isfinite(own), own, laid_upon(mean[None], own)[0])
        laid = laid[np.isfinite(laid)]
        crop = crop_from_points(np.column_stack([laid.real, laid.imag]), scheme.crop_from_points)
        framed[i] = replace(faces[i], crop=crop)
    return framed
