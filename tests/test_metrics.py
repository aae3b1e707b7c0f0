"""Errors as the field measures them, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fkd.metrics import (
    area_under_curve,
    failure_rate,
    in_eye_frame,
    mean_of_labelled,
    nme_iod,
    offset_free_nme,
    outer_eye_distance_px,
    point_errors_px,
    rank_correlation,
    rmse_px,
)
from fkd.schemes import load_scheme

SCHEME = load_scheme("kaggle15")
LEFT, RIGHT = SCHEME.outer_eye_corners


def labels() -> np.ndarray:
    """Two faces (2, 15, 2) whose outer eye corners are 50 px and 100 px apart."""
    points = np.random.default_rng(0).uniform(0, 96, (2, 15, 2))
    points[:, LEFT] = [10, 20]
    points[:, RIGHT] = [[40, 60], [110, 20]]
    return points


def test_the_error_of_a_point_is_its_distance():
    labelled = labels()
    errors = point_errors_px(labelled + [3, -4], labelled)
    np.testing.assert_allclose(errors, np.full((2, 15), 5.0))


def test_the_nme_is_the_mean_error_over_the_distance_of_the_outer_eye_corners():
    labelled = labels()
    np.testing.assert_allclose(outer_eye_distance_px(labelled, SCHEME), [50, 100])
    np.testing.assert_allclose(nme_iod(labelled + [3, -4], labelled, SCHEME), [0.1, 0.05])


def test_a_point_without_a_label_does_not_count():
    labelled = labels()
    predicted = labelled + [3, -4]
    nose = SCHEME.names.index("nose_tip")
    predicted[0, nose] += 1000
    labelled[0, nose] = np.nan
    assert np.isnan(point_errors_px(predicted, labelled)[0, nose])
    np.testing.assert_allclose(nme_iod(predicted, labelled, SCHEME), [0.1, 0.05])


def test_a_face_without_an_outer_eye_corner_has_no_nme():
    labelled = labels()
    labelled[1, RIGHT] = np.nan
    nme = nme_iod(labelled, labelled, SCHEME)
    assert nme[0] == 0 and np.isnan(nme[1])


def test_the_rmse_is_over_coordinates_not_over_points():
    labelled = np.zeros((1, 3, 2))
    predicted = np.array([[[3.0, 4.0], [0.0, 0.0], [100.0, 100.0]]])
    labelled[0, 2] = np.nan
    assert rmse_px(predicted, labelled) == pytest.approx(2.5)  # sqrt((9 + 16) / 4)


def test_failures_are_faces_above_the_threshold():
    assert failure_rate(np.array([0.01, 0.08, 0.0801, 0.5]), 0.08) == 0.5


def test_the_area_under_the_curve_is_that_of_the_step_curve():
    errors = np.array([0.0, 0.02, 0.05, 0.3])
    fine = np.linspace(0, 0.1, 100_001)
    curve = (errors[None] <= fine[:, None]).mean(axis=1)
    assert area_under_curve(errors, 0.1) == pytest.approx(curve.mean(), abs=1e-4)
    assert area_under_curve(np.zeros(3), 0.1) == 1 and area_under_curve(np.ones(3), 0.1) == 0


def turned(points_xy: np.ndarray, degrees: float, scale: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)) * scale, np.sin(np.radians(degrees)) * scale
    return points_xy @ np.array([[c, s], [-s, c]])


def test_in_the_eye_frame_roll_and_size_are_gone():
    labelled = labels()[1:]  # its eyes are level and 100 px apart
    predicted = labelled + [3, -4]
    np.testing.assert_allclose(in_eye_frame(predicted - labelled, labelled, SCHEME), np.full((1, 15, 2), [0.03, -0.04]))
    for degrees, scale in ((90, 1.0), (180, 0.5), (-37, 3.0)):
        rolled = turned(labelled, degrees, scale)
        residuals = in_eye_frame(turned(predicted, degrees, scale) - rolled, rolled, SCHEME)
        np.testing.assert_allclose(residuals, np.full((1, 15, 2), [0.03, -0.04]), atol=1e-12)


def many_labels(n: int) -> np.ndarray:
    """n faces of any roll and size."""
    faces = [turned(labels()[1], 30 * i, 1 + i / 3) for i in range(n)]
    return np.stack(faces)


def test_a_constant_offset_is_no_error_and_what_varies_is():
    labelled, groups = many_labels(6), list("abcdef")
    left, right = SCHEME.outer_eye_corners
    eyes = labelled[:, right] - labelled[:, left]
    constant = 0.1 * eyes[:, None] * np.linspace(0, 1, 15)[:, None]  # along the eyes, another length for each point
    np.testing.assert_allclose(offset_free_nme(labelled + constant, labelled, SCHEME, groups), 0, atol=1e-9)
    both_ways = labelled + np.where(np.arange(6) % 4 < 2, 0.05, -0.05)[:, None, None] * eyes[:, None]
    free = offset_free_nme(both_ways, labelled, SCHEME, groups)
    assert (free > 0.02).all() and nme_iod(both_ways, labelled, SCHEME) == pytest.approx(0.05)


def test_the_offset_comes_from_the_other_half_of_the_people():
    labelled = many_labels(4)
    left, right = SCHEME.outer_eye_corners
    eyes = (labelled[:, right] - labelled[:, left])[:, None]
    first_two = labelled + np.array([0.08, 0.08, 0.0, 0.0])[:, None, None] * eyes
    apart = offset_free_nme(first_two, labelled, SCHEME, ["ada", "ada", "tim", "tim"])
    np.testing.assert_allclose(apart, 0.08)  # each person's offset is the other one's
    mixed = offset_free_nme(first_two, labelled, SCHEME, ["a", "b", "c", "d"])  # a and c against b and d
    np.testing.assert_allclose(mixed, 0.04)
    assert np.isnan(offset_free_nme(first_two, labelled, SCHEME, ["ada"] * 4)).all()


def test_a_point_that_the_other_half_never_labels_keeps_its_offset():
    labelled = many_labels(2)
    predicted = labelled + [5, 0]
    labelled[1, 10] = np.nan
    free = offset_free_nme(predicted, labelled, SCHEME, ["a", "b"])
    alone = np.linalg.norm([5, 0]) / outer_eye_distance_px(labelled, SCHEME)[0] / 15
    assert free[0] > alone and np.isfinite(free).all()


def test_the_mean_is_over_the_points_that_are_there():
    values = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(mean_of_labelled(values), [2.0, np.nan])


def test_the_rank_correlation_is_spearmans():
    first = np.array([1.0, 2.0, 2.0, 4.0, 5.0, 5.0, 7.0])
    second = np.array([2.0, 1.0, 4.0, 3.0, 9.0, 9.0, 6.0])
    assert rank_correlation(first, second) == pytest.approx(0.7706746355884525)  # scipy.stats.spearmanr
    assert rank_correlation(first, np.exp(first)) == pytest.approx(1) and rank_correlation(first, -first) == -1
    assert np.isnan(rank_correlation(first, np.ones(7))) and np.isnan(rank_correlation(first[:0], first[:0]))
