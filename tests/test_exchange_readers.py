"""What fkd writes, read by other programs: by their own library, or as their documentation says."""

from __future__ import annotations

import contextlib
import io
import json
import xml.etree.ElementTree as ET

import numpy as np
import pandas
import pytest
import yaml
from PIL import Image

from fkd.exchange.exporting import export
from tests.exchanged import SCHEME, corrected

K = SCHEME.n_points


@pytest.fixture
def store(tmp_path):
    return corrected(tmp_path)


def row_with(store, state: str):
    return next(row for row in store.current() if state in row.states)


def test_pycocotools_loads_labels_and_scores_the_predictions(store, tmp_path):
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    export(store, "coco", tmp_path / "out")
    with contextlib.redirect_stdout(io.StringIO()):  # it prints as it goes
        labels = COCO(tmp_path / "out" / "annotations.json")
        (category,) = labels.loadCats(labels.getCatIds())
        assert category["keypoints"] == list(SCHEME.names)
        assert [[a - 1, b - 1] for a, b in category["skeleton"]] == [list(edge) for edge in SCHEME.edges]
        annotations = labels.loadAnns(labels.getAnnIds())
        assert len(annotations) == 3 and len(labels.getImgIds()) == 2
        was = row_with(store, "absent")
        (found,) = [a for a in annotations if a["num_keypoints"] == K - 1]
        table = np.array(found["keypoints"]).reshape(-1, 3)
        assert table[3].tolist() == [0, 0, 0] and table[2, 2] == 1
        assert (np.delete(table, [2, 3], axis=0)[:, 2] == 2).all()
        assert np.abs(np.delete(table[:, :2] - was.corrected_xy, 3, axis=0)).max() < 0.006
        results = labels.loadRes(str(tmp_path / "out" / "predictions.json"))
        scored = COCOeval(labels, results, "keypoints")
        scored.params.kpt_oks_sigmas = np.full(K, 0.5)
        scored.evaluate()
        scored.accumulate()
        scored.summarize()
    assert scored.stats[0] == pytest.approx(1.0)  # off by a pixel or two, at this tolerance


def test_pandas_reads_the_csv_as_deeplabcut_does(store, tmp_path):
    """As deeplabcut.utils.conversioncode.convertcsv2h5 does; pictures with several faces have a row of individuals."""
    export(store, "deeplabcut", tmp_path / "out")
    home = tmp_path / "out" / "labeled-data" / "fkd"
    table = pandas.read_csv(home / "CollectedData_fkd.csv", index_col=[0, 1, 2], header=[0, 1, 2, 3])
    assert list(table.columns.names) == ["scorer", "individuals", "bodyparts", "coords"]
    assert list(table.columns.get_level_values("bodyparts").unique()) == list(SCHEME.names)
    was = row_with(store, "absent")
    row = table.loc[("labeled-data", "fkd", was.image.removeprefix("images/"))]
    found = [row["fkd", face].unstack()[["x", "y"]].loc[list(SCHEME.names)].to_numpy() for face in ("face1", "face2")]
    assert min(np.nanmax(np.abs(points - was.corrected_xy)) for points in found) < 0.001
    assert all((tmp_path / "out").joinpath(*index).is_file() for index in table.index)
    predictions = pandas.read_csv(home / "predictions_fkd.csv", index_col=[0, 1, 2], header=[0, 1, 2, 3])
    likelihood = predictions.xs("likelihood", axis=1, level="coords").to_numpy()
    assert np.nanmax(likelihood) == 1.0 and np.nanmin(likelihood) == 0.0


def test_one_face_a_picture_has_three_header_rows(store, tmp_path):
    for row in list(store.current())[:1]:
        store.undo(row.id)
    export(store, "deeplabcut", tmp_path / "out")
    path = tmp_path / "out" / "labeled-data" / "fkd" / "CollectedData_fkd.csv"
    table = pandas.read_csv(path, index_col=[0, 1, 2], header=[0, 1, 2])
    assert list(table.columns.names) == ["scorer", "bodyparts", "coords"] and table.shape == (2, 2 * K)


