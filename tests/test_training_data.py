"""Data of all layouts, mixed at will, and which of it is held out."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from fkd import CorrectionsError, DataError, load_scheme
from fkd.formats import read_faces
from tests.drawn_data import corrected_drawings, keypoints_folder
from tests.test_formats import FOUR, all_points, kaggle_cells, kaggle_csv
from training.data import read_sides, read_training_data
from training.dataset import is_held_out
from training.merged_folder import write_keypoints_folder

SCHEME = load_scheme("kaggle15")


@pytest.fixture
def folders(tmp_path) -> tuple[str, str]:
    return str(keypoints_folder(tmp_path / "first", 24)), str(keypoints_folder(tmp_path / "second", 10))


def test_every_path_has_its_weight_and_the_first_is_measured_on(folders):
    data = read_training_data([(folders[0], 2.0), (folders[1], 0.5)], SCHEME)
    assert data.sources == ("first", "second")
    assert {(face.source, weight) for face, weight in zip(data.training, data.weights, strict=True)} == {
        ("first", 2.0),
        ("second", 0.5),
    }
    assert data.held_out and all(is_held_out(face) and face.source == "first" for face in data.held_out)
    assert not any(is_held_out(face) for face in data.training)


def test_of_two_conventions_in_a_file_the_network_speaks_that_of_the_fuller_rows(tmp_path):
    full = kaggle_cells(all_points())
    four = kaggle_cells({name: point for name, point in all_points().items() if name in FOUR})
    path = kaggle_csv(tmp_path / "training.csv", [four, *[full, four] * 30])
    data = read_training_data([(str(path), 1.0)], SCHEME)
    assert data.sources == ("kaggle-15", "kaggle-4")
    assert {face.source for face in data.held_out} == {"kaggle-15"}
    assert {face.source for face in data.apart} == {"kaggle-4"}


def test_two_places_of_one_name_are_refused(tmp_path, monkeypatch):
    for place in ("helen", "tube"):
        keypoints_folder(tmp_path / place / "train", 12)
        kaggle_csv(tmp_path / place / "training.csv", [kaggle_cells(all_points())] * 12)
    monkeypatch.chdir(tmp_path / "helen")
    sentence = "helen/{0}” and “.*tube/{0}” are both called “{1}”: rename one"
    for name, called in (("train", "train"), ("training.csv", "training")):
        with pytest.raises(DataError, match=sentence.format(name, called)):
            read_sides([(name, 1.0), (f"../tube/{name}", 1.0)], SCHEME)
    (tmp_path / "tube" / "training.csv").unlink()
    with ZipFile(tmp_path / "tube" / "training.zip", "w") as archive:
        archive.write("training.csv")
    with pytest.raises(DataError, match="both called “training”"):
        read_sides([("training.csv", 1.0), ("../tube", 1.0)], SCHEME)
    twice = read_sides([("train", 1.0), ("../helen/train", 2.0)], SCHEME)
    assert len(twice.training) + len(twice.held_out) + len(twice.apart) == 24


def test_what_was_merged_may_have_any_name_and_keeps_its_faces_sources(tmp_path):
    for place in ("one", "two"):
        faces = read_faces(keypoints_folder(tmp_path / place, 4), SCHEME)
        write_keypoints_folder(faces, tmp_path / "merged" / place / "all", SCHEME)
    data = read_sides([(str(tmp_path / "merged" / place / "all"), 1.0) for place in ("one", "two")], SCHEME)
    assert data.sources == ("one", "two")


@pytest.mark.parametrize("given", ["", "corrections.csv"])
def test_corrections_train_in_the_first_ones_convention(folders, tmp_path, given):
    annotations = corrected_drawings(tmp_path / "annotations", n=6)
    data = read_training_data([(folders[0], 1.0), (str(annotations / given), 3.0)], SCHEME)
    corrected = [face for face, weight in zip(data.training, data.weights, strict=True) if weight == 3.0]
    assert len(corrected) == 5  # every fifth picture is held out
    assert data.sources == ("first",) and all(face.source == "first" for face in corrected)
    assert all(face.image.parent.parent == annotations for face in corrected)


def test_corrections_of_two_places_all_train(folders, tmp_path):
    annotators = [str(corrected_drawings(tmp_path / name / "annotations", n=6)) for name in ("ann", "bob")]
    data = read_training_data([(folders[0], 1.0), (annotators[0], 2.0), (annotators[1], 3.0)], SCHEME)
    assert [data.weights.count(weight) for weight in (2.0, 3.0)] == [5, 5]  # every fifth picture is held out


def test_a_face_that_was_corrected_trains_once_and_a_held_out_one_never(folders, tmp_path):
    """The drawings of the folder, six of them corrected."""
    annotations = str(corrected_drawings(tmp_path / "annotations", n=6, side_px=80))
    alone = read_training_data([(folders[0], 1.0)], SCHEME)
    mixed = read_training_data([(folders[0], 1.0), (annotations, 1.0)], SCHEME)
    held_out = {int(face.image.stem) for face in alone.held_out}
    corrected = len([face for face in mixed.training if face.group.startswith("corrections/")])
    assert corrected == len(set(range(6)) - held_out - {4})  # every fifth correction is held out, and its face with it
    assert len(mixed.training) == len(alone.training) - len({4} - held_out)
    assert len(mixed.held_out) == len(alone.held_out)


def test_points_that_nobody_judged_do_not_train(folders, tmp_path):
    states = ("confirmed", "confirmed", "occluded", *["untouched"] * 12)
    annotations = corrected_drawings(tmp_path / "annotations", n=1, states=states)
    data = read_training_data([(folders[0], 1.0), (str(annotations), 1.0)], SCHEME)
    known = np.isfinite(data.training[-1].points_xy).all(axis=1)
    assert known.tolist() == [True, True, *[False] * 13]


def test_corrections_alone_are_data_too(tmp_path):
    data = read_training_data([(str(corrected_drawings(tmp_path / "annotations", n=6)), 1.0)], SCHEME)
    assert (len(data.training), len(data.held_out)) == (5, 1)
    assert data.sources == ("corrections",)


def test_corrections_that_come_first_are_measured_on_and_speak_as_the_others(folders, tmp_path):
    annotations = corrected_drawings(tmp_path / "annotations", n=6)
    data = read_training_data([(str(annotations), 1.0), (folders[0], 1.0)], SCHEME)
    assert data.sources == ("first",)
    assert len(data.held_out) == 1 and data.held_out[0].image.parent.parent == annotations


def test_the_fingerprint_tells_data_apart(folders):
    def fingerprint(*named: tuple[str, float]) -> str:
        return read_training_data(named, SCHEME).fingerprint()

    first, second = folders
    mine = fingerprint((first, 1.0))
    assert mine == fingerprint((first, 1.0)) and len(mine) == 32
    table, picture = Path(first) / "keypoints.csv", Path(first) / "images" / "3.png"
    others = [fingerprint((first, 2.0)), fingerprint((first, 1.0), (second, 1.0))]
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines[:2], lines[2][:-3] + "7.5", *lines[3:]]) + "\n")
    others.append(fingerprint((first, 1.0)))
    table.write_text("\n".join(lines) + "\n")
    picture.write_bytes(picture.read_bytes() + b"\0")
    others.append(fingerprint((first, 1.0)))
    assert len({mine, *others}) == 5


def test_what_is_no_data_is_a_sentence(folders, tmp_path):
    with pytest.raises(DataError, match="“nowhere” is no data that fkd reads"):
        read_training_data([(folders[0], 1.0), ("nowhere", 1.0)], SCHEME)
    with pytest.raises(DataError, match=r"0 faces to learn from and 0 to measure on are too few"):
        read_training_data([(str(keypoints_folder(tmp_path / "empty", 0)), 1.0)], SCHEME)
    (tmp_path / "corrections.csv").touch()
    with pytest.raises(CorrectionsError):
        read_training_data([(str(tmp_path / "corrections.csv"), 1.0)], SCHEME)
