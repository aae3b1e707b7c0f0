"""68-point labels turned into Kaggle's 15 points.

Kaggle's left and right are the subject's, and so are iBUG's. docs/convert.md has the table, and how far off it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fkd.formats import LabelledFace
from fkd.geometry import crop_from_points
from fkd.schemes import load_scheme

__all__ = ["SOURCES", "converted", "to_kaggle15"]

# Each of kaggle15's points is the mean of these of ibug68's.
_EYE = ("outer", "top_outer", "top_inner", "inner", "bottom_inner", "bottom_outer")
SOURCES: dict[str, tuple[str, ...]] = {
    "nose_tip": ("nose_tip",),
    "mouth_left_corner": ("mouth_left",),
    "mouth_right_corner": ("mouth_right",),
    "mouth_center_top_lip": ("upper_lip_centre",),
    "mouth_center_bottom_lip": ("lower_lip_centre",),
}
for _side in ("left", "right"):
    SOURCES[f"{_side}_eye_center"] = tuple(f"{_side}_eye_{part}" for part in _EYE)
    for _end in ("inner", "outer"):
        SOURCES[f"{_side}_eye_{_end}_corner"] = (f"{_side}_eye_{_end}",)
        SOURCES[f"{_side}_eyebrow_{_end}_end"] = (f"{_side}_brow_{_end}",)


def to_kaggle15(points_xy: np.ndarray) -> np.ndarray:
    """Points of scheme ibug68 (…, 68, 2) → points of scheme kaggle15 (…, 15, 2), NaN where a part of one is missing."""
    names = load_scheme("ibug68").names
    parts = [[names.index(part) for part in SOURCES[name]] for name in load_scheme("kaggle15").names]
    return np.stack([points_xy[..., indices, :].mean(axis=-2) for indices in parts], axis=-2)


def converted(faces: Sequence[LabelledFace]) -> list[LabelledFace]:
    """Faces of scheme ibug68 as faces of scheme kaggle15: the same pictures, groups and sources, 15 points each.

    Those whose labels make none of the fifteen, such as a jaw's alone, are left out.
    """
    framing, fifteen = load_scheme("kaggle15").crop_from_points, []
    for face in faces:
        points_xy, crop = to_kaggle15(face.points_xy), None
        if not np.isfinite(points_xy).any():
            continue
        if face.crop is not None and np.isfinite(points_xy).all():  # as it was turned, but framed as this scheme's are
            crop = crop_from_points(points_xy, framing, face.crop.roll_rad)
        fifteen.append(replace(face, points_xy=points_xy, crop=crop))
    return fifteen
