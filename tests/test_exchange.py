"""Round trips through every format, and what happens to files that are not right."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fkd.cli import main
from fkd.correction_store import CorrectionStore
from fkd.errors import DataError
from fkd.exchange import FORMATS
from fkd.exchange.exporting import export
from tests.exchanged import SCHEME, corrected, points_at, save

PHOTOS = sorted(set(FORMATS) - {"kaggle"})  # Kaggle's format carries the face's square instead of the photo


def import_again(form: str, source, annotations) -> int:
    arguments = ["--format", form, "--scheme", "kaggle15", "--annotations", str(annotations), "--annotator", "Ada"]
    return main(["import", str(source), *arguments])


def in_order(store: CorrectionStore) -> list:
    return sorted(store.current(), key=lambda row: (row.image, row.corrected_xy[0, 0]))


@pytest.mark.parametrize("form", PHOTOS)
def test_labels_come_back_as_they_were(tmp_path, form):
    store = corrected(tmp_path, missing=form != "pts")
    export(store, form, tmp_path / "out")
    assert import_again(form, tmp_path / "out", tmp_path / "back") == 0
    back = CorrectionStore(tmp_path / "back")
    for was, now in zip(in_order(store), in_order(back), strict=True):
        assert (now.image, now.image_width, now.image_height) == (was.image, was.image_width, was.image_height)
        assert back.image_path(now).read_bytes() == store.image_path(was).read_bytes()
        apart_px = np.abs(now.corrected_xy - was.corrected_xy)
        assert np.nanmax(apart_px) <= FORMATS[form].PRECISION_PX + 0.005
        assert np.array_equal(np.isnan(now.corrected_xy), np.isnan(was.corrected_xy))
        hidden = "occluded" if FORMATS[form].CARRIES_HIDDEN else "moved"
        assert now.states == tuple(hidden if state == "occluded" else state for state in was.states)
        assert now.annotator == "Ada"


@pytest.mark.parametrize("form", ["coco", "dlib", "label-studio", "yolo"])
def test_boxes_come_back(tmp_path, form):
    store = corrected(tmp_path)
    export(store, form, tmp_path / "out")
    import_again(form, tmp_path / "out", tmp_path / "back")
    for was, now in zip(in_order(store), in_order(CorrectionStore(tmp_path / "back")), strict=True):
        assert np.abs(now.box_xyxy - was.box_xyxy).max() <= FORMATS[form].PRECISION_PX + 0.005


@pytest.mark.parametrize("form", FORMATS)
def test_importing_twice_changes_nothing(tmp_path, capsys, form):
    export(corrected(tmp_path, missing=form != "pts"), form, tmp_path / "out")
    import_again(form, tmp_path / "out", tmp_path / "back")
    once = (tmp_path / "back" / "corrections.csv").read_bytes()
    capsys.readouterr()
    assert import_again(form, tmp_path / "out", tmp_path / "back") == 0
    assert "0 faces added" in capsys.readouterr().out
    assert (tmp_path / "back" / "corrections.csv").read_bytes() == once


@pytest.mark.parametrize("form", PHOTOS)
def test_importing_ones_own_export_adds_nothing(tmp_path, form):
    store = corrected(tmp_path, missing=form != "pts")
    before = store.path.read_bytes()
    export(store, form, tmp_path / "out")
    assert import_again(form, tmp_path / "out", tmp_path / "annotations") == 0
    assert store.path.read_bytes() == before


def test_what_a_person_did_since_an_import_stays(tmp_path):
    export(corrected(tmp_path), "coco", tmp_path / "out")
    import_again("coco", tmp_path / "out", tmp_path / "back")
    back = CorrectionStore(tmp_path / "back")
    first, second, third = in_order(back)
    back.undo(first.id)
    edited = save(back, tmp_path / "b.png", points_at(40, 51, seed=5), ("moved",) * 15, supersedes=second.id)
    import_again("coco", tmp_path / "out", tmp_path / "back")
    assert {row.id for row in back.current()} == {edited.id, third.id}


def test_newer_labels_take_the_place_of_a_correction_and_can_be_undone(tmp_path, capsys):
    store = corrected(tmp_path)
    export(store, "coco", tmp_path / "out")
    path = tmp_path / "out" / "annotations.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["keypoints"][0] += 3.0
    path.write_text(json.dumps(content))
    before = {row.id for row in store.current()}
    assert import_again("coco", tmp_path / "out", tmp_path / "annotations") == 0
    assert "1 face added, 1 of them in the place of an earlier correction" in capsys.readouterr().out
    (new,) = [row for row in store.current() if row.id not in before]
    assert new.supersedes in before
    store.undo(new.id)
    assert {row.id for row in store.current()} == before


def test_a_point_that_is_only_newly_hidden_is_news_to_a_format_that_can_say_so(tmp_path):
    store = corrected(tmp_path)
    export(store, "coco", tmp_path / "out")
    path = tmp_path / "out" / "annotations.json"
    path.write_text(path.read_text().replace(", 2]", ", 1]").replace(", 2, ", ", 1, ", 1))
    import_again("coco", tmp_path / "out", tmp_path / "annotations")
    assert sum(row.states.count("occluded") for row in store.current()) > 1


def test_kaggle_carries_the_square_around_the_face(tmp_path):
    store = corrected(tmp_path)
    export(store, "kaggle", tmp_path / "out")
    with (tmp_path / "out" / "training.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [f"{name}_{axis}" for name in SCHEME.names for axis in "xy"] + ["Image"]
    assert import_again("kaggle", tmp_path / "out", tmp_path / "back") == 0
    back = CorrectionStore(tmp_path / "back")
    assert [row.states.count("absent") for row in back.current()].count(1) == 1
    for row in back.current():
        assert (row.image_width, row.image_height) == (96, 96)
        assert np.nanmin(row.corrected_xy) > -0.5 and np.nanmax(row.corrected_xy) < 95.5
    # What is 96×96 already goes through unchanged.
    export(back, "kaggle", tmp_path / "again")
    before, after = ((tmp_path / name / "training.csv").read_text() for name in ("out", "again"))
    assert [line.split(",")[-1] for line in before.splitlines()] == [line.split(",")[-1] for line in after.splitlines()]


def test_label_studio_brings_the_predictions_back(tmp_path):
    store = corrected(tmp_path)
    (was, *_) = in_order(store)
    export(store, "label-studio", tmp_path / "out")
    import_again("label-studio", tmp_path / "out", tmp_path / "back")
    (now, *_) = in_order(CorrectionStore(tmp_path / "back"))
    assert np.abs(now.predicted_xy - was.predicted_xy).max() < 0.02
    assert np.abs(now.confidence - was.confidence).max() < 1e-4 and now.model_version == "tiny-1"


def test_a_point_that_was_left_where_it_was_predicted_is_confirmed(tmp_path):
    store, k = corrected(tmp_path), SCHEME.n_points
    points = points_at(50, 60)
    (first,) = [row for row in store.current() if row.image_width == 102]
    predicted = np.where(np.arange(k)[:, None] < 5, points, points + 2)
    store.save(
        tmp_path / "a.png", image_width=102, image_height=120, scheme="kaggle15", box_xyxy=first.box_xyxy,
        predicted_xy=predicted, corrected_xy=points, confidence=np.ones(k), supersedes=first.id,
        states=("confirmed",) * 5 + ("moved",) * (k - 5),
    )  # fmt: skip
    export(store, "label-studio", tmp_path / "out")
    import_again("label-studio", tmp_path / "out", tmp_path / "back")
    rows = [row for row in CorrectionStore(tmp_path / "back").current() if row.image_width == 102]
    assert rows[0].states == ("confirmed",) * 5 + ("moved",) * (k - 5)


def test_pts_counts_from_one_and_leaves_out_what_it_cannot_say(tmp_path):
    store = corrected(tmp_path)
    done = export(store, "pts", tmp_path / "out")
    assert done.notices == ("1 face was left out: iBUG .pts cannot say that a point is missing.",)
    assert (done.faces, done.pictures) == (len(list(store.current())) - 1, len(list((tmp_path / "out").glob("*.png"))))
    (small,) = [row for row in store.current() if row.image_width == 102]
    text = (tmp_path / "out" / f"{small.image.removeprefix('images/').removesuffix('.png')}.pts").read_text()
    lines = text.splitlines()
    assert lines[:3] == ["version: 1", "n_points:  15", "{"] and lines[-1] == "}"
    assert [float(v) for v in lines[3].split()] == pytest.approx(small.corrected_xy[0] + 1, abs=1e-9)


def test_an_export_that_fails_leaves_nothing_behind(tmp_path):
    store = corrected(tmp_path)
    next(store.folder.glob("images/*")).unlink()
    with pytest.raises(Exception, match="The picture images/.* is not in"):
        export(store, "coco", tmp_path / "out")
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


def test_a_folder_with_something_in_it_is_not_written_to(tmp_path):
    store = corrected(tmp_path)
    export(store, "coco", tmp_path / "out")
    with pytest.raises(DataError, match="there already"):
        export(store, "yolo", tmp_path / "out")


def test_a_picture_of_another_size_is_refused(tmp_path, capsys):
    export(corrected(tmp_path), "coco", tmp_path / "out")
    for picture in (tmp_path / "out" / "images").iterdir():
        Image.new("RGB", (64, 48)).save(picture)
    assert import_again("coco", tmp_path / "out", tmp_path / "back") == 1
    assert "it was labelled at" in capsys.readouterr().err
    assert not (tmp_path / "back").exists()


# Format -> file, what is replaced in it and by what, words of the sentence.
BROKEN = {
    "coco": ("annotations.json", '"keypoints": [', '"keypoints": [1.0, ', "annotation 1: keypoints must be 45 numbers"),
    "deeplabcut": ("labeled-data/fkd/CollectedData_fkd.csv", "labeled-data,fkd,", "labeled-data,fkd,x,", "line 5: "),
    "dlib": ("labels.xml", "x='", "x='a", "line 8: x is 'a"),
    "kaggle": ("training.csv", "\n", "\nx", "line 2: could not convert"),
    "label-studio": ("tasks.json", '"keypointlabels": ["nose_tip"]', '"keypointlabels": ["nose"]', "task 1: kaggle15 "),
    "pts": (".pts", "{\n", "{\n1.0 ", "line 4: a point is two numbers"),
    "yolo": (".txt", "0 ", "0 0.5 ", "line 1: 51 numbers, not 50"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_a_malformed_file_is_a_sentence_with_its_place_and_nothing_is_imported(tmp_path, capsys, form):
    export(corrected(tmp_path, missing=form != "pts"), form, tmp_path / "out")
    name, old, new, words = BROKEN[form]
    path = next(file for file in sorted((tmp_path / "out").rglob("*")) if file.as_posix().endswith(name))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert import_again(form, tmp_path / "out", tmp_path / "back") == 1
    said = capsys.readouterr().err
    assert path.name in said and words in said and said.count("\n") == 1
    assert not (tmp_path / "back").exists()


# Format, file, what is replaced in it and by what: each made a traceback once.
ODD = [
    ("coco", "annotations.json", '"image_id": 1', '"image_id": [1]'),
    ("coco", "annotations.json", '"id": 1', '"id": [1]'),
    ("coco", "annotations.json", '"file_name": "', '"file_name": "' + "a" * 300),
    ("deeplabcut", "labeled-data/fkd/CollectedData_fkd.csv", "bodyparts,,,", "bodyparts,,,,"),
    ("label-studio", "tasks.json", '"image": "', '"image": "data:image/png;base64,' + "a" * 300 + '", "was": "'),
    ("yolo", "data.yaml", "train:", "made: 2024-13-45\ntrain:"),
]


@pytest.mark.parametrize(("form", "name", "old", "new"), ODD)
def test_what_other_tools_would_never_write_is_a_sentence_too(tmp_path, capsys, form, name, old, new):
    export(corrected(tmp_path), form, tmp_path / "out")
    path = tmp_path / "out" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert import_again(form, tmp_path / "out", tmp_path / "back") == 1
    assert capsys.readouterr().err.startswith("fkd: ")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("is_relative", [True, False])
def test_yolo_may_name_its_pictures_by_an_absolute_path(tmp_path, monkeypatch, is_relative):
    export(corrected(tmp_path), "yolo", tmp_path / "out")
    settings = tmp_path / "out" / "data.yaml"
    folder = next(path for path in (tmp_path / "out").rglob("images*") if path.is_dir())
    lines = [f"train: {folder}" if line.startswith("train:") else line for line in settings.read_text().splitlines()]
    settings.write_text("\n".join(line for line in lines if not line.startswith(("path:", "val:"))))
    monkeypatch.chdir(tmp_path)
    path = Path("out") if is_relative else tmp_path / "out"
    assert import_again("yolo", path / "data.yaml", tmp_path / "back") == 0
    assert len(list(CorrectionStore(tmp_path / "back").current())) == 3


@pytest.mark.parametrize(
    ("encoding", "declared"), [("utf-8", "ISO-8859-1"), ("latin-1", "ISO-8859-1"), ("utf-8", "UTF-8")]
)
def test_dlibs_file_is_read_in_its_own_encoding(tmp_path, encoding, declared):
    export(corrected(tmp_path), "dlib", tmp_path / "out")
    path = tmp_path / "out" / "labels.xml"
    picture = next((tmp_path / "out" / "images").iterdir())
    picture.rename(picture.with_name("müller.png"))
    text = path.read_text().replace(picture.name, "müller.png").replace("UTF-8", declared)
    path.write_bytes(text.encode(encoding))
    assert import_again("dlib", tmp_path / "out", tmp_path / "back") == 0
    assert len(list(CorrectionStore(tmp_path / "back").current())) == 3


def test_the_folder_that_one_is_in_is_not_written_over(tmp_path, monkeypatch):
    store = corrected(tmp_path)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(DataError, match="name a folder that is not"):
        export(store, "coco", Path())


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"[1, {", b"<a><b></a>", b"a,b\n1,2\n", b"{}", b"[[]]"])
def test_any_other_file_is_refused(tmp_path, capsys, form, content):
    path = tmp_path / "labels.pts"
    path.write_bytes(content)
    assert import_again(form, path, tmp_path / "back") == 1
    assert capsys.readouterr().err.startswith("fkd: “labels.pts”")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_a_path_that_is_not_there_is_told(tmp_path, capsys, form):
    assert import_again(form, tmp_path / "nothing", tmp_path / "back") == 1
    assert "nothing" in capsys.readouterr().err
