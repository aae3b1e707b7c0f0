"""68 points turned into 15, and how far those are from Kaggle's."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fkd import DataError, load_scheme
from fkd.formats import LabelledFace, read_faces
from fkd.geometry import Crop, crop_from_points
from tests.nets import dotted_faces
from tests.pictures import PORTRAIT_LANDMARKS, PORTRAIT_PATH, TIGHT_BOX_XYXY, tight_grey_crop
from training.cli import main
from training.convert import SOURCES, converted, to_kaggle15
from training.convert_bias import bias_of_pictures, bias_of_shapes, full_labels, in_eyes_frame
from training.merged_folder import write_keypoints_folder

IBUG, KAGGLE = load_scheme("ibug68"), load_scheme("kaggle15")


def at(points: np.ndarray, name: str) -> np.ndarray:
    return points[..., KAGGLE.names.index(name), :]


def kaggle_csv(path: Path, rows: np.ndarray, picture: np.ndarray | None = None) -> Path:
    """Rows (N, 15, 2) as Kaggle's training.csv, with one picture for all or none."""
    columns = [f"{name}_{axis}" for name in KAGGLE.names for axis in "xy"]
    cells = [["" if np.isnan(value) else value for value in row.ravel()] for row in rows]
    if picture is not None:
        columns = [*columns, "Image"]
        cells = [[*row, " ".join(map(str, picture.ravel()))] for row in cells]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *cells])
    return path


def test_every_point_of_kaggles_is_made_and_its_mirror_image_of_the_mirror_images():
    assert set(SOURCES) == set(KAGGLE.names)
    mirrored = [SOURCES[KAGGLE.names[i]] for i in KAGGLE.flip_order]
    for name, parts in zip(KAGGLE.names, mirrored, strict=True):
        assert {IBUG.names[IBUG.flip_order[IBUG.names.index(part)]] for part in SOURCES[name]} == set(parts)


def test_the_points_of_a_face(predictor):
    (face,) = predictor(PORTRAIT_PATH)
    points = to_kaggle15(face.points)
    five = np.stack(
        [at(points, name) for name in ("right_eye_center", "left_eye_center", "nose_tip")]
        + [at(points, f"mouth_{side}_corner") for side in ("right", "left")]
    )
    eyes_px = np.linalg.norm(PORTRAIT_LANDMARKS[1] - PORTRAIT_LANDMARKS[0])
    assert np.linalg.norm(five - PORTRAIT_LANDMARKS, axis=1).max() < 0.08 * eyes_px
    # The subject's right is on the image's left; inner ends are nearer to the nose.
    right_to_left = ["right_{}_outer_{}", "right_{}_inner_{}", "left_{}_inner_{}", "left_{}_outer_{}"]
    for part, end in (("eye", "corner"), ("eyebrow", "end")):
        xs = [at(points, name.format(part, end))[0] for name in right_to_left]
        assert xs == sorted(xs)
    brow, eye, nose, top, bottom = (
        at(points, name)[1]
        for name in ("left_eyebrow_inner_end", "left_eye_center", "nose_tip", "mouth_center_top_lip",
                     "mouth_center_bottom_lip")
    )  # fmt: skip
    assert brow < eye < nose < top < bottom


def test_a_frame_is_that_of_the_new_scheme_turned_as_it_was():
    points = np.random.default_rng(0).uniform(50, 150, (68, 2))
    corrected = LabelledFace(Path("a.jpg"), points, "mine/a", crop=Crop((100, 100), 120.0, 0.3))
    plain, lacking = replace(corrected, crop=None), replace(corrected, points_xy=points.copy())
    lacking.points_xy[36:48] = np.nan
    turned, unframed, partly = converted([corrected, plain, lacking])
    assert turned.crop == crop_from_points(turned.points_xy, load_scheme("kaggle15").crop_from_points, 0.3)
    assert unframed.crop is None and partly.crop is None


def test_an_eye_is_the_mean_of_its_six_points_and_lacks_if_one_lacks():
    points = np.arange(136.0).reshape(68, 2) ** 1.5
    np.testing.assert_allclose(at(to_kaggle15(points), "left_eye_center"), points[42:48].mean(axis=0))
    np.testing.assert_array_equal(at(to_kaggle15(points), "right_eye_outer_corner"), points[36])
    points[44] = np.nan
    assert np.flatnonzero(np.isnan(to_kaggle15(points)[:, 0])).tolist() == [0]
    assert to_kaggle15(np.zeros((4, 3, 68, 2))).shape == (4, 3, 15, 2)


