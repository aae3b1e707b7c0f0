"""Fitting how errors go together: the right covariance in the right frame, from the right faces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fkd import KeypointPredictor
from fkd.errors import DataError
from fkd.geometry import roll_of_points
from fkd.schemes import load_scheme
from fkd.settle import point_spread, settle
from tests.nets import dotted_faces, tiny_net
from training.dataset import face_crop
from training.settle import SHRINKAGE, PredictedFace, fit_settle_prior, predict_labelled, spread_errors

SCHEME = load_scheme("kaggle15")
K = SCHEME.n_points
SURE = np.full(K, 0.5)


def upright_face(size_px: float = 100.0) -> np.ndarray:
    """Points (K, 2) with the eyes level and `size_px` between their outer corners."""
    points = np.random.default_rng(3).uniform(0, 60, (K, 2))
    left, right = SCHEME.outer_eye_corners
    for eye, x in ((SCHEME.image_left_eye, 0.0), (SCHEME.image_right_eye, 80.0)):
        points[list(eye)] = np.array([x, 20.0]) + np.outer(np.arange(len(eye)), [5.0, 0.0])
    return points * size_px / np.linalg.norm(points[left] - points[right])


def face_with_error(error: np.ndarray, confidence: np.ndarray = SURE, turn: float = 0.0, size_px: float = 100.0):
    """A face whose error in the upright frame, in eye distances, is `error` (K, 2)."""
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    predicted = upright_face(size_px) @ turned + 300
    labelled = predicted + error * size_px @ turned
    return PredictedFace(labelled, predicted, confidence, roll_of_points(predicted, SCHEME))


def random_faces(n: int, seed: int = 0) -> list[PredictedFace]:
    """Faces that are shifted as a whole, with some noise a point, each turned and sized at random."""
    random = np.random.default_rng(seed)
    return [
        face_with_error(
            0.05 * random.normal(size=(1, 2)) + 0.01 * random.normal(size=(K, 2)),
            turn=random.uniform(-3, 3), size_px=random.uniform(20, 500),
        )
        for _ in range(n)
    ]  # fmt: skip


def test_errors_are_taken_upright_in_eye_distances_over_the_spread():
    error = np.random.default_rng(1).normal(size=(K, 2))
    confidence = np.linspace(0.05, 0.95, K)
    face = face_with_error(error, confidence, turn=0.9, size_px=250.0)
    np.testing.assert_allclose(spread_errors(face, SCHEME), error / point_spread(confidence)[:, None], atol=1e-9)


def test_the_prior_is_the_shrunk_covariance_of_the_errors():
    covariance = fit_settle_prior(random_faces(400), SCHEME).covariance
    shared, own = 0.05**2, 0.01**2
    expected = np.kron(np.ones((K, K)), np.eye(2)) * (1 - SHRINKAGE) * shared
    np.fill_diagonal(expected, shared + own)
    np.testing.assert_allclose(covariance, expected / (shared + own), atol=0.12)


def test_a_face_and_its_mirror_image_count_alike():
    rightwards = np.zeros((K, 2))
    rightwards[SCHEME.image_left_eye[0]] = (0.1, 0.05)
    noise = np.random.default_rng(0).normal(size=(60, K, 2))
    prior = fit_settle_prior([face_with_error(rightwards + 0.01 * n) for n in noise], SCHEME)
    order = np.stack([2 * SCHEME.flip_order, 2 * SCHEME.flip_order + 1], axis=1).ravel()
    sign = np.tile([-1.0, 1.0], K)
    mirrored = (prior.covariance * np.outer(sign, sign))[np.ix_(order, order)]
    np.testing.assert_allclose(prior.covariance, mirrored, atol=1e-12)


def test_a_fitted_prior_settles_new_faces():
    prior = fit_settle_prior(random_faces(200), SCHEME)
    before, after = [], []
    for face in random_faces(20, seed=9):
        placed = np.full((K, 2), np.nan)
        placed[:2] = face.labelled_xy[:2]
        settled = settle(prior, face.predicted_xy, point_spread(face.confidence), face.roll_rad, placed)
        eye_distance = np.linalg.norm(np.subtract(*face.predicted_xy[list(SCHEME.outer_eye_corners)]))
        before.append(np.linalg.norm(face.predicted_xy - face.labelled_xy, axis=1)[2:].mean() / eye_distance)
        after.append(np.linalg.norm(settled - face.labelled_xy, axis=1)[2:].mean() / eye_distance)
    assert np.mean(after) < 0.5 * np.mean(before)


def test_faces_with_missing_labels_are_left_out():
    faces = random_faces(60)
    spoiled = faces[0].labelled_xy.copy()
    spoiled[4] = np.nan
    with_gap = PredictedFace(spoiled, faces[0].predicted_xy, SURE, faces[0].roll_rad)
    np.testing.assert_array_equal(
        fit_settle_prior([*faces, with_gap], SCHEME).covariance, fit_settle_prior(faces, SCHEME).covariance
    )
    with pytest.raises(DataError, match="49 faces"):
        fit_settle_prior([*faces[:49], with_gap], SCHEME)


def test_predictions_are_those_of_the_predictor():
    predictor = KeypointPredictor(tiny_net(), device="cpu")
    faces = dotted_faces(2)
    predicted = predict_labelled(predictor, faces)
    for face, seen in zip(faces, predicted, strict=True):
        assert seen.labelled_xy is face.points_xy
        assert seen.predicted_xy.shape == (K, 2) and seen.confidence.shape == (K,)
        assert ((seen.confidence > 0) & (seen.confidence < 1)).all()
        assert 0 < seen.predicted_xy.mean() < 80
        assert seen.roll_rad == roll_of_points(seen.predicted_xy, SCHEME)
    assert predict_labelled(predictor, []) == []


def test_what_another_convention_places_elsewhere_is_no_error():
    net, faces = tiny_net(), dotted_faces(2)
    (plain, _) = predict_labelled(KeypointPredictor(net, device="cpu"), faces)
    net.config = replace(net.config, conventions={faces[0].source: ((0.1, 0.0),) * K})
    (shifted, _) = predict_labelled(KeypointPredictor(net, device="cpu"), faces)
    size_px = face_crop(faces[0], SCHEME).size_px
    np.testing.assert_allclose(shifted.predicted_xy - plain.predicted_xy, [[0.1 * size_px, 0.0]] * K, atol=1e-3)
