"""Faces whose labels have the shape of no face: points swapped, slipped, or on another face."""

from __future__ import annotations

import numpy as np

__all__ = [
    "FEWEST_FACES_A_POINT",
    "FEWEST_POINTS",
    "MOST_FITTED",
    "WHOLE_SHARE",
    "as_complex",
    "laid_upon",
    "mean_shape",
    "shape_oddity",
]

# How faces vary is told by some three faces a coordinate; with fewer, good faces stand out by chance.
FEWEST_FACES_A_POINT = 6
FEWEST_POINTS = 3  # fewer have no shape: any two can be laid upon any other two
NO_SHAPE = 1000.0  # the oddity of a face whose points all lie on one spot
WHOLE_SHARE = 0.75  # of the points of the face that has the most: so many make a face nearly whole
MOST_FITTED = 4000  # faces that show how faces vary; the others are only measured, so that memory is bounded
TRIMMED_SHARE = 0.05  # of the faces, the oddest, take no part in the second and third fit
NOISE = 0.01  # of the shape's size: directions that vary less than this are not told apart from the labels' noise


def shape_oddity(points_xy: np.ndarray) -> np.ndarray:
    """How odd each face's shape is among the others, whatever its place, size and turn.

    The shapes are laid upon their mean (generalised Procrustes analysis, Gower 1975,
    https://doi.org/10.1007/BF02291478), and the distance of each from the mean is measured by how shapes vary
    (Mahalanobis), over the points that it has. The distribution is fitted three times, each time without what looked
    oddest the time before (the concentration step of Rousseeuw and Van Driessen 1999,
    https://doi.org/10.1080/00401706.1999.10485670). Squared distances are made comparable by a cube root, which is
    nearly normal (Wilson and Hilferty 1931, https://doi.org/10.1073/pnas.17.12.684), and then put on a robust scale.

    Args:
        points_xy: (N, K, 2) in any unit, one labelling convention; NaN where there is no label.

    Returns:
        (N,) float64: robust standard deviations above the median face. NaN where there are too few points to judge, or
        too few faces to compare with.
    """
    known = np.isfinite(points_xy).all(axis=2)  # (N, K)
    oddity = np.full(len(points_xy), np.nan)
    count = known.sum(axis=1)  # (N,)
    judged = np.flatnonzero(count >= FEWEST_POINTS)
    fewest = FEWEST_FACES_A_POINT * points_xy.shape[1]
    if len(judged) < fewest:
        return oddity
    # Laid upon the mean by few points, a face seems to vary less: where there are enough others, those tell.
    whole = np.flatnonzero(count >= WHOLE_SHARE * count.max())
    fitted = np.random.default_rng(0).permutation(whole if len(whole) >= fewest else judged)[:MOST_FITTED]
    mean, covariance = _shape_model(as_complex(points_xy[fitted]))
    for batch in np.array_split(judged, -(-len(judged) // MOST_FITTED)):
        residuals = laid_upon(as_complex(points_xy[batch]), mean) - mean
        oddity[batch] = _distances(residuals, mean, covariance)
    known_xy = np.where(known[..., None], points_xy, np.nan)[judged]
    on_one_spot = judged[(np.nanmax(known_xy, axis=1) == np.nanmin(known_xy, axis=1)).all(axis=1)]
    median = np.nanmedian(oddity)
    spread = 1.4826 * np.nanmedian(np.abs(oddity - median))  # of a normal distribution, its standard deviation
    oddity = (oddity - median) / max(spread, 1e-9)
    oddity[on_one_spot] = NO_SHAPE
    return oddity


def as_complex(points_xy: np.ndarray) -> np.ndarray:
    """(N, K, 2) → (N, K) complex, x + iy: scaling and turning is then one product."""
    return points_xy[..., 0] + 1j * points_xy[..., 1]


def _shape_model(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean (K,) of shapes (N, K) and the covariance (2K, 2K) of what they differ from it by, without the oddest."""
    mean = mean_shape(shapes)
    residuals = laid_upon(shapes, mean) - mean
    covariance = _covariance(residuals)
    for _ in range(2):
        normal = _distances(residuals, mean, covariance)
        covariance = _covariance(residuals[normal <= np.nanquantile(normal, 1.0 - TRIMMED_SHARE)])
    return mean, covariance


def laid_upon(shapes: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Shapes (N, K), each moved, turned to lie on the mean (K,) as near as it can (least squares), and made as large.

    Points that either lacks have no say in that, but come along. A shape that has none in common becomes NaN.
    """
    common = np.isfinite(shapes) & np.isfinite(mean)  # (N, K)
    count = common.sum(axis=1, keepdims=True)
    count = np.where(count > 0, count, np.nan)
    centre = np.where(common, shapes, 0.0).sum(axis=1, keepdims=True) / count
    target_centre = np.where(common, mean, 0.0).sum(axis=1, keepdims=True) / count
    centred, target = np.where(common, shapes - centre, 0.0), np.where(common, mean - target_centre, 0.0)
    product = (np.conj(centred) * target).sum(axis=1, keepdims=True)
    size, target_size = (np.linalg.norm(each, axis=1, keepdims=True) for each in (centred, target))
    # As large, not as near: what is least like a face would lie nearest as a dot.
    turn = np.exp(1j * np.angle(product)) * target_size / np.where(size > 0, size, np.inf)
    return turn * (shapes - centre) + target_centre


def mean_shape(shapes: np.ndarray) -> np.ndarray:
    """The shape (K,) in the middle of shapes (N, K), of root mean square radius 1; NaN for a point that none has.

    It is the median of each coordinate, so that a few wrong faces have no say.
    """
    labelled = np.isfinite(shapes).any(axis=0)
    mean = shapes[np.isfinite(shapes).sum(axis=1).argmax()]  # to begin with, the first one that has the most points
    for _ in range(5):
        laid = laid_upon(shapes, mean)[:, labelled]
        laid = laid[np.isfinite(laid).any(axis=1)]
        mean = np.full(shapes.shape[1], np.nan, dtype=complex)
        mean[labelled] = np.nanmedian(laid.real, axis=0) + 1j * np.nanmedian(laid.imag, axis=0)
        mean = mean - np.nanmean(mean)
        mean = mean / np.sqrt(np.nanmean(np.abs(mean) ** 2))
    return mean


def _covariance(residuals: np.ndarray) -> np.ndarray:
    """(2K, 2K) covariance of residuals (N, K), each entry from the faces that have both of its points."""
    flat = np.concatenate([residuals.real, residuals.imag], axis=1)  # (N, 2K)
    known = np.isfinite(flat)
    filled, count = np.where(known, flat, 0.0), known.astype(float).T @ known
    covariance = filled.T @ filled / np.maximum(count, 1.0)
    values, vectors = np.linalg.eigh(covariance)
    # Entries from different faces need not make a covariance; and a direction without spread would make any step in it
    # a wonder.
    return (vectors * np.maximum(values, NOISE**2)) @ vectors.T


def _distances(residuals: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Mahalanobis distance of each of N residuals from 0 over its known points, as about a standard normal number.

    Moving, scaling and turning are free: what of a residual they can explain does not count, so that a face of four
    points is judged as if it had been laid upon the mean by all fifteen. NaN where there are too few points.
    """
    one, mean = np.ones_like(mean), np.nan_to_num(mean)
    free = np.stack([one, 1j * one, mean, 1j * mean], axis=1)  # (K, 4): two moves, scaling, turning
    free = np.concatenate([free.real, free.imag])  # (2K, 4)
    flat = np.concatenate([residuals.real, residuals.imag], axis=1)  # (N, 2K)
    known = np.isfinite(flat)
    normal = np.full(len(flat), np.nan)
    patterns, which = np.unique(known, axis=0, return_inverse=True)
    for index, pattern in enumerate(patterns):
        members, freedom = which.reshape(-1) == index, pattern.sum() - 4
        if freedom < 2 * FEWEST_POINTS - 4:
            continue
        root = np.linalg.cholesky(covariance[np.ix_(pattern, pattern)])
        whitened = np.linalg.solve(root, flat[members][:, pattern].T)  # (d, n)
        explained, _ = np.linalg.qr(np.linalg.solve(root, free[pattern]))  # (d, 4)
        squared = (whitened**2).sum(axis=0) - ((explained.T @ whitened) ** 2).sum(axis=0)  # (n,)
        normal[members] = (np.cbrt(squared / freedom) - (1 - 2 / (9 * freedom))) / np.sqrt(2 / (9 * freedom))
    return normal