@pytest.fixture
def data68(tmp_path) -> Path:
    write_keypoints_folder(dotted_faces(3, "ibug68"), tmp_path / "wild", IBUG)
    return tmp_path / "wild"


def test_the_command_writes_faces_that_are_read_back(data68, tmp_path, capsys):
    assert main(["convert", "--data", str(data68), "--out", str(tmp_path / "fifteen")]) == 0
    assert "Wrote 3 faces with up to 15 points each" in capsys.readouterr().out
    before, after = read_faces(data68, IBUG), read_faces(tmp_path / "fifteen", KAGGLE)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_allclose(new.points_xy, to_kaggle15(old.points_xy))
        assert (new.group, new.source) == (old.group, old.source)  # what is held out stays so
        np.testing.assert_array_equal(np.asarray(Image.open(new.image)), np.asarray(Image.open(old.image)))


def test_a_face_with_a_jaw_only_is_left_out(tmp_path, capsys):
    jaw, *others = dotted_faces(3, "ibug68")
    jaw.points_xy[17:] = np.nan
    write_keypoints_folder([jaw, *others], tmp_path / "wild", IBUG)
    assert main(["convert", "--data", str(tmp_path / "wild"), "--out", str(tmp_path / "fifteen")]) == 0
    assert "1 of 3 have labels for none of these points: left out." in capsys.readouterr().out
    assert len(read_faces(tmp_path / "fifteen", KAGGLE)) == 2


def test_the_eyes_frame_knows_no_place_size_or_turn():
    face = np.random.default_rng(0).uniform(0, 90, (1, 15, 2))
    turn = 3.0 * np.array([[0.8, -0.6], [0.6, 0.8]])
    frame = in_eyes_frame(face, KAGGLE)
    np.testing.assert_allclose(in_eyes_frame(face @ turn.T + [5, -7], KAGGLE), frame, atol=1e-12)
    np.testing.assert_allclose(frame[0, list(KAGGLE.outer_eye_corners)], [[-0.5, 0], [0.5, 0]], atol=1e-12)


def test_a_shifted_point_is_a_bias_of_the_mean_shape():
    faces = np.stack([face.points_xy for face in converted(dotted_faces(6, "ibug68"))])
    moved = faces.copy()
    nose = KAGGLE.names.index("nose_tip")
    left, right = KAGGLE.outer_eye_corners
    moved[:, nose] += 0.03 * (moved[:, right] - moved[:, left])  # along the eyes
    bias = bias_of_shapes(moved, faces, KAGGLE)
    expected = np.zeros((15, 2))
    expected[nose, 0] = 0.03
    np.testing.assert_allclose(bias.mean, expected, atol=1e-12)
    assert bias.n == 6 and bias.mean_px is None and (bias.error[nose] > 0).all()


def test_missing_labels_are_left_out_of_the_mean_shape():
    whole = np.stack([face.points_xy for face in converted(dotted_faces(7, "ibug68"))])
    nose, brow = KAGGLE.names.index("nose_tip"), KAGGLE.names.index("left_eyebrow_outer_end")
    faces, others = whole.copy(), whole[:5].copy()
    faces[0, nose] = np.nan
    faces[5, KAGGLE.outer_eye_corners[0]] = np.nan  # says nothing of any point: nobody knows how it is turned
    faces[6, KAGGLE.outer_eye_corners[1]] = np.nan
    faces[:, brow] = np.nan
    bias = bias_of_shapes(faces, others, KAGGLE)
    assert (bias.n, bias.n_converted) == (5, 5)
    frame = in_eyes_frame(whole[:5], KAGGLE)
    expected = np.zeros((15, 2))
    expected[nose] = frame[1:, nose].mean(axis=0) - frame[:, nose].mean(axis=0)
    expected[brow] = np.nan
    np.testing.assert_allclose(bias.mean, expected, atol=1e-12)
    of_each = [part.std(axis=0, ddof=1) / np.sqrt(len(part)) for part in (frame[1:, nose], frame[:, nose])]
    np.testing.assert_allclose(bias.error[nose], np.hypot(*of_each))
    faces[1:, nose] = np.nan
    faces[0, nose] = 1.0
    bias = bias_of_shapes(faces, others, KAGGLE)
    assert np.isfinite(bias.mean[nose]).all() and np.isnan(bias.error[nose]).all()
    with pytest.raises(DataError, match="None of the 2 converted faces has both outer eye corners"):
        bias_of_shapes(faces[5:], others, KAGGLE)


