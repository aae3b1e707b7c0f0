"""Errors as the field measures them, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fkd.metrics import (
    area_under_curve,
    failure_rate,
    nme_iod,
    outer_eye_distance_px,
    point_errors_px,
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
