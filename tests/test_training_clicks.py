"""The simulated annotator: what counts as a drag, when a face is good, and that settling is measured honestly."""

from __future__ import annotations

import json
import shutil

import numpy as np

from fkd.formats import read_faces
from fkd.settle import SETTLE_FILE, SettlePrior
from tests.drawn_data import keypoints_folder
from tests.nets import tiny_net
from tests.test_training_settle import SCHEME, K, face_with_error, random_faces
from training.cli import main
from training.clicks import Clicks, count_clicks, drags_of_face
from training.dataset import is_held_out
from training.settle import PredictedFace, fit_settle_prior

ALONE = SettlePrior(np.eye(2 * K))  # no point says anything about another


def error_at(lengths: dict[int, float]) -> np.ndarray:
    error = np.zeros((K, 2))
    for index, length in lengths.items():
        error[index, 1] = length
    return error


def plain_drags(face: PredictedFace) -> list[int]:
    return count_clicks(ALONE, [face], SCHEME).plain[0].tolist()


def test_each_point_outside_the_tolerance_is_one_drag():
    outside = [index for index in range(K) if index not in SCHEME.outer_eye_corners][:3]
    assert plain_drags(face_with_error(error_at({}))) == [0, 0]
    assert plain_drags(face_with_error(error_at(dict.fromkeys(outside, 0.051)))) == [3, 0]
    assert plain_drags(face_with_error(error_at(dict.fromkeys(outside, 0.049)))) == [0, 0]


def test_the_mean_counts_dragged_points_as_right_and_the_worst_goes_first():
    others = [index for index in range(K) if index not in SCHEME.outer_eye_corners]
    lengths = {others[0]: 0.30, others[1]: 0.04, others[2]: 0.25}
    assert plain_drags(face_with_error(error_at(lengths))) == [2, 1]  # means over 15 points: 3.9 %, then 1.9 %


def test_points_without_a_label_are_neither_dragged_nor_counted():
    others = [index for index in range(K) if index not in SCHEME.outer_eye_corners]
    face = face_with_error(error_at({others[0]: 0.2, others[1]: 0.2}))
    face.labelled_xy[others[0]] = np.nan
    assert plain_drags(face)[0] == 1


def test_a_face_without_an_eye_corner_has_no_measure():
    face = face_with_error(error_at({}))
    face.labelled_xy[SCHEME.outer_eye_corners[0]] = np.nan
    assert len(count_clicks(ALONE, [face, face_with_error(error_at({}))], SCHEME).plain) == 1


def test_independent_points_gain_nothing_and_shared_errors_do():
    faces = random_faces(30, seed=5)
    independent = count_clicks(ALONE, faces, SCHEME)
    np.testing.assert_array_equal(independent.plain, independent.settled)
    fitted = count_clicks(fit_settle_prior(random_faces(200), SCHEME), faces, SCHEME)
    np.testing.assert_array_equal(fitted.plain, independent.plain)
    assert fitted.settled[:, 0].mean() < 0.5 * fitted.plain[:, 0].mean()


def test_a_point_that_settling_spoils_is_dragged_too():
    labelled = np.zeros((4, 2))

    def spoils(placed_xy: np.ndarray) -> np.ndarray:
        """Point 0 starts off; placing it throws all the others out."""
        away = np.full((4, 2), 0.2 if np.isfinite(placed_xy[0, 0]) else 0.0)
        away[0] = 0.5
        return np.where(np.isfinite(placed_xy), placed_xy, away)

    assert drags_of_face(labelled, 1.0, spoils) == (4, 4)


def test_the_summary_compares_the_means():
    clicks = Clicks(np.array([[10, 4], [6, 4]]), np.array([[3, 1], [1, 1]]))
    assert clicks.summary() == {
        "n": 2, "every_within_5_plain": 8.0, "every_within_5_settled": 2.0, "every_within_5_change": -0.75,
        "mean_within_3_plain": 4.0, "mean_within_3_settled": 1.0, "mean_within_3_change": -0.75,
    }  # fmt: skip


def test_the_two_commands(tmp_path, capsys):
    weights, data = tmp_path / "tiny", keypoints_folder(tmp_path / "drawn", 64)
    tiny_net().save_pretrained(weights)
    assert main(["clicks", "--weights", str(weights), "--data", str(data)]) == 1
    assert "python -m training settle" in capsys.readouterr().err

    assert main(["settle", "--weights", "kaggle15", "--data", str(data)]) == 1
    assert "“kaggle15” is no folder of yours: say with --out" in capsys.readouterr().err
    assert main(["settle", "--weights", str(weights), "--data", str(data), "--out", str(tmp_path / "made")]) == 0
    held_out = sum(is_held_out(face) for face in read_faces(data, SCHEME))
    assert 0 < held_out < 14
    assert f"fitted on {64 - held_out} faces" in capsys.readouterr().out
    assert not (weights / SETTLE_FILE).exists()
    shutil.copy(tmp_path / "made" / SETTLE_FILE, weights)

    assert main(["clicks", "--weights", str(weights), "--data", str(data), "--held-out", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["n"] == held_out and figures["weights"] == "tiny-1"
    assert 0 < figures["every_within_5_settled"] <= K
    assert main(["clicks", "--weights", str(weights), "--data", str(data), "--held-out"]) == 0
    assert "every point within 5 %" in capsys.readouterr().out
