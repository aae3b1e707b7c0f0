"""One correction as a face to learn from or to measure on: which of its points are labels, and how it is framed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from fkd.corrections import Correction
from fkd.formats import LabelledFace
from fkd.geometry import crop_from_points, roll_of_points
from fkd.metrics import outer_eye_distance_px
from fkd.schemes import Scheme

__all__ = ["GROUP", "TRUSTED_CONFIDENCE", "corrected_face", "judged_labels", "labels_of", "whole_face"]

# An untouched point is the model's own opinion; where the model was sure and the person let it stand, it may train. On
# fifty drawn caricatures, which ibug68 had not seen and erred on by 9 % of the eye distance, the tenth of the points
# that had this confidence or more was 3.0 % off, and one in a hundred by more than 10 %; those of 0.5 to 0.7 were 6.3 %
# off, and one in six by more than 10 %.
TRUSTED_CONFIDENCE = 0.8
# What the group of a corrected face starts with.
GROUP = "corrections/"


def corrected_face(correction: Correction, image: Path, scheme: Scheme, labels: np.ndarray) -> LabelledFace:
    """One correction with the scheme's number of points as a face with the given labels (K, 2), cropped as the app
    would crop it."""
    # Judged or not, every point helps to frame the face and to tell its size.
    whole = whole_face(correction)
    roll_rad = roll_of_points(whole, scheme)
    return LabelledFace(
        image,
        labels,
        group=GROUP + correction.image,
        box_xyxy=correction.box_xyxy,
        crop=crop_from_points(whole, scheme.crop_from_points, 0.0 if math.isnan(roll_rad) else roll_rad),
        eye_distance_px=float(outer_eye_distance_px(whole[None], scheme)[0]),
    )


def whole_face(correction: Correction) -> np.ndarray:
    """All points (K, 2) that have a place: where the person left it, else where it was predicted; else NaN."""
    return np.where(np.isnan(correction.corrected_xy), correction.predicted_xy, correction.corrected_xy)


def labels_of(correction: Correction) -> np.ndarray:
    """The points (K, 2) of a correction that may train; NaN elsewhere.

    Moved and confirmed points do. An occluded point is a guess and an absent one is none. An untouched point trains
    only where the model was sure of it: else the model would learn its own mistakes. A settled one is the model's, too.
    """
    states = np.array(correction.states)
    sure = np.nan_to_num(correction.confidence) >= TRUSTED_CONFIDENCE
    trains = (states == "moved") | (states == "confirmed") | ((states == "untouched") & sure)
    return np.where(trains[:, None], correction.corrected_xy, np.nan)


def judged_labels(correction: Correction) -> np.ndarray:
    """The points (K, 2) that a person moved or confirmed; NaN elsewhere.

    To measure on: an untouched point is what the old model said, and would only tell how little has changed.
    """
    judged = np.isin(correction.states, ("moved", "confirmed"))
    return np.where(judged[:, None], correction.corrected_xy, np.nan)
