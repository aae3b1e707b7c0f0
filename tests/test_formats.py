"""Labelled faces in the layouts that people have them in, and what is wrong with those that are not."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fkd import DataError, load_scheme
from fkd.formats import open_csv, read_faces, read_kaggle, read_keypoints_folder
from fkd.geometry import Crop
from fkd.images import read_image

IBUG, KAGGLE = load_scheme("ibug68"), load_scheme("kaggle15")
PIXELS = np.arange(96 * 96).reshape(96, 96) % 256
FOUR = ("left_eye_center", "right_eye_center", "nose_tip", "mouth_center_bottom_lip")


def keypoints_folder(folder: Path, rows: list[list], n_points: int = 15) -> Path:
    """A keypoints folder; the pictures that the rows name are there."""
    (folder / "images").mkdir(parents=True)
    with (folder / "keypoints.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["", *range(2 * n_points)], *rows])
    for row in rows:
        Image.new("RGB", (20, 20)).save(folder / "images" / row[0])
    return folder


def row_of(name: str, first: float = 0.0) -> list:
    return [name, *(first + np.arange(30.0)).tolist()]


def kaggle_cells(points: dict[str, tuple[float, float]], image: str | None = None) -> dict[str, str]:
    cells = {f"{name}_{axis}": "" for name in KAGGLE.names for axis in "xy"}
    for name, (x, y) in points.items():
        cells |= {f"{name}_x": str(x), f"{name}_y": str(y)}
    return cells | {"Image": " ".join(map(str, PIXELS.ravel())) if image is None else image}


def kaggle_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


def all_points() -> dict[str, tuple[float, float]]:
    return {name: (30.0 + i, 40.0 + i / 2) for i, name in enumerate(KAGGLE.names)}


def test_a_keypoints_folder(tmp_path):
    folder = keypoints_folder(tmp_path / "mine", [row_of("a.png"), row_of("a.png", 100), row_of("b.png")])
    first, second, third = read_faces(folder, KAGGLE)
    assert first.image == folder / "images" / "a.png"
    np.testing.assert_array_equal(first.points_xy, np.arange(30.0).reshape(15, 2))
    np.testing.assert_array_equal(second.points_xy, first.points_xy + 100)
    assert first.group == second.group != third.group  # two faces of one photo stay together
    assert {face.source for face in (first, second, third)} == {"mine"}
    assert first.crop is None and first.box_xyxy is None


def test_an_empty_cell_is_a_missing_point(tmp_path):
    row = row_of("a.png")
    row[1] = row[6] = ""  # x of point 0; y of point 2: half a point is none
    (face,) = read_keypoints_folder(keypoints_folder(tmp_path / "mine", [row]), KAGGLE)
    assert np.flatnonzero(np.isnan(face.points_xy).all(axis=1)).tolist() == [0, 2]
    assert np.isfinite(face.points_xy[[1, *range(3, 15)]]).all()


def test_empty_rows_are_no_faces(tmp_path):
    folder = keypoints_folder(tmp_path / "mine", [row_of("a.png"), row_of("b.png")])
    lines = (folder / "keypoints.csv").read_text().splitlines()
    (folder / "keypoints.csv").write_text("\n".join([*lines[:2], "," * 30, *lines[2:], "", " ", ""]))
    assert [face.image.name for face in read_faces(folder, KAGGLE)] == ["a.png", "b.png"]


def test_the_folder_that_one_is_in_has_a_name_too(tmp_path, monkeypatch):
    monkeypatch.chdir(keypoints_folder(tmp_path / "mine", [row_of("a.png")]))
    (face,) = read_faces(".", KAGGLE)
    assert (face.source, face.group) == ("mine", "mine/a")


def test_frames_of_one_person_are_one_group(tmp_path):
    names = ["training_Ann_Lee_03.jpg", "training_Ann_Lee_41.jpg", "test_Ann_Leeds_03.jpg", "party_12.jpg"]
    faces = read_faces(keypoints_folder(tmp_path / "tube", [row_of(name) for name in names]), KAGGLE)
    assert [face.group for face in faces] == ["tube/Ann_Lee", "tube/Ann_Lee", "tube/Ann_Leeds", "tube/party_12"]


def test_labels_of_another_scheme_are_refused(tmp_path):
    folder = keypoints_folder(tmp_path / "mine", [row_of("a.png")])
    with pytest.raises(DataError, match=r"“mine/keypoints.csv” has 31 columns; scheme ibug68 needs 137"):
        read_faces(folder, IBUG)


def test_a_wrong_row_is_named_by_its_line(tmp_path):
    for i, (cells, message) in enumerate(
        [
            (row_of("a.png")[:-1], r"line 3: 30 cells, not 31"),
            ([*row_of("a.png")[:-1], "wide"], r"line 3: could not convert .*'wide'"),
            ([*row_of("a.png")[:-1], "inf"], r"line 3: a coordinate is infinite"),
            (["a.png", *[""] * 30], r"line 3: no point has a label"),
        ]
    ):
        folder = keypoints_folder(tmp_path / str(i), [row_of("b.png"), cells])
        with pytest.raises(DataError, match=message):
            read_faces(folder, KAGGLE)


def test_a_missing_picture_is_named_with_its_line(tmp_path):
    folder = keypoints_folder(tmp_path / "mine", [row_of("a.png"), row_of("b.png")])
    (folder / "images" / "b.png").unlink()
    with pytest.raises(DataError, match=r"line 3: images/b.png is missing"):
        read_faces(folder, KAGGLE)


def test_a_name_that_no_file_can_have_is_a_missing_picture(tmp_path):
    folder = keypoints_folder(tmp_path / "mine", [row_of("a.png")])
    text = (folder / "keypoints.csv").read_text()
    (folder / "keypoints.csv").write_text(text.replace("a.png", "a" * 300 + ".png"))
    with pytest.raises(DataError, match=r"line 2: images/aaa.* is missing"):
        read_faces(folder, KAGGLE)


def test_a_first_line_that_is_a_face_is_not_lost_in_silence(tmp_path):
    folder = keypoints_folder(tmp_path / "mine", [row_of("a.png"), row_of("b.png")])
    (folder / "keypoints.csv").write_text((folder / "keypoints.csv").read_text().split("\n", 1)[1])
    with pytest.raises(DataError, match=r"“mine/keypoints.csv” begins with a face"):
        read_faces(folder, KAGGLE)


def test_kaggles_csv(tmp_path):
    four = {name: point for name, point in all_points().items() if name in FOUR}
    path = kaggle_csv(tmp_path / "training.csv", [kaggle_cells(all_points()), kaggle_cells(four)])
    full, sparse = read_faces(path, KAGGLE)
    np.testing.assert_array_equal(full.points_xy, list(all_points().values()))
    for picture in (read_image(full.image), np.asarray(full.image)):  # it lies on disk until then
        assert full.image.shape == picture.shape == (96, 96, 3) and picture.dtype == np.uint8
        np.testing.assert_array_equal(picture, np.stack([PIXELS] * 3, axis=-1))
    assert full.crop == Crop((47.5, 47.5), 96.0)
    assert (full.source, sparse.source) == ("kaggle-15", "kaggle-4")  # two conventions in one file
    assert [KAGGLE.names[i] for i in np.flatnonzero(np.isfinite(sparse.points_xy[:, 0]))] == sorted(
        FOUR, key=KAGGLE.names.index
    )
    assert full.group != sparse.group


def test_kaggles_zip_and_a_folder_that_holds_it(tmp_path):
    path = kaggle_csv(tmp_path / "training.csv", [kaggle_cells(all_points())])
    with zipfile.ZipFile(tmp_path / "training.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "training.csv")
    for given in (tmp_path / "training.zip", tmp_path, path):
        (face,) = read_faces(given, KAGGLE)
        np.testing.assert_array_equal(face.points_xy, list(all_points().values()))
        assert face.group == "training/2"


def test_a_byte_order_mark_is_no_part_of_the_table(tmp_path):
    """Excel writes one."""
    mine = keypoints_folder(tmp_path / "mine", [row_of("a.png")])
    path = kaggle_csv(tmp_path / "training.csv", [kaggle_cells(all_points())])
    for table in (mine / "keypoints.csv", path):
        table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes())
    with zipfile.ZipFile(tmp_path / "training.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "training.csv")
    for given in (mine, path, tmp_path / "training.zip"):
        assert len(read_faces(given, KAGGLE)) == 1


@pytest.mark.parametrize("image", ["", "1 2 3", "seven", " ".join(["256"] * 9216), " ".join(["-1"] * 9216), "9" * 30])
def test_a_picture_cell_that_is_no_picture_is_named_by_its_line(tmp_path, image):
    rows = [kaggle_cells(all_points()), kaggle_cells(all_points(), image)]
    with pytest.raises(DataError, match=r"“training.csv”, line 3: the Image cell"):
        list(read_kaggle(kaggle_csv(tmp_path / "training.csv", rows), KAGGLE))


def test_a_bad_coordinate_is_named_by_its_line(tmp_path):
    rows = [kaggle_cells(all_points() | {"nose_tip": ("left", "1")})]
    with pytest.raises(DataError, match=r"“training.csv”, line 2: .*'left'"):
        list(read_kaggle(kaggle_csv(tmp_path / "training.csv", rows), KAGGLE))


def test_a_row_that_was_cut_off_is_named_by_its_line(tmp_path):
    path = kaggle_csv(tmp_path / "training.csv", [kaggle_cells(all_points())])
    path.write_text(path.read_text() + "1,2,3\n")
    with pytest.raises(DataError, match=r"“training.csv”, line 3: 3 cells, not 31"):
        list(read_kaggle(path, KAGGLE))


def test_a_decimal_comma_is_no_coordinate(tmp_path):
    path = kaggle_csv(tmp_path / "training.csv", [kaggle_cells(all_points())])
    first, row = path.read_text().splitlines()
    path.write_text(f"{first}\n{row.replace('.', ',', 1)}\n")
    with pytest.raises(DataError, match=r"“training.csv”, line 2: 32 cells, not 31"):
        list(read_kaggle(path, KAGGLE))


def test_a_missing_column_is_named(tmp_path):
    cells = kaggle_cells(all_points())
    del cells["nose_tip_y"]
    with pytest.raises(DataError, match="no column nose_tip_y: it is no Kaggle training file for kaggle15"):
        read_faces(kaggle_csv(tmp_path / "training.csv", [cells]), KAGGLE)
    with pytest.raises(DataError, match="no column jaw_00_x"):
        read_faces(tmp_path / "training.csv", IBUG)


def test_zips_that_hold_no_training_file(tmp_path):
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(DataError, match="not a zip file, or a damaged one"):
        read_faces(tmp_path / "broken.zip", KAGGLE)
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing here")
    with pytest.raises(DataError, match="holds 0 CSV files; it must hold one"):
        read_faces(tmp_path / "empty.zip", KAGGLE)


def test_a_file_that_cannot_be_opened_is_a_sentence(tmp_path):
    path = kaggle_csv(tmp_path / "training.csv", [kaggle_cells(all_points())])
    with zipfile.ZipFile(tmp_path / "training.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, path.name)
    whole = bytearray((tmp_path / "training.zip").read_bytes())
    locked = whole.copy()
    for entry in (whole.index(b"PK\x03\x04") + 6, whole.index(b"PK\x01\x02") + 8):
        locked[entry] |= 1  # the bit that says that it is encrypted
    (tmp_path / "locked.zip").write_bytes(locked)
    whole[60:90] = b"\xff" * 30
    (tmp_path / "damaged.zip").write_bytes(whole)
    (tmp_path / "folder.csv").mkdir()
    for name, words in (
        ("locked.zip", "cannot be unpacked: .*password"),
        ("damaged.zip", "not a zip file, or a damaged one"),
    ):
        with pytest.raises(DataError, match=f"“{name}” .*{words}"):
            read_faces(tmp_path / name, KAGGLE)
    with (
        pytest.raises(DataError, match="“folder.csv” cannot be read: Is a directory"),
        open_csv(tmp_path / "folder.csv"),
    ):
        pass


def test_the_callers_own_trouble_is_not_the_files(tmp_path):
    path = kaggle_csv(tmp_path / "training.csv", [kaggle_cells(all_points())])
    with pytest.raises(OSError, match="the disk is full"), open_csv(path):
        raise OSError("the disk is full")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "training.csv").write_bytes(b"\xff\xfe\x00\x80" * 50)
    with pytest.raises(DataError, match="“training.csv” is no CSV in UTF-8 text"):
        read_faces(tmp_path / "training.csv", KAGGLE)


def test_what_is_no_data_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing.csv", tmp_path / "missing"):
        with pytest.raises(DataError, match="no data that fkd reads"):
            read_faces(path, KAGGLE)