def test_dlib_gets_whole_numbers_in_the_elements_that_it_knows(store, tmp_path):
    export(store, "dlib", tmp_path / "out")
    root = ET.parse(tmp_path / "out" / "labels.xml").getroot()
    assert root.tag == "dataset" and [child.tag for child in root] == ["name", "comment", "images"]
    for image in root.find("images"):
        with Image.open(tmp_path / "out" / image.get("file")) as picture:
            assert (str(picture.width), str(picture.height)) == (image.get("width"), image.get("height"))
    was = row_with(store, "absent")
    (box,) = [box for box in root.iter("box") if len(box) == K - 1]
    assert set(box.attrib) == {"top", "left", "width", "height"}
    assert {part.get("name") for part in box} == {f"{i:02d}" for i in range(K)} - {"03"}
    for part in box:
        place = int(part.get("x")), int(part.get("y"))
        assert np.abs(was.corrected_xy[int(part.get("name"))] - place).max() <= 0.5
    right = int(box.get("left")) + int(box.get("width")) - 1
    assert abs(right - was.box_xyxy[2]) <= 0.5


def test_label_studio_shows_the_points_where_they_are(store, tmp_path):
    """Per cent of the picture from its outer edge, in the interface that label_config.xml describes."""
    export(store, "label-studio", tmp_path / "out")
    config = ET.fromstring((tmp_path / "out" / "label_config.xml").read_text())
    controls = {control.get("name"): control for control in config}
    assert [label.get("value") for label in controls["points"]] == list(SCHEME.names)
    tasks = json.loads((tmp_path / "out" / "tasks.json").read_text())
    assert len(tasks) == 2 and sum(len(task["predictions"]) for task in tasks) == 2
    was = row_with(store, "absent")
    task = next(task for task in tasks if was.image.removeprefix("images/") in task["data"]["image"])
    regions = task["annotations"][0]["result"]
    for region in [*regions, *task["predictions"][0]["result"]]:
        assert region["from_name"] in controls and controls[region["from_name"]].get("toName") == region["to_name"]
        assert region["type"] == controls[region["from_name"]].tag.lower()
    parents = {region["id"] for region in regions if region["type"] == "rectanglelabels"}
    assert len(parents) == 2 and all(r["parentID"] in parents for r in regions if r["type"] == "keypointlabels")
    (hidden,) = [region for region in regions if "meta" in region]
    assert hidden["value"]["keypointlabels"] == [SCHEME.names[2]] and hidden["meta"] == {"text": ["occluded"]}
    assert hidden["value"]["x"] / 100 * hidden["original_width"] == pytest.approx(
        was.corrected_xy[2, 0] + 0.5, abs=1e-3
    )
    scores = [region["score"] for region in task["predictions"][0]["result"] if "score" in region]
    assert min(scores) == 0.0 and max(scores) == 1.0


def test_yolo_pose_accepts_every_line(store, tmp_path):
    """The checks of ultralytics.data.utils.verify_image_label, and data.yaml's keys of its documentation."""
    export(store, "yolo", tmp_path / "out")
    settings = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text())
    assert settings["kpt_shape"] == [K, 3] and settings["names"] == {0: "face"} and "path" not in settings
    assert [settings["flip_idx"][i] for i in settings["flip_idx"]] == list(range(K))
    was, checked = row_with(store, "absent"), 0
    for part in {settings["train"], settings["val"]}:
        for picture in (tmp_path / "out" / part).iterdir():
            labels = picture.parents[2] / "labels" / picture.parent.name / f"{picture.stem}.txt"
            table = np.loadtxt(labels, ndmin=2)
            assert table.shape[1] == 5 + 3 * K and table.min() >= 0
            assert table[:, 1:5].max() <= 1 and table[:, 5:].reshape(-1, 3)[:, :2].max() <= 1
            checked += len(table)
            with Image.open(picture) as opened:
                size = opened.size
            for row in table:
                points = row[5:].reshape(-1, 3)
                if points[3].tolist() == [0, 0, 0]:
                    assert np.nanmax(np.abs(points[:, :2] * size - 0.5 - was.corrected_xy)[4:]) < 0.001
                    assert points[2, 2] == 1
    assert checked == 3


def test_points_outside_the_picture_are_unlabelled_in_yolo(tmp_path):
    store = corrected(tmp_path)
    row = next(row for row in store.current() if row.image_width == 102)
    points = row.corrected_xy.copy()
    points[0] = (-4, 50)
    values = {name: getattr(row, name) for name in ("image_width", "image_height", "scheme", "box_xyxy", "confidence")}
    store.save(
        tmp_path / "a.png", corrected_xy=points, predicted_xy=row.predicted_xy, states=row.states, supersedes=row.id,
        **values,
    )  # fmt: skip
    done = export(store, "yolo", tmp_path / "out")
    assert done.notices == ("Outside their picture, and so without a label: 1 points.",)
