"""Corrections made ready for training: which rows, which points, and who is held out."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import pytest

from fkd import CorrectionsError, load_scheme
from fkd.correction_store import CorrectionStore
from fkd.geometry import crop_from_points
from tests.corrected_faces import save_correction
from tests.correction_samples import a_correction
from training.merge import TRUSTED_CONFIDENCE, corrected_face, labels_of, read_corrections

SCHEME = load_scheme("kaggle15")


def some_points(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(20, 80, (15, 2)).round(2)


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (100, 120, 3), dtype=np.uint8)


def save(folder, seed: int = 0, **values):
    points = some_points(seed)
    return save_correction(folder, picture(seed), points, points + 1, **({"scheme": "kaggle15"} | values))


def test_points_that_a_person_vouched_for_train_and_guesses_do_not():
    states = ("moved", "confirmed", "untouched", "untouched", "untouched", "occluded", "absent")
    predicted = np.arange(14.0).reshape(7, 2)
    corrected = predicted.copy()
    corrected[0] += 5
    corrected[6] = np.nan
    confidence = [0.1, 0.1, TRUSTED_CONFIDENCE, TRUSTED_CONFIDENCE - 0.01, np.nan, 0.99, 0.99]
    correction = a_correction(predicted_xy=predicted, corrected_xy=corrected, states=states, confidence=confidence)
    labels = labels_of(correction)
    np.testing.assert_array_equal(labels[:3], corrected[:3])
    assert np.isnan(labels[3:]).all()


def test_corrections_become_labelled_faces(tmp_path):
    correction = save(tmp_path)
    for path in (tmp_path, tmp_path / "corrections.csv"):
        (face,) = read_corrections(path, SCHEME).training
        np.testing.assert_array_equal(face.points_xy, correction.corrected_xy)
        assert face.image == tmp_path / correction.image and face.image.is_file()
        assert face.group == f"corrections/{correction.image}"
        np.testing.assert_array_equal(face.box_xyxy, correction.box_xyxy)


def test_only_what_is_in_force_counts(tmp_path):
    first = save(tmp_path)
    second = save(tmp_path, supersedes=first.id)
    taken_back = save(tmp_path, seed=1)
    CorrectionStore(tmp_path).undo(taken_back.id)
    (face,) = read_corrections(tmp_path, SCHEME).training
    assert face.group.endswith(second.image.removeprefix("images/"))


def test_the_report_says_what_became_of_rows_and_points(tmp_path):
    save(tmp_path)
    points = some_points(1)
    states = ("untouched",) * 15
    save_correction(tmp_path, picture(1), points, points, scheme="kaggle15", states=states, confidence=0.2)
    save_correction(tmp_path, picture(2), np.ones((68, 2)) * [[i, i] for i in range(68)], np.ones((68, 2)))
    corrected = read_corrections(tmp_path, SCHEME)
    assert len(corrected.training) == 1
    rows, counts = corrected.report
    assert "1 corrected faces in 2 pictures" in rows
    assert "1 of other schemes left out" in rows and "1 without any point that counts left out" in rows
    assert counts.startswith("1 of them train with 15 points") and "15 moved, 15 untouched in all" in counts


def test_the_crop_is_the_one_around_the_whole_upright_face(tmp_path):
    points = some_points()
    points[list(SCHEME.image_left_eye)], points[list(SCHEME.image_right_eye)] = [50, 30], [50, 70]  # on its side
    corrected, states = points.copy(), ["confirmed"] * 15
    corrected[10], states[10] = np.nan, "absent"
    save_correction(tmp_path, picture(), points, corrected, scheme="kaggle15", states=tuple(states))
    (face,) = read_corrections(tmp_path, SCHEME).training
    assert face.crop == crop_from_points(points, SCHEME.crop_from_points, math.pi / 2)


def test_a_face_whose_eye_is_nowhere_is_taken_as_upright():
    predicted, states = some_points(), ["confirmed"] * 15
    for index in SCHEME.image_left_eye:
        predicted[index], states[index] = np.nan, "absent"
    correction = a_correction(
        scheme="kaggle15", predicted_xy=predicted, corrected_xy=predicted, states=states, confidence=[0.5] * 15
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        face = corrected_face(correction, Path("photo.png"), SCHEME, predicted)
    assert face.crop == crop_from_points(predicted, SCHEME.crop_from_points)


def test_a_folder_without_corrections_says_what_to_do(tmp_path):
    for path in (tmp_path, tmp_path / "corrections.csv", tmp_path / "other.csv"):
        with pytest.raises(CorrectionsError, match="Save a face in the app first"):
            read_corrections(path, SCHEME)
    save(tmp_path)
    with pytest.raises(CorrectionsError, match="is no corrections.csv that the app wrote"):
        (tmp_path / "other.csv").touch()
        read_corrections(tmp_path / "other.csv", SCHEME)


def test_corrections_of_another_scheme_alone_are_not_enough(tmp_path):
    save(tmp_path)
    with pytest.raises(CorrectionsError, match="There is no correction for ibug68"):
        read_corrections(tmp_path, load_scheme("ibug68"))


def test_a_picture_that_is_gone_is_named(tmp_path):
    correction = save(tmp_path)
    (tmp_path / correction.image).unlink()
    with pytest.raises(CorrectionsError, match=f"Row {correction.id} names {correction.image}, which is missing"):
        read_corrections(tmp_path, SCHEME)


def test_a_row_with_another_number_of_points_is_named(tmp_path):
    points = some_points()[:4]
    correction = save_correction(tmp_path, picture(), points, points + 1, scheme="kaggle15")
    with pytest.raises(CorrectionsError, match=f"Row {correction.id} has 4 points, but kaggle15 has 15"):
        read_corrections(tmp_path, SCHEME)


def test_every_fifth_picture_is_held_out_and_stays_so_as_the_file_grows(tmp_path):
    images = [save(tmp_path, seed).image for seed in range(4)]
    assert read_corrections(tmp_path, SCHEME).held_out == []
    images += [save(tmp_path, seed).image for seed in range(4, 12)]
    CorrectionStore(tmp_path).undo(save(tmp_path, 12).id)
    save(tmp_path, 1)  # saved again: still where it was
    corrected = read_corrections(tmp_path, SCHEME)
    assert {face.image.name for face in corrected.held_out} == {Path(images[i]).name for i in (4, 9)}
    assert len(corrected.training) == 10


def test_a_face_that_was_opened_and_saved_again_counts_once_and_the_newest_wins(tmp_path):
    points = some_points()
    save_correction(tmp_path, picture(), points, points + 50, scheme="kaggle15")
    right = save_correction(tmp_path, picture(), points, points + 1, scheme="kaggle15")
    beside = save_correction(tmp_path, picture(), points + 200, points + 201, scheme="kaggle15")
    corrected = read_corrections(tmp_path, SCHEME)
    assert len(corrected.training) == 2 and "1 of faces that were saved again since left out" in corrected.report[0]
    found = {face.box_xyxy[0]: face.points_xy for face in corrected.training}
    np.testing.assert_array_equal(found[right.box_xyxy[0]], right.corrected_xy)
    np.testing.assert_array_equal(found[beside.box_xyxy[0]], beside.corrected_xy)


def test_held_out_faces_are_measured_on_what_a_person_judged(tmp_path):
    for seed in range(5):
        points, states = some_points(seed), ["untouched"] * 15
        corrected = points.copy()
        corrected[10], states[10] = points[10] + 4, "moved"
        save_correction(
            tmp_path, picture(seed), points, corrected, scheme="kaggle15", states=tuple(states), confidence=0.9
        )
    (face,) = read_corrections(tmp_path, SCHEME).held_out
    assert np.isfinite(face.points_xy).all(axis=1).nonzero()[0].tolist() == [10]
    left, right = SCHEME.outer_eye_corners  # without a label here, and the error is still relative to the eyes
    assert face.eye_distance_px == pytest.approx(np.linalg.norm(points[left] - points[right]))
