"""Shapes of no face stand out; a face that is turned, small, or short of labels does not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fkd import load_scheme
from training import shapes
from training.cleaning import ODD
from training.shapes import FEWEST_FACES_A_POINT, shape_oddity

SCHEME = load_scheme("kaggle15")
# A face in its own units: eyes, their corners, brows, nose, mouth, in the scheme's order.
FACE = np.array(
    [(66, 39), (30, 36), (59, 40), (73, 40), (36, 37), (23, 37), (57, 29), (80, 32), (40, 29), (16, 30), (44, 57),
     (61, 80), (29, 77), (43, 73), (43, 84)], dtype=float,
)  # fmt: skip


def faces(n: int, seed: int = 0) -> np.ndarray:
    """(N, 15, 2): the face with two habits (open mouth, width) and a little noise; any size, place and turn."""
    random = np.random.default_rng(seed)
    points = np.repeat(FACE[None], n, axis=0)
    points[:, 14, 1] += random.normal(0, 6, n)
    points[..., 0] *= random.normal(1, 0.08, n)[:, None]
    points += random.normal(0, 0.7, points.shape)
    return np.stack([moved(face, random) for face in points])


def moved(face: np.ndarray, random: np.random.Generator) -> np.ndarray:
    turn, size = random.uniform(-math.pi, math.pi), random.uniform(0.2, 5.0)
    c, s = math.cos(turn) * size, math.sin(turn) * size
    return face @ np.array([[c, s], [-s, c]]) + random.uniform(-300, 300, 2)


def test_faces_of_any_place_size_and_turn_are_no_outliers():
    oddity = shape_oddity(faces(400))
    assert np.median(oddity) == pytest.approx(0, abs=1e-9)
    assert np.isfinite(oddity).all() and oddity.max() < ODD


@pytest.mark.parametrize(
    "spoil",
    [
        lambda face: face[SCHEME.flip_order],  # left and right confused
        lambda face: np.concatenate([face[:10], face[10:][::-1]]),  # in another order
        lambda face: np.concatenate([face[:14], face[:1]]),  # the lower lip on the eye
        lambda face: np.concatenate([face[:10], face[10:] + [0, 60]]),  # the mouth of the face below
        lambda face: np.zeros_like(face),  # all points on one spot
    ],
)
def test_a_shape_of_no_face_stands_out(spoil):
    points = faces(400)
    random = np.random.default_rng(1)
    for i in (7, 200):
        points[i] = moved(spoil(FACE), random)
    oddity = shape_oddity(points)
    assert set(np.argsort(-oddity)[:2]) == {7, 200} and (oddity[[7, 200]] > ODD).all()


def test_many_wrong_faces_do_not_become_the_norm():
    points = faces(400)
    points[:16] = points[:16, SCHEME.flip_order]
    assert (shape_oddity(points)[:16] > ODD).all()


def test_missing_labels_are_no_oddity_and_hide_none():
    points, random = faces(400), np.random.default_rng(2)
    few = np.array([0, 1, 10, 14])
    rest = np.setdiff1d(np.arange(15), few)
    points[100:, rest] = np.nan
    for i in random.integers(0, 100, 40):
        points[i, random.integers(0, 15, 3)] = np.nan
    oddity = shape_oddity(points)
    assert np.isfinite(oddity).all() and oddity.max() < ODD
    points[300, [0, 1]] = points[300, [1, 0]]  # a wrong one of four points
    assert shape_oddity(points).argmax() == 300 and shape_oddity(points)[300] > ODD


def test_too_few_points_or_faces_are_not_judged():
    points = faces(100)
    points[3, 2:] = np.nan
    points[4] = np.nan
    assert np.flatnonzero(np.isnan(shape_oddity(points))).tolist() == [3, 4]
    assert np.isnan(shape_oddity(faces(15 * FEWEST_FACES_A_POINT - 1))).all()
    assert shape_oddity(np.empty((0, 15, 2))).shape == (0,)


def test_a_point_that_nobody_labels_is_no_hindrance():
    points = faces(100)
    points[:, 12] = np.nan
    assert np.isfinite(shape_oddity(points)).all()


def test_more_faces_than_are_fitted_are_all_judged(monkeypatch):
    points = faces(300)
    points[250] = points[250, SCHEME.flip_order]
    monkeypatch.setattr(shapes, "MOST_FITTED", 150)
    oddity = shape_oddity(points)
    assert np.isfinite(oddity).all() and np.flatnonzero(oddity > ODD).tolist() == [250]
