"""Fitting how a model's errors go together, for :mod:`fkd.settle`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fkd.errors import DataError
from fkd.formats import LabelledFace
from fkd.geometry import roll_of_points
from fkd.metrics import outer_eye_distance_px
from fkd.predictor import KeypointPredictor
from fkd.schemes import Scheme
from fkd.settle import SettlePrior, point_spread
from training.evaluate import predict_in_labelled_boxes

__all__ = ["PredictedFace", "fit_settle_prior", "predict_labelled"]

# So much of the covariance between coordinates is taken off: it is estimated from a few thousand faces.
SHRINKAGE = 0.15
FEWEST_FACES = 50


@dataclass(frozen=True, eq=False)
class PredictedFace:
    """A labelled face as the model sees it.

    Attributes:
        labelled_xy: (K, 2) float64 image pixels, NaN where there is no label.
        predicted_xy: (K, 2) float64 image pixels.
        confidence: (K,) float64 from 0 to 1.
        roll_rad: of the predicted face.
    """

    labelled_xy: np.ndarray
    predicted_xy: np.ndarray
    confidence: np.ndarray
    roll_rad: float


def predict_labelled(
    predictor: KeypointPredictor,
    faces: Sequence[LabelledFace],
    progress: Callable[[Sequence], Sequence] = lambda items: items,
) -> list[PredictedFace]:
    """Predict each face from the crop around its labelled points, in the convention of its labels if that is known.

    Args:
        progress: wraps the list of batches.

    Raises:
        ImageError: if a picture cannot be read.
    """
    if not faces:
        return []
    points_xy, scale_px = predict_in_labelled_boxes(predictor, faces, progress)
    confidence = predictor.confidence(points_xy, scale_px)
    return [
        PredictedFace(face.points_xy, points, sure, roll_of_points(points, predictor.scheme))
        for face, points, sure in zip(faces, points_xy, confidence, strict=True)
    ]


def fit_settle_prior(faces: Sequence[PredictedFace], scheme: Scheme) -> SettlePrior:
    """The covariance of the errors of faces that have every label, each face counted as it is and mirrored.

    Raises:
        DataError: if there are too few of them.
    """
    errors = [spread_errors(face, scheme) for face in faces if np.isfinite(face.labelled_xy).all()]
    if len(errors) < FEWEST_FACES:
        raise DataError(
            f"{len(errors)} faces with every point labelled are too few to learn how errors go together; give "
            f"{FEWEST_FACES} or more."
        )
    upright = np.stack(errors)  # (N, K, 2)
    mirrored = upright[:, scheme.flip_order] * [-1.0, 1.0]
    flat = np.concatenate([upright, mirrored]).reshape(2 * len(upright), -1)  # (2N, 2K)
    covariance = flat.T @ flat / len(flat)
    covariance /= np.diag(covariance).mean()
    return SettlePrior((1.0 - SHRINKAGE) * covariance + SHRINKAGE * np.diag(np.diag(covariance)))


def spread_errors(face: PredictedFace, scheme: Scheme) -> np.ndarray:
    """The errors of a face (K, 2) in eye distances, turned upright, each over its point's spread."""
    cos, sin = np.cos(face.roll_rad), np.sin(face.roll_rad)
    eye_distance_px = outer_eye_distance_px(face.predicted_xy[None], scheme)[0]
    upright = (face.labelled_xy - face.predicted_xy) @ np.array([[cos, -sin], [sin, cos]]) / eye_distance_px
    return upright / point_spread(face.confidence)[:, None]