def test_the_bias_on_pictures_is_what_the_labels_are_off_by(predictor):
    side = (TIGHT_BOX_XYXY[2] - TIGHT_BOX_XYXY[0]) / 96
    picture = np.repeat(tight_grey_crop()[..., None], 3, axis=2)
    truth = to_kaggle15(predictor.in_box(picture, (-0.5, -0.5, 95.5, 95.5)).points)
    placed = (PORTRAIT_LANDMARKS[2] + 0.5 - TIGHT_BOX_XYXY[:2]) / side - 0.5
    assert np.linalg.norm(at(truth, "nose_tip") - placed) < 5  # it is the face that was read
    faces = [LabelledFace(picture, truth - [1.0, dy], "kaggle/1") for dy in (-2.0, -4.0)]
    bias = bias_of_pictures(predictor, faces, KAGGLE)
    origin_px = predictor.net.config.label_origin_px
    np.testing.assert_allclose(bias.mean_px, np.tile([1.0, -3.0], (15, 1)) - origin_px, atol=1e-6)
    eyes_px = np.linalg.norm(np.diff(truth[list(KAGGLE.outer_eye_corners)], axis=0))
    np.testing.assert_allclose(bias.mean * eyes_px, bias.mean_px, rtol=1e-6)
    np.testing.assert_allclose(bias.error[:, 1] * eyes_px, 1.0, rtol=1e-6)  # sd √2 over √2


def test_labels_without_pictures(tmp_path):
    rows = np.random.default_rng(0).uniform(0, 95, (3, 15, 2))
    rows[1, 4] = np.nan
    np.testing.assert_allclose(full_labels(kaggle_csv(tmp_path / "a.csv", rows), KAGGLE), rows[[0, 2]])
    with pytest.raises(DataError, match="has 1 rows with all 15 points; two are the least"):
        full_labels(kaggle_csv(tmp_path / "b.csv", rows[:2]), KAGGLE)
    with pytest.raises(DataError, match="has no column jaw_00_x: it holds no labels of ibug68"):
        full_labels(tmp_path / "a.csv", IBUG)
    (tmp_path / "a.csv").write_text((tmp_path / "a.csv").read_text().replace(str(rows[2, 0, 0]), "left"))
    with pytest.raises(DataError, match="“a.csv”, line 4: could not convert"):
        full_labels(tmp_path / "a.csv", KAGGLE)


def test_the_command_measures(data68, tmp_path, capsys):
    labels = kaggle_csv(
        tmp_path / "training.csv", np.random.default_rng(0).uniform(9, 87, (3, 15, 2)), tight_grey_crop()
    )
    command = ["convert", "--data", str(data68), "--labels", str(labels), "--pictures", str(labels), "--rows", "2"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "on the pictures of 2 rows" in out and "Mean shape of 3 converted faces less that of 3 rows" in out
    assert out.count("mouth_center_bottom_lip") == 2


def test_the_command_says_where_no_label_tells(tmp_path, capsys):
    faces = dotted_faces(3, "ibug68")
    for i, face in enumerate(faces):
        face.points_xy[IBUG.names.index("nose_tip")] = np.nan
        face.points_xy[IBUG.names.index("mouth_left")] *= np.nan if i else 1.0
    write_keypoints_folder(faces, tmp_path / "wild", IBUG)
    labels = kaggle_csv(tmp_path / "training.csv", np.random.default_rng(0).uniform(9, 87, (3, 15, 2)))
    assert main(["convert", "--data", str(tmp_path / "wild"), "--labels", str(labels)]) == 0
    out = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines()[3:]}
    assert rows["nose_tip"] == ["–", "–"] and rows["mouth_left_corner"][2] == rows["mouth_left_corner"][5] == "–"
    assert "nan" not in out and rows["mouth_right_corner"][2] != "–"


@pytest.mark.parametrize("options", [[], ["--out", "OUT", "--labels", "x.csv"]])
def test_it_converts_or_measures(data68, tmp_path, capsys, options):
    options = [str(tmp_path / "out") if option == "OUT" else option for option in options]
    assert main(["convert", "--data", str(data68), *options]) == 1
    assert "Say what to do" in capsys.readouterr().err


def test_weights_of_another_scheme_are_refused(data68, tmp_path, capsys):
    labels = kaggle_csv(tmp_path / "training.csv", np.ones((2, 15, 2)), tight_grey_crop())
    command = ["convert", "--data", str(data68), "--pictures", str(labels), "--weights", "kaggle15"]
    assert main(command) == 1
    assert "“kaggle15” are weights of kaggle15; --weights must be of ibug68" in capsys.readouterr().err
