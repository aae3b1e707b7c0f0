"""How far 15 points made of 68 lie from where Kaggle's people put them.

Two measures, since no picture has both labels. On Kaggle's own pictures a 68-point network stands in for the person:
its error is part of the result. And the mean shape of converted labels is laid beside the mean shape of Kaggle's: these
are other people, in other poses.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fkd.errors import DataError
from fkd.formats import KAGGLE_SIDE, LabelledFace, complete_rows, open_csv
from fkd.metrics import in_eye_frame, outer_eye_distance_px
from fkd.predictor import KeypointPredictor
from fkd.schemes import Scheme
from training.convert import to_kaggle15

__all__ = ["Bias", "bias_of_pictures", "bias_of_shapes", "full_labels", "in_eyes_frame"]


@dataclass(frozen=True)
class Bias:
    """Converted points less Kaggle's, for each of K points; x to the image's right, y down.

    Attributes:
        mean: (K, 2) float64 in distances between the outer eye corners; NaN where no face has both labels.
        error: (K, 2) float64, standard error of that mean; NaN where it is known of one face only.
        mean_px: (K, 2) float64 in pixels of Kaggle's 96×96 pictures; None where they were not looked at.
        n: faces of Kaggle's.
        n_converted: faces that were converted, those without an outer eye corner not counted.
    """

    mean: np.ndarray
    error: np.ndarray
    mean_px: np.ndarray | None
    n: int
    n_converted: int


def bias_of_pictures(predictor: KeypointPredictor, faces: Sequence[LabelledFace], scheme: Scheme) -> Bias:
    """Predict 68 points in Kaggle's pictures, convert them, and compare them with Kaggle's labels.

    Args:
        predictor: of scheme ibug68.
        faces: Kaggle's, at least two, with all 15 points.
        scheme: kaggle15.
    """
    labelled = np.stack([face.points_xy for face in faces])  # (N, 15, 2)
    whole = (-0.5, -0.5, KAGGLE_SIDE - 0.5, KAGGLE_SIDE - 0.5)
    predicted = np.stack([predictor.in_box(np.asarray(face.image), whole).points for face in faces])  # (N, 68, 2)
    # Where the network sees the points, not where a file that counts pixels from one would say they are.
    difference = to_kaggle15(predicted - predictor.net.config.label_origin_px) - labelled  # (N, 15, 2)
    share = difference / outer_eye_distance_px(labelled, scheme)[:, None, None]
    return Bias(_mean(share), _standard_error(share), _mean(difference), len(faces), len(faces))


def bias_of_shapes(converted_xy: np.ndarray, labelled_xy: np.ndarray, scheme: Scheme) -> Bias:
    """The mean shape of converted faces (N, 15, 2) less that of Kaggle's (M, 15, 2), both in the eyes' frame.

    Of either, only faces with both outer eye corners have such a frame; each point's mean is of those that have it.

    Raises:
        DataError: if no converted face has both corners.
    """
    framed = outer_eye_distance_px(converted_xy, scheme) > 0  # NaN compares false
    if not framed.any():
        raise DataError(
            f"None of the {len(converted_xy)} converted faces has both outer eye corners, by which faces are laid on "
            "each other: name data with labels there."
        )
    compared = labelled_xy[outer_eye_distance_px(labelled_xy, scheme) > 0]
    ours, theirs = in_eyes_frame(converted_xy[framed], scheme), in_eyes_frame(compared, scheme)
    error = np.hypot(_standard_error(ours), _standard_error(theirs))
    return Bias(_mean(ours) - _mean(theirs), error, None, len(theirs), len(ours))


def in_eyes_frame(points_xy: np.ndarray, scheme: Scheme) -> np.ndarray:
    """Faces (N, K, 2) moved, turned and scaled so that the outer eye corners lie at (-0.5, 0) and (0.5, 0)."""
    middle = points_xy[:, list(scheme.outer_eye_corners)].mean(axis=1, keepdims=True)  # (N, 1, 2)
    return in_eye_frame(points_xy - middle, points_xy, scheme)


def full_labels(path: Path, scheme: Scheme) -> np.ndarray:
    """The labels (N, 15, 2) of a Kaggle CSV's rows that have all points; it need not have pictures.

    Raises:
        DataError: if the file has other columns, a cell is no number, or fewer than two rows are full.
    """
    rows = []
    with open_csv(path) as text:
        table = csv.DictReader(text)
        columns = [f"{name}_{axis}" for name in scheme.names for axis in "xy"]
        missing = [column for column in columns if column not in (table.fieldnames or [])]
        if missing:
            raise DataError(f"“{path.name}” has no column {missing[0]}: it holds no labels of {scheme.name}.")
        for row, where in complete_rows(table, path.name):
            try:
                if all(row[column] for column in columns):
                    rows.append([float(row[column]) for column in columns])
            except ValueError as error:
                raise DataError(f"{where}: {error}.") from error
    if len(rows) < 2:
        raise DataError(f"“{path.name}” has {len(rows)} rows with all {scheme.n_points} points; two are the least.")
    return np.array(rows).reshape(len(rows), -1, 2)


def _mean(values: np.ndarray) -> np.ndarray:
    """(N, K, 2) → (K, 2), the mean of those that are not NaN; NaN where all are."""
    known = np.isfinite(values)
    return np.where(known, values, 0.0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)


def _standard_error(values: np.ndarray) -> np.ndarray:
    """(N, K, 2) → (K, 2), of :func:`_mean`; NaN where fewer than two are known."""
    count = np.isfinite(values).sum(axis=0)
    squares = _mean((values - _mean(values)) ** 2)
    return np.sqrt(squares / np.where(count > 1, count - 1, np.nan))  # the variance is squares · count / (count − 1)
