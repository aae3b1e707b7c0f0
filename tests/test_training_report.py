"""The report: whose faces it shows, and a page that needs nothing else and that no name can break."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fkd import KeypointPredictor, load_scheme
from fkd.errors import DataError
from tests.drawn_data import keypoints_folder
from tests.nets import dotted_faces, tiny_net
from tests.pictures import saved
from tests.test_training_figures import ROWS
from training.dataset import is_held_out
from training.evaluate import evaluate
from training.report import best_and_worst, read_epochs, run_faces, run_weights
from training.report_page import Gallery, report_page

SCHEME = load_scheme("kaggle15")
EVIL = '<script>alert("1")</script>&'


def measured(n: int):
    faces = dotted_faces(n)
    return evaluate(KeypointPredictor(tiny_net(), "cpu"), faces, "labels"), faces


def pictures(page: str) -> list[Image.Image]:
    found = re.findall(r'src="data:image/(?:png|jpeg);base64,([^"]+)"', page)
    return [Image.open(io.BytesIO(base64.b64decode(content))) for content in found]


def test_the_worst_faces_come_first_and_none_is_shown_twice():
    evaluation, faces = measured(16)
    worst, best = best_and_worst(evaluation, faces)
    errors = [float(line.split("%")[0]) for _, _, line in worst.faces]
    assert len(worst.faces) == 12 and len(best.faces) == 4 and errors == sorted(errors, reverse=True)
    assert max(float(line.split("%")[0]) for _, _, line in best.faces) <= min(errors)
    assert {name for _, name, _ in (*worst.faces, *best.faces)} == {face.group for face in faces}


def test_a_missed_face_is_the_worst_and_shows_its_labels():
    evaluation, faces = measured(3)
    evaluation.predicted_xy[1] = evaluation.confidence[1] = np.nan
    ((picture, name, line), *_) = best_and_worst(evaluation, faces)[0].faces
    assert (name, line) == (faces[1].group, "not found")
    pixels = np.array(Image.open(io.BytesIO(picture))).astype(int)
    vermilion = (np.abs(pixels - (213, 94, 0)).max(axis=2) < 40).sum()
    blue = (np.abs(pixels - (86, 180, 233)).max(axis=2) < 40).sum()
    assert vermilion > 200 and blue == 0


def test_a_face_in_a_file_goes_by_the_files_name(tmp_path):
    evaluation, faces = measured(1)
    faces = [replace(faces[0], image=saved(tmp_path / "ada.png", faces[0].image))]
    assert best_and_worst(evaluation, faces)[0].faces[0][1] == "ada.png"


def test_the_page_holds_its_pictures_and_calls_nobody():
    evaluation, faces = measured(14)
    page = report_page("mine", "14 drawings", ROWS, evaluation, best_and_worst(evaluation, faces))
    kinds = [picture.format for picture in pictures(page)]
    assert kinds == ["PNG"] * 5 + ["JPEG"] * 14
    assert "http" not in page and "<script" not in page and "<link" not in page
    for text in ("Training", "Error by point", "Cumulative error", "The worst faces", "The best faces", "nose tip"):
        assert text in page


def test_no_name_can_break_the_page():
    evaluation, faces = measured(2)
    evaluation = replace(evaluation, sources=(EVIL, "other"))
    picture = best_and_worst(evaluation, faces)[0].faces[0][0]
    page = report_page(EVIL, EVIL, ROWS, evaluation, [Gallery(EVIL, ((picture, EVIL, EVIL),))])
    assert "<script" not in page and page.count("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;") >= 7


def test_a_page_of_curves_alone_and_a_page_without_eye_distances():
    assert len(pictures(report_page("run", "nothing yet", ROWS))) == 1
    evaluation, _ = measured(3)
    evaluation.labelled_xy[:, list(SCHEME.outer_eye_corners)] = np.nan
    evaluation = replace(evaluation, eye_distance=np.full(3, np.nan))
    page = report_page("run", "", (), evaluation)
    assert "Error by point" not in page and "Cumulative error" in page and len(pictures(page)) == 3


def test_the_epochs_of_a_run(tmp_path):
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    assert read_epochs(tmp_path) == ROWS
    with pytest.raises(DataError, match="is no run of a training"):
        read_epochs(tmp_path / "nowhere")
    for damaged in ("{", "[1]\n", '{"loss": 1}\n'):
        (tmp_path / "metrics.jsonl").write_text(damaged)
        with pytest.raises(DataError, match="is damaged"):
            read_epochs(tmp_path)


def test_the_weights_of_a_run_are_its_best_else_its_newest(tmp_path):
    assert run_weights(tmp_path) is None
    tiny_net().save_pretrained(tmp_path / "last")
    assert run_weights(tmp_path) == tmp_path / "last"
    tiny_net().save_pretrained(tmp_path)
    assert run_weights(tmp_path) == tmp_path


def test_a_run_is_measured_on_what_it_held_out(tmp_path):
    base = keypoints_folder(tmp_path / "base", 24)
    (tmp_path / "run.json").write_text(json.dumps({"data": {"paths": [[str(base), 2.0]]}}))
    faces = run_faces(tmp_path, SCHEME)
    assert 0 < len(faces) < 24 and all(map(is_held_out, faces))
    for record in ("{}", "[]", '{"data": {"paths": [1]}}'):
        (tmp_path / "run.json").write_text(record)
        with pytest.raises(DataError, match="Name it: --data PATH"):
            run_faces(tmp_path, SCHEME)
