"""Errors of predicted points, as the field measures them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fkd.schemes import Scheme

__all__ = [
    "area_under_curve",
    "failure_rate",
    "in_eye_frame",
    "mean_of_labelled",
    "nme_iod",
    "offset_free_nme",
    "outer_eye_distance_px",
    "point_errors_px",
    "rank_correlation",
    "rmse_px",
]


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
    mean = mean_of_labelled(point_errors_px(predicted_xy, labelled_xy))
    return mean / (outer_eye_distance_px(labelled_xy, scheme) if eye_distance is None else eye_distance)


def mean_of_labelled(values: np.ndarray) -> np.ndarray:
    """Mean of each face's points that are not NaN: (N, K) → (N,), NaN for a face that has none."""
    known = np.isfinite(values)
    return np.where(known, values, 0.0).sum(axis=1) / np.where(known.any(axis=1), known.sum(axis=1), np.nan)


def in_eye_frame(vectors_xy: np.ndarray, labelled_xy: np.ndarray, scheme: Scheme) -> np.ndarray:
    """Vectors in the frame of each face's labelled eyes, where faces of any roll and size can be put together.

    The frame's x axis runs from the one outer eye corner to the other, and its unit is their distance.

    Args:
        vectors_xy: (N, K, 2) px, e.g. prediction minus label.
        labelled_xy: (N, K, 2) px, the faces that they belong to.

    Returns:
        (N, K, 2) float64; NaN all over a face without both outer eye corners.
    """
    left, right = scheme.outer_eye_corners
    line = labelled_xy[:, right] - labelled_xy[:, left]  # (N, 2)
    cos, sin = (line / (line**2).sum(axis=1, keepdims=True)).T  # (N,) each, over the length once more
    back = np.stack([np.stack([cos, sin], axis=-1), np.stack([-sin, cos], axis=-1)], axis=1)  # (N, 2, 2)
    return np.einsum("nij,nkj->nki", back, vectors_xy)


def offset_free_nme(
    predicted_xy: np.ndarray, labelled_xy: np.ndarray, scheme: Scheme, groups: Sequence[str]
) -> np.ndarray:
    """NME of each face after one constant offset a point was taken off.

    Data sets place points by conventions of their own; such an offset, constant in the eyes' frame
    (:func:`in_eye_frame`), is no fault of a network that learned another one. It is the mean residual of one
    half of the groups, applied to the other half, both ways; every second group in alphabetical order is one half.

    Args:
        groups: (N,) name of each face's photo or person.

    Returns:
        (N,) float64; NaN for a face without both outer eye corners, and for all where there is one group only.
    """
    residuals = in_eye_frame(predicted_xy - labelled_xy, labelled_xy, scheme)  # (N, K, 2)
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    first_half = group % 2 == 0
    left_over = np.full_like(residuals, np.nan)
    for half in (first_half, ~first_half):
        known = np.isfinite(residuals[~half])
        count = known.sum(axis=0)
        # A point that has no label in the other half keeps its residual.
        offset = np.where(known, residuals[~half], 0.0).sum(axis=0) / np.maximum(count, 1)  # (K, 2)
        left_over[half] = residuals[half] - offset
    if first_half.all():
        return np.full(len(residuals), np.nan)
    return mean_of_labelled(np.linalg.norm(left_over, axis=-1))


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation of two (N,) arrays, ties at their mean rank; NaN if one of them is constant."""
    ranks = np.stack([_ranks(first), _ranks(second)]) if len(first) else np.zeros((2, 1))
    if (ranks == ranks[:, :1]).all(axis=1).any():
        return float("nan")
    return float(np.corrcoef(ranks)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


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
