"""The cleaning report: what it finds, what it leaves out of a training, and what it writes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fkd import DataError, load_scheme
from fkd.formats import LabelledFace
from tests.drawn_data import keypoints_folder
from tests.nets import dotted_faces
from tests.test_training_shapes import faces as shaped
from training.cleaning import Cleaning, clean, face_name
from training.cleaning_report import cleaning_of_cut, whole_cleaning, write_cleaning
from training.cli import main
from training.data import read_sides, read_training_data
from training.dataset import make_face_set
from training.duplicates import sketches

SCHEME = load_scheme("kaggle15")


def look_through(faces: list[LabelledFace], held_out: set[int] = frozenset()) -> Cleaning:
    sides = np.array([i in held_out for i in range(len(faces))])
    return clean(faces, sides, sketches(make_face_set(faces, SCHEME, 64).chips), SCHEME)


def shaped_faces(n: int) -> list[LabelledFace]:
    """Faces whose labels have the shape of faces, on noise."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 255, (n, 80, 80, 3), dtype=np.uint8)
    points = shaped(n)
    points = (points - points.mean(axis=1, keepdims=True)) / np.ptp(points, axis=(1, 2), keepdims=True) * 40 + 40
    return [
        LabelledFace(image, xy, f"drawn/{i}", source="drawn")
        for i, (image, xy) in enumerate(zip(pictures, points, strict=True))
    ]


def test_good_data_has_nothing_wrong():
    found = look_through(shaped_faces(120), {0, 1})
    assert not found.dropped(outliers=True).any() and not found.unlabelled.any() and not found.outside.any()
    assert found.lines() == [
        "120 rows: drawn 120",
        "missing labels: 0 points of 0 faces",
        "labels outside the picture: 0 points of 0 faces",
        "duplicates: 0 exact, 0 near; 0 training faces are held out under another name and do not train",
        "outliers by shape: 0 of 120 faces judged, of which 0 would train",
    ]


def test_missing_labels_and_labels_outside_the_picture_are_counted(tmp_path):
    drawn = dotted_faces(4)
    drawn[1].points_xy[[3, 5]] = np.nan
    drawn[2].points_xy[3] = np.nan
    drawn[2].points_xy[7] = (79.4, 20)  # the border is at 79.5, and files that count from 1 are a pixel off
    drawn[3].points_xy[7:9] = [(81, 20), (20, -3)]
    drawn[3] = replace(drawn[3], image=np.pad(drawn[3].image, [(0, 20), (0, 0), (0, 0)]))  # 80 wide, 100 high
    Image.fromarray(drawn[3].image[:, :60]).save(tmp_path / "a.png")
    drawn[0] = replace(drawn[0], image=tmp_path / "a.png", points_xy=np.full((15, 2), 60.0))
    drawn[0].points_xy[0] = 20.0
    found = look_through(drawn)
    assert found.unlabelled.sum(axis=1).tolist() == [0, 2, 1, 0]
    assert found.outside.sum(axis=1).tolist() == [0, 0, 0, 2]
    found = look_through([replace(drawn[0], points_xy=drawn[0].points_xy + [1, 0])])
    assert found.outside.sum() == 14  # the picture in the file is 60 wide
    report = look_through(drawn).as_json()
    names = SCHEME.names
    assert report["missing_by_point"] == {names[3]: 2, names[5]: 1}
    assert report["outside_by_point"] == {names[7]: 1, names[8]: 1} and report["outside"] == ["drawn/3"]
    assert "3 points of 2 faces" in look_through(drawn).lines()[1]


def test_points_that_lack_labels_are_named_those_of_most_faces_first():
    faces = shaped_faces(12)
    names = SCHEME.names
    for i, face in enumerate(faces):
        face.points_xy[[2, 3, 4, 5, 11]] = np.nan
        face.points_xy[10, 0] = np.nan if i == 7 else face.points_xy[10, 0]
    assert look_through(faces).lines()[1:3] == [
        "missing labels: 61 points of 12 faces",
        f"missing by point: {names[2]} … {names[5]} (4 points), {names[11]}: 12 faces; {names[10]}: 1 face",
    ]


