"""One correction as a face to learn from: its labels and its frame."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from fkd import load_scheme
from fkd.geometry import crop_from_points
from tests.correction_samples import a_correction
from training.corrected_face import TRUSTED_CONFIDENCE, corrected_face, judged_labels, labels_of

SCHEME = load_scheme("kaggle15")


def test_points_that_a_person_vouched_for_train_and_guesses_do_not():
    states = ("moved", "confirmed", "untouched", "untouched", "untouched", "occluded", "absent", "settled")
    predicted = np.arange(16.0).reshape(8, 2)
    corrected = predicted.copy()
    corrected[0] += 5
    corrected[6] = np.nan
    confidence = [0.1, 0.1, TRUSTED_CONFIDENCE, TRUSTED_CONFIDENCE - 0.01, np.nan, 0.99, 0.99, 0.99]
    correction = a_correction(predicted_xy=predicted, corrected_xy=corrected, states=states, confidence=confidence)
    labels = labels_of(correction)
    np.testing.assert_array_equal(labels[:3], corrected[:3])
    assert np.isnan(labels[3:]).all()
    judged = judged_labels(correction)
    np.testing.assert_array_equal(judged[:2], corrected[:2])
    assert np.isnan(judged[2:]).all()


def test_a_face_whose_eye_is_nowhere_is_taken_as_upright():
    points = np.random.default_rng(0).uniform(20, 80, (15, 2)).round(2)
    predicted, states = points, ["confirmed"] * 15
    for index in SCHEME.image_left_eye:
        predicted[index], states[index] = np.nan, "absent"
    correction = a_correction(
        scheme="kaggle15", predicted_xy=predicted, corrected_xy=predicted, states=states, confidence=[0.5] * 15
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        face = corrected_face(correction, Path("photo.png"), SCHEME, predicted)
    assert face.crop == crop_from_points(predicted, SCHEME.crop_from_points)
