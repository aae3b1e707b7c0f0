"""Confidence and what came true: the table, the factor that mends it, and where it is kept."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from fkd import KeypointPredictor
from fkd.errors import DataError, WeightsError
from fkd.metrics import outer_eye_distance_px
from fkd.model import load_net
from fkd.predictor import CLOSE, chance_close
from tests.nets import dotted_faces, tiny_net
from training.calibration import (
    Calibration,
    calibrate,
    expected_calibration_error,
    fit_scale_factor,
    log_loss,
    reliability,
    store_scale_factor,
)


def drawn(factor: float, n: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    """Scales (n,) that are too small by `factor`, and whether errors drawn of the true ones are close."""
    random = np.random.default_rng(0)
    scale = random.uniform(0.005, 0.06, n)
    return scale, random.gamma(2.0, factor * scale) <= CLOSE


def test_the_reliability_table_counts_each_point_once():
    confidence = np.array([0.0, 0.05, 0.31, 0.39, 1.0])
    table = reliability(confidence, np.array([False, True, True, True, True]))
    assert [(row.low, row.n) for row in table] == [(0.0, 2), (0.3, 2), (0.9, 1)]
    assert (table[1].confidence, table[1].close) == (pytest.approx(0.35), 1.0)
    assert expected_calibration_error(table) == pytest.approx((2 * 0.475 + 2 * 0.65 + 0) / 5)
    assert reliability(np.empty(0), np.empty(0, bool)) == [] and np.isnan(expected_calibration_error([]))


def test_a_true_confidence_has_no_calibration_error():
    scale, close = drawn(1.0)
    assert expected_calibration_error(reliability(chance_close(scale), close)) < 0.01


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.7])
def test_the_factor_makes_a_wrong_confidence_true(factor):
    scale, close = drawn(factor)
    fitted = fit_scale_factor(scale, close)
    assert fitted == pytest.approx(factor, rel=0.03)
    mended = chance_close(fitted * scale)
    assert log_loss(mended, close) <= log_loss(chance_close(scale), close)
    assert expected_calibration_error(reliability(mended, close)) < 0.01


def test_a_confidence_that_is_certain_and_wrong_is_not_infinitely_bad():
    assert np.isfinite(log_loss(np.array([0.0, 1.0]), np.array([True, False])))


def test_calibrate_fits_the_bare_scales():
    fitted = calibrate(KeypointPredictor(tiny_net(), "cpu"), dotted_faces(8))
    assert (fitted.n_faces, fitted.n_points) == (8, 120)
    again = calibrate(KeypointPredictor(tiny_net(scale_factor=fitted.factor), "cpu"), dotted_faces(8))
    assert again.factor == fitted.factor and again.loss_before < fitted.loss_before


def test_what_fitting_is_worth_is_measured_on_the_other_half_of_the_groups(monkeypatch):
    faces, random = dotted_faces(40), np.random.default_rng(0)
    predictor = KeypointPredictor(tiny_net(), "cpu")
    labelled = np.stack([face.points_xy for face in faces])
    eyes = outer_eye_distance_px(labelled, predictor.scheme)[:, None]
    scale_px = random.uniform(0.01, 0.05, (40, 15)) * eyes
    _, group = np.unique([face.group for face in faces], return_inverse=True)

    def predict_with(factors) -> Calibration:
        """The network's scales are too small by one factor in every second group, by another in the others."""
        off_px = random.gamma(2.0, np.asarray(factors)[group % 2][:, None] * scale_px)
        monkeypatch.setattr("training.calibration.point_errors_px", lambda *_: off_px)
        monkeypatch.setattr("training.calibration.predict_in_labelled_boxes", lambda *_: (labelled, scale_px))
        return calibrate(predictor, faces)

    both = predict_with((1.6, 1.6))
    assert both.helps and both.factor == pytest.approx(1.6, rel=0.15) and both.ece_after < both.ece_before
    assert not predict_with((0.6, 1.7)).helps, "what suits one half does harm to the other"


def test_what_is_close_goes_by_the_eye_distance_as_it_is_known(monkeypatch):
    """Each point is 4 px off, and no face has eye corners."""
    predictor = KeypointPredictor(tiny_net(), "cpu")
    corners = list(predictor.scheme.outer_eye_corners)
    faces = [replace(face, points_xy=face.points_xy.copy(), eye_distance_px=100.0) for face in dotted_faces(8)]
    predicted = np.stack([face.points_xy for face in faces]) + (4.0, 0.0)
    for face in faces:
        face.points_xy[corners] = np.nan
    predict = lambda *_: (predicted, np.ones(predicted.shape[:2]))  # noqa: E731
    monkeypatch.setattr("training.calibration.predict_in_labelled_boxes", predict)
    seen = []
    monkeypatch.setattr("training.calibration.fit_scale_factor", lambda scale, close: seen.append(close) or 1.0)
    assert calibrate(predictor, faces).n_points == 8 * 13
    assert seen[-1].all()
    calibrate(predictor, [replace(face, eye_distance_px=50.0) for face in faces])
    assert not seen[-1].any()


def test_calibrate_needs_more_than_one_photo():
    with pytest.raises(DataError, match="two photos or people at least"):
        calibrate(KeypointPredictor(tiny_net(), "cpu"), dotted_faces(1))


def test_a_factor_that_only_fits_its_own_half_does_not_help():
    assert Calibration(1.2, 9, 99, 0.50, 0.49, 0.04, 0.03).helps
    assert not Calibration(1.2, 9, 99, 0.50, 0.51, 0.04, 0.03).helps
    assert not Calibration(1.2, 9, 99, 0.50, 0.49, 0.04, 0.05).helps


def test_the_factor_is_stored_beside_the_weights(tmp_path):
    tiny_net().save_pretrained(tmp_path)
    weights = (tmp_path / "model.safetensors").read_bytes()
    before = json.loads((tmp_path / "config.json").read_text())
    store_scale_factor(tmp_path, 1.25)
    assert load_net(tmp_path).config.scale_factor == 1.25
    assert json.loads((tmp_path / "config.json").read_text()) == before | {"scale_factor": 1.25}
    assert (tmp_path / "model.safetensors").read_bytes() == weights
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_folder_without_weights_gets_no_factor(tmp_path):
    with pytest.raises(WeightsError):
        store_scale_factor(tmp_path, 1.25)
    assert not list(tmp_path.iterdir())