def test_many_points_that_lack_labels_do_not_flood_the_screen():
    scheme, random = load_scheme("ibug68"), np.random.default_rng(0)
    faces = [replace(face, points_xy=np.full((68, 2), 40.0)) for face in dotted_faces(40, "ibug68")]
    for face in faces:
        face.points_xy[random.random(68) < np.linspace(0, 1, 68)] = np.nan
    nothing = np.full(len(faces), -1)
    gaps = np.stack([np.isnan(face.points_xy).any(axis=1) for face in faces])
    no, oddity = np.zeros(len(faces), dtype=bool), np.full(len(faces), np.nan)
    found = Cleaning(scheme, faces, no, gaps, np.zeros_like(gaps), nothing, nothing, no, oddity)
    (line,) = [line for line in found.lines() if line.startswith("missing by point: ")]
    assert len(line) < 300 and line.startswith(f"missing by point: {scheme.names[66]}, {scheme.names[67]}: 40 faces; ")
    assert line.endswith("59 more: 3 to 37 faces")
    assert found.as_json()["missing_by_point"][scheme.names[67]] == 40


def test_a_copy_of_a_held_out_face_does_not_train_but_other_copies_do():
    faces = shaped_faces(6)
    darker = (faces[1].image * 0.7).astype(np.uint8)
    faces += [replace(faces[i], group=f"again/{i}") for i in (0, 2)] + [replace(faces[1], image=darker)]
    found = look_through(faces, held_out={0, 1})
    assert found.exact_copy_of.tolist() == [-1] * 6 + [0, 2, -1]
    assert found.near_copy_of.tolist() == [-1] * 6 + [0, 2, 1]
    assert found.dropped(outliers=False).nonzero()[0].tolist() == [6, 8]
    report = found.as_json()
    assert report["exact_duplicates"] == [["drawn/0", "again/0"], ["drawn/2", "again/2"]]
    assert report["near_duplicates"] == [["drawn/1", "drawn/1"]]
    assert report["held_out_under_another_name"] == ["again/0", "drawn/1"]


def test_outliers_are_left_out_if_one_wishes_so_but_never_a_held_out_face():
    faces = shaped_faces(120)
    for i in (4, 5):
        faces[i] = replace(faces[i], points_xy=faces[i].points_xy[SCHEME.flip_order])
    found = look_through(faces, held_out={5})
    assert set(found.worst(2)) == {4, 5} and len(found.worst(500)) == 120
    assert not found.dropped(outliers=False).any()
    assert found.dropped(outliers=True).nonzero()[0].tolist() == [4]
    outliers = found.as_json()["outliers"]
    assert {entry["face"]: entry["held_out"] for entry in outliers} == {"drawn/4": False, "drawn/5": True}
    assert found.lines()[-1] == "outliers by shape: 2 of 120 faces judged, of which 1 would train"


def test_faces_that_cannot_be_judged_by_shape_are_not_called_good():
    faces = shaped_faces(120)
    faces[3].points_xy[2:] = np.nan
    few = [replace(face, source="phone") for face in shaped_faces(89)]
    found = look_through([*faces, *few])
    assert found.lines()[-2:] == [
        "outliers by shape: 0 of 119 faces judged, of which 0 would train",
        "not judged by shape, and so never left out as outliers: 90 of 209 faces (sources of fewer than 90 faces "
        "with 3 labels: phone 89; too few labels: 1)",
    ]
    report = found.as_json()
    assert report["judged_by_shape"] == 119 and report["too_few_faces_to_judge"] == {"phone": 89}
    assert report["fewest_faces_to_judge"] == 90 and report["too_few_labels_to_judge"] == ["drawn/3"]


def test_when_no_face_can_be_judged_nobody_knows_of_outliers():
    found = look_through(shaped_faces(5))
    assert found.lines()[-2:] == [
        "outliers by shape: nobody knows, for no face could be judged",
        "not judged by shape, and so never left out as outliers: 5 of 5 faces (sources of fewer than 90 faces with "
        "3 labels: drawn 5)",
    ]


def test_each_convention_is_judged_by_itself():
    faces, others = shaped_faces(120), shaped_faces(120)
    swapped = [replace(f, points_xy=f.points_xy[SCHEME.flip_order], source="swapped") for f in others]
    assert not look_through([*faces, *swapped]).odd.any()
    assert look_through([*faces, replace(swapped[0], source="drawn")]).odd[-1]


def test_the_report_is_a_json_file_and_a_picture(tmp_path):
    faces = shaped_faces(120)
    faces[7] = replace(faces[7], points_xy=faces[7].points_xy[SCHEME.flip_order])
    write_cleaning(look_through(faces), tmp_path)
    report = json.loads((tmp_path / "cleaning.json").read_text())
    assert report["rows"] == {"drawn": 120} and [entry["face"] for entry in report["outliers"]] == ["drawn/7"]
    with Image.open(tmp_path / "outliers.png") as picture:
        assert picture.width > 1000 and picture.height > 900  # four rows of six
    write_cleaning(look_through(faces[:3]), tmp_path)  # too few to judge
    with Image.open(tmp_path / "outliers.png") as picture:
        assert picture.height < 100


