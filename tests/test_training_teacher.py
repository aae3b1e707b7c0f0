"""Labels mixed with what a network that has learned says of the same faces."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from fkd.crop_net import CropNet, Prediction
from fkd.model import load_net
from fkd.schemes import load_scheme
from tests.drawn_data import keypoints_folder
from tests.nets import dotted_faces, tiny_config, tiny_net
from tests.test_fast_net import lived_in
from tests.test_training_train import SMALL
from training.cli import main
from training.config import TrainConfig
from training.dataset import CHIP_MARGIN, make_face_set
from training.lesson import Lesson
from training.loop import begin_with, fit
from training.teacher import answers_of, blended

SCHEME = load_scheme("kaggle15")


class Sees(CropNet):
    """A "network" that finds the brightest column and row of a crop, which a test has drawn, for every point."""

    architecture = "flagship"

    def __init__(self, config):
        super().__init__(config)
        self.anything = torch.nn.Parameter(torch.zeros(1))

    def forward(self, crops):
        light, side_px = crops.mean(dim=1), crops.shape[-1]
        place = torch.stack([light.mean(dim=1).argmax(dim=1), light.mean(dim=2).argmax(dim=1)], dim=-1)  # (N, 2)
        points = ((place + 0.5) / side_px)[:, None].expand(-1, self.n_points, -1)
        return Prediction(points, torch.full(points.shape[:2], 0.01), None)


@pytest.fixture
def faces():
    return make_face_set(dotted_faces(3), SCHEME, 64)


def test_the_answers_are_where_the_chips_show_the_points(faces, monkeypatch):
    monkeypatch.setattr("training.teacher.fast_net", lambda net, device: net)
    chips = torch.zeros((3, 3, 102, 102), dtype=torch.uint8)
    marks = torch.tensor([(30, 60), (51, 51), (70, 25)])  # x, y
    for chip, (x, y) in zip(chips, marks, strict=True):
        chip[:, y - 1 : y + 2, :] = 120
        chip[:, :, x - 1 : x + 2] = 120
    answers = answers_of(Sees(tiny_config()), replace(faces, chips=chips))
    expected = ((marks + 0.5) / 102)[:, None].expand(-1, 15, -1)
    torch.testing.assert_close(answers, expected, atol=1.2 * CHIP_MARGIN / 102, rtol=0)


def test_a_point_without_a_label_learns_from_the_teacher_alone():
    labels = torch.tensor([[[0.2, 0.4], [torch.nan, torch.nan]]])
    answers = torch.tensor([[[0.4, 0.4], [0.7, 0.1]]])
    torch.testing.assert_close(blended(labels, answers, 0.25), torch.tensor([[[0.25, 0.4], [0.7, 0.1]]]))
    torch.testing.assert_close(blended(labels, answers, 1.0), answers)


def test_a_teacher_of_other_points_is_refused_before_anything_is_cut_out(tmp_path, capsys):
    base = keypoints_folder(tmp_path / "base", 24)
    tiny_net(scheme="ibug68").save_pretrained(tmp_path / "teacher")
    command = [
        "train",
        *SMALL,
        "--data",
        str(base),
        "--teacher",
        str(tmp_path / "teacher"),
        "--out",
        str(tmp_path / "r"),
    ]
    assert main(command) == 1
    assert "tiny-1 knows the points of ibug68: choose a teacher of kaggle15" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_the_answers_are_in_the_convention_that_is_to_be_learned(faces):
    shift = tuple((0.02, -0.01) for _ in range(15))
    teacher = lived_in(tiny_net(seed=1))
    own = answers_of(teacher, faces)
    teacher.config = replace(teacher.config, conventions={"drawn": shift, "video": ((9.0, 9.0),) * 15})
    torch.testing.assert_close(answers_of(teacher, faces), own + torch.tensor(shift) / CHIP_MARGIN)


@pytest.mark.parametrize(("first", "kept"), [("wild", {"video": ((0.1, 0.2),)}), ("video", {})])
def test_a_training_begins_with_what_its_teacher_knows_of_labels(first, kept):
    teacher = tiny_net(label_origin_px=0.9, conventions={"video": ((0.1, 0.2),)})
    begun = begin_with(teacher, "kaggle15", first)
    assert begun.label_origin_px == 0.9 and begun.conventions == kept
    assert begin_with(None, "kaggle15", first).label_origin_px == 0.0


def test_a_lesson_mixes_after_the_conventions_are_taken_off(faces):
    lesson = Lesson(tiny_net(label_origin_px=3.0), ("only",), TrainConfig(augmentation="none", teacher_share=1.0))
    view, known = (64, 0.1, torch.Generator()), (faces.chips[slice(None)], faces.points, faces.source, faces.pixel)
    with torch.no_grad():
        as_labelled = lesson(*view, *known)
        taught = lesson(*view, *known, faces.points_seen(3.0))
        elsewhere = lesson(*view, *known, faces.points)
    assert taught == pytest.approx(as_labelled.item(), rel=1e-5) and elsewhere != pytest.approx(taught.item(), rel=1e-3)


def test_a_network_comes_nearer_to_its_teacher_where_there_are_no_labels(faces, tmp_path):
    """Without any label, all that it learns it has from the teacher."""
    teacher = lived_in(tiny_net(seed=1))
    answers = answers_of(teacher, faces)
    blank = replace(faces, points=torch.full_like(faces.points, torch.nan), answers=answers)

    def distance(net) -> float:
        return (answers_of(net, faces) - answers).norm(dim=-1).mean().item()

    config = TrainConfig(
        epochs=40, batch_size=3, augmentation="none", teacher="t", threads=1, device="cpu", lr=5e-3, heat_weight=0.1
    )  # fmt: skip
    fit(tiny_net(), blank, None, config, tmp_path)
    assert distance(load_net(tmp_path)) < 0.6 * distance(tiny_net())


def test_the_command_asks_its_teacher_about_each_face_once(tmp_path, capsys, monkeypatch):
    base = keypoints_folder(tmp_path / "base", 24)
    command = ["train", *SMALL, "--epochs", "1", "--data", str(base)]
    assert main([*command, "--out", str(tmp_path / "first")]) == 0
    lessons = []
    monkeypatch.setattr("training.loop.Lesson.forward", seen(Lesson.forward, lessons))
    taught = [*command, "--teacher", str(tmp_path / "first"), "--one-pass", "--out", str(tmp_path / "second")]
    assert main(taught) == 0
    assert lessons and all(answers.shape == (8, 15, 2) and answers.isfinite().all() for answers in lessons)
    settings = json.loads((tmp_path / "second" / "train_config.json").read_text())
    assert settings["teacher"].startswith("kaggle15-first (")
    assert json.loads((tmp_path / "second" / "run.json").read_text())["settings"]["teacher"] == str(tmp_path / "first")
    assert not load_net(tmp_path / "second").config.mirror_averaged
    capsys.readouterr()
    assert main([*command, "--out", str(tmp_path / "second"), "--resume", "--one-pass"]) == 1
    assert f"begun with teacher {settings['teacher']}, not none" in capsys.readouterr().err


def seen(forward, answers: list):
    def watched(self, *batch):
        answers.append(batch[-1])
        return forward(self, *batch)

    return watched
