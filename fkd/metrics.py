"""Errors of predicted points, as the field measures them."""

from __future__ import annotations

import numpy as np

from fkd.schemes import Scheme

__all__ = ["area_under_curve", "failure_rate", "nme_iod", "outer_eye_distance_px", "point_errors_px", "rmse_px"]


def point_errors_px(predicted_xy: np.ndarray, labelled_xy: np.ndarray) -> np.ndarray:
    """Distance of each point from its label in pixels: (N, K, 2), (N, K, 2) → (N, K), NaN where a label is missing."""
    return np.linalg.norm(predicted_xy - labelled_xy, axis=-1)


def outer_eye_distance_px(labelled_xy: np.ndarray, scheme: Scheme) -> np.ndarray:
    """Distance between the outer eye corners in pixels: (N, K, 2) → (N,), NaN where a corner has no label."""
    left, right = scheme.outer_eye_corners
    return np.linalg.norm(labelled_xy[:, left] - labelled_xy[:, right], axis=-1)


def nme_iod(
    predicted_xy: np.ndarray, labelled_xy: np.ndarray, scheme: Scheme, eye_distance: np.ndarray | None = None
) -> np.ndarray:
    """Mean error of each face over the distance between its outer eye corners: 300-W's measure, as a fraction.

    Sagonas et al. 2013, https://ibug.doc.ic.ac.uk/resources/300-W/

    Args:
        eye_distance: (N,) that distance, where it is known although the corners have no label; else it is theirs.

    Returns:
        (N,) float64; NaN for a face without any label, or without that distance.
    """
    errors = point_errors_px(predicted_xy, labelled_xy)  # (N, K)
    known = np.isfinite(errors)
    mean = np.where(known, errors, 0.0).sum(axis=1) / np.where(known.any(axis=1), known.sum(axis=1), np.nan)
    return mean / (outer_eye_distance_px(labelled_xy, scheme) if eye_distance is None else eye_distance)


def rmse_px(predicted_xy: np.ndarray, labelled_xy: np.ndarray) -> float:
    """Root mean square error over all labelled coordinates in pixels: Kaggle's score."""
    return float(np.sqrt(np.nanmean((predicted_xy - labelled_xy) ** 2)))


def failure_rate(errors: np.ndarray, threshold: float) -> float:
    """Share of faces whose error (N,) is above `threshold`."""
    return float(np.mean(errors > threshold))


def area_under_curve(errors: np.ndarray, limit: float) -> float:
    """Area under the cumulative error curve from 0 to `limit`, over `limit`: 1 is perfect, 0 is useless.

    This is the mean over faces of ``max(0, 1 - error / limit)``, the exact integral of the step curve.
    """
    return float(np.mean(np.clip(1.0 - errors / limit, 0.0, 1.0)))