def test_a_face_is_called_by_its_file_or_by_its_row(tmp_path):
    face = dotted_faces(1)[0]
    assert face_name(face) == "drawn/0"
    assert face_name(replace(face, image=tmp_path / "ada_1.png")) == "drawn/ada_1.png"


def test_what_a_training_has_cut_out_gives_the_same_report(tmp_path):
    data = read_training_data([(str(keypoints_folder(tmp_path / "base", 40)), 1.0)], SCHEME)
    data = replace(data, apart=data.held_out[:1])
    train, held_out = (make_face_set(faces, SCHEME, 64) for faces in (data.training, data.held_out))
    first, second = whole_cleaning(data, SCHEME), cleaning_of_cut(data, train, held_out, SCHEME)
    assert len(first.faces) == 41 and first.held_out.sum() == len(data.held_out) + 1
    assert second.as_json() == first.as_json()
    assert cleaning_of_cut(data, train, None, SCHEME) is None  # not the first process


def test_faces_that_are_left_out_are_never_drawn(tmp_path):
    data = read_training_data([(str(keypoints_folder(tmp_path / "base", 20)), 2.0)], SCHEME)
    dropped = np.arange(len(data.training)) == 3
    kept = data.without(dropped)
    assert kept.weights[:5] == [2.0, 2.0, 2.0, 0.0, 2.0] and len(kept.training) == len(data.training)
    assert kept.fingerprint() != data.fingerprint()
    with pytest.raises(DataError, match="Every face to learn from"):
        data.without(np.ones(len(data.training), dtype=bool))


def test_held_out_faces_of_later_sources_are_kept_apart(tmp_path):
    folders = [str(keypoints_folder(tmp_path / name, 40)) for name in ("one", "two")]
    data = read_sides([(folder, 1.0) for folder in folders], SCHEME)
    assert {face.source for face in data.held_out} == {"one"} and {face.source for face in data.apart} == {"two"}
    assert len(data.training) + len(data.held_out) + len(data.apart) == 80
    # The two folders hold the same pictures, held out by different names: each picture that one of them holds out and
    # the other does not is a copy.
    held_out_once = {face.image.name for face in data.held_out} ^ {face.image.name for face in data.apart}
    assert whole_cleaning(data, SCHEME).copied.sum() == len(held_out_once) > 0


def test_the_command_prints_and_writes_the_report(tmp_path, capsys):
    data = [str(keypoints_folder(tmp_path / place, 6)) for place in ("here", "there")]
    assert main(["clean", "--scheme", "kaggle15", "--data", *data, "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "12 rows: here 6, there 6" in out and "6 exact" in out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"cleaning.json", "outliers.png"}
    empty = keypoints_folder(tmp_path / "empty", 0)
    assert main(["clean", "--scheme", "kaggle15", "--data", str(empty), "--out", str(tmp_path / "no")]) == 1
    assert "There is no face to look at" in capsys.readouterr().err and not (tmp_path / "no").exists()


def test_train_learns_from_no_copy_of_a_held_out_face_and_from_no_outlier_if_told(tmp_path, monkeypatch, capsys):
    weights = []

    def stop(net, train, held_out, config, run, **_):
        weights.append(train.weight)
        raise DataError("stopped")

    monkeypatch.setattr("training.loop.fit", stop)
    monkeypatch.setattr("training.cleaning.ODD", 1.0)
    folders = [str(keypoints_folder(tmp_path / name, 100)) for name in ("one", "two")]
    copied = whole_cleaning(read_sides([(folder, 1.0) for folder in folders], SCHEME), SCHEME).copied
    command = ["train", "--scheme", "kaggle15", "--size", "small", "--input-px", "64", "--data", *folders]
    for options in ([], ["--drop-outliers"]):
        assert main([*command, "--out", str(tmp_path / f"run{len(options)}"), *options]) == 1
    (first, second), n = weights, len(weights[0])
    assert (first == 0).tolist() == copied[:n].tolist() and 0 < (first == 0).sum() < (second == 0).sum()
    assert f"{(first == 0).sum()} faces are left out of the training" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "run0").iterdir()} == {"run.json", "cleaning.json", "outliers.png"}
