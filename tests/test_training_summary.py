"""The figures of an evaluation, worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from fkd import load_scheme
from tests.evaluations import an_evaluation
from training.summary import least_certain, summary

SCHEME = load_scheme("kaggle15")


def test_the_figures_of_a_constant_error():
    figures = summary(an_evaluation([5.0] * 4))
    assert figures["n"] == 4 and figures["missed"] == 0
    assert figures["nme_iod"] == pytest.approx(0.05) and figures["median"] == pytest.approx(0.05)
    assert figures["auc_10"] == pytest.approx(0.5)
    assert figures["failure_8"] == 0 and figures["failure_10"] == 0
    assert figures["rmse_px"] == pytest.approx(5 / np.sqrt(2))
    assert figures["nme_offset_free"] == pytest.approx(0, abs=1e-12)
    assert list(figures["regions"]) == list(SCHEME.regions) and list(figures["points"]) == list(SCHEME.names)
    for error in (*figures["regions"].values(), *figures["points"].values()):
        assert error == {"px": pytest.approx(5.0), "nme": pytest.approx(0.05)}


def test_the_figures_are_json():
    assert json.loads(json.dumps(summary(an_evaluation([1.0, 2.0, 9.0], [0.9, 0.5, 0.1])), allow_nan=False))["n"] == 3


def test_a_missed_face_is_a_failure_and_no_distance():
    evaluation = an_evaluation([5.0] * 4)
    evaluation.predicted_xy[0] = evaluation.confidence[0] = np.nan
    figures = summary(evaluation)
    assert (figures["n"], figures["missed"], figures["failure_8"]) == (4, 1, 0.25)
    assert figures["nme_iod"] == pytest.approx((1 + 3 * 0.05) / 4)
    assert figures["nme_offset_free"] == pytest.approx(1 / 4)
    assert figures["rmse_px"] == pytest.approx(5 / np.sqrt(2))
    assert sum(row["n"] for row in figures["reliability"]) == 3 * 15


def test_a_regions_error_is_the_mean_of_faces_as_the_nme_is():
    evaluation = an_evaluation([2.0, 8.0])
    mouth = list(SCHEME.regions["mouth"])
    evaluation.labelled_xy[0, mouth[1:]] = np.nan
    figures = summary(evaluation)["regions"]["mouth"]
    assert figures["nme"] == pytest.approx(0.05)
    assert figures["px"] == pytest.approx((2 + len(mouth) * 8) / (1 + len(mouth)))


def test_when_every_face_is_missed_there_is_no_distance_at_all():
    evaluation = an_evaluation([5.0] * 3)
    evaluation.predicted_xy[:] = evaluation.confidence[:] = np.nan
    figures = summary(evaluation)
    assert figures["missed"] == 3 and figures["nme_iod"] == 1
    assert not {"rmse_px", "ece", "uncertainty_spearman"} & set(figures)


def test_faces_without_outer_eye_corners_still_have_pixels_and_a_rank():
    evaluation = an_evaluation([1.0, 2.0, 3.0], [0.9, 0.8, 0.7])
    evaluation.labelled_xy[:, list(SCHEME.outer_eye_corners)] = np.nan
    evaluation = replace(evaluation, eye_distance=np.full(3, np.nan))
    figures = summary(evaluation)
    assert "nme_iod" not in figures and figures["regions"]["mouth"] == {"px": pytest.approx(2.0)}
    assert figures["uncertainty_spearman"] == pytest.approx(1.0)


def test_eye_corners_on_one_spot_and_faces_without_labels_have_no_share_and_are_still_json():
    evaluation = an_evaluation([4.0, 4.0])
    left, right = SCHEME.outer_eye_corners
    evaluation.labelled_xy[0, right] = evaluation.labelled_xy[0, left]
    evaluation = replace(evaluation, eye_distance=np.array([0.0, 100.0]))
    with np.errstate(all="ignore"):
        figures = json.loads(json.dumps(summary(evaluation), allow_nan=False))
    assert figures["regions"]["mouth"] == {"px": pytest.approx(4.0), "nme": pytest.approx(0.04)}
    evaluation.labelled_xy[:] = np.nan
    figures = summary(replace(evaluation, eye_distance=np.full(2, np.nan)))
    assert figures["n"] == 2 and "rmse_px" not in figures


def test_an_eye_distance_that_is_known_otherwise_makes_an_nme():
    evaluation = an_evaluation([4.0, 4.0])
    evaluation.labelled_xy[:, list(SCHEME.outer_eye_corners)] = np.nan
    figures = summary(replace(evaluation, eye_distance=np.array([100.0, 50.0])))
    assert figures["nme_iod"] == pytest.approx(0.06)
    assert "nme_offset_free" not in figures, "nobody knows which way the eyes look"


def test_a_region_without_labels_is_left_out():
    evaluation = an_evaluation([3.0] * 2)
    evaluation.labelled_xy[:, list(SCHEME.regions["mouth"])] = np.nan
    figures = summary(evaluation)
    assert "mouth" not in figures["regions"] and "eyes" in figures["regions"]
    assert "mouth_left_corner" not in figures["points"]


def test_the_rank_correlation_is_of_uncertainty_and_error():
    errors = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert summary(an_evaluation(errors, [0.9, 0.8, 0.7, 0.6, 0.1]))["uncertainty_spearman"] == pytest.approx(1)
    assert summary(an_evaluation(errors, [0.1, 0.6, 0.7, 0.8, 0.9]))["uncertainty_spearman"] == pytest.approx(-1)
    assert "uncertainty_spearman" not in summary(an_evaluation(errors, [0.5] * 5))


def test_only_the_labelled_points_make_a_face_uncertain():
    evaluation = an_evaluation([1.0, 2.0, 3.0], [0.9, 0.8, 0.7])
    evaluation.labelled_xy[0, 10:] = np.nan
    evaluation.confidence[0, 10:] = 0.0
    assert summary(evaluation)["uncertainty_spearman"] == pytest.approx(1)


def test_failures_in_the_least_certain_fifth():
    confidence = np.linspace(0.9, 0.1, 10)  # the last two are the fifth
    errors = [1.0] * 6 + [9.0, 9.0, 9.0, 1.0]
    assert summary(an_evaluation(errors, confidence))["failures_in_least_certain_fifth"] == pytest.approx(1 / 3)
    assert "failures_in_least_certain_fifth" not in summary(an_evaluation([1.0] * 10, confidence))


def test_the_least_certain_fifth_is_never_empty():
    np.testing.assert_array_equal(least_certain(np.array([0.1, 0.9, 0.3])), [False, True, False])
    assert least_certain(np.linspace(0, 1, 50)).sum() == 10


def test_the_reliability_is_about_five_percent_of_the_eye_distance():
    figures = summary(an_evaluation([4.9, 5.1], [0.95, 0.95]))
    (row,) = figures["reliability"]
    assert row == {"low": 0.9, "high": 1.0, "n": 30, "confidence": pytest.approx(0.95), "close": pytest.approx(0.5)}
    assert figures["ece"] == pytest.approx(0.45)


def test_each_source_has_figures_of_its_own():
    evaluation = replace(an_evaluation([2.0, 4.0, 4.0]), sources=("one", "two", "two"))
    parts = summary(evaluation)["sources"]
    assert parts["one"]["n"] == 1 and parts["one"]["nme_iod"] == pytest.approx(0.02)
    assert parts["two"]["n"] == 2 and parts["two"]["rmse_px"] == pytest.approx(4 / np.sqrt(2))
    assert "sources" not in summary(an_evaluation([2.0, 4.0]))
