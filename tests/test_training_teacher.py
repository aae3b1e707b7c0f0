"""Labels mixed with what a network that has learned says of the same faces."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
import torch

from fkd.crop_net import CropNet, Prediction
from fkd.errors import FkdError, WeightsError
from fkd.model import load_net, mirror_averaged
from fkd.schemes import load_scheme
from tests.drawn_data import keypoints_folder
from tests.nets import dotted_faces, tiny_config, tiny_net
from tests.test_fast_net import lived_in
from tests.test_training_train import SMALL
from training.augment import plain_view
from training.chips import ChipFile
from training.cli import main
from training.config import TrainConfig
from training.dataset import CHIP_MARGIN, make_face_set
from training.lesson import Lesson
from training.loop import begin_with, fit
from training.teacher import Teaching, blended, check_teacher, resized, with_mirror_images

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


class Moves:
    """In the place of a `Teaching`: moves every label by 0.01, and keeps what it was asked."""

    def __init__(self, input_px, asked):
        self.input_px, self.asked = input_px, asked

    def __call__(self, crops, labels):
        self.asked.append((crops, labels))
        return labels + 0.01


@pytest.fixture
def faces():
    return make_face_set(dotted_faces(4), SCHEME, 64)


def marked(side_px: int, *marks: tuple[int, int]) -> torch.Tensor:
    """Crops (N, 3, S, S), each with a bright column and a bright row, which cross at the mark (x, y)."""
    crops = torch.zeros((len(marks), 3, side_px, side_px))
    for crop, (x, y) in zip(crops, marks, strict=True):
        crop[:, y, :] = 120.0
        crop[:, :, x] = 120.0
    return crops


@pytest.mark.parametrize("side_px", [64, 32])  # 64 is what the teacher is made for
def test_the_answers_are_where_the_crops_show_the_points(side_px):
    marks = [(20, 40), (31, 31), (50, 10)] if side_px == 64 else [(10, 20), (15, 15), (25, 5)]
    taught = Teaching([Sees(tiny_config())], 1.0, torch.device("cpu"))
    answers = taught(marked(side_px, *marks), torch.full((3, 15, 2), torch.nan))
    expected = ((torch.tensor(marks) + 0.5) / side_px)[:, None].expand(-1, 15, -1)
    torch.testing.assert_close(answers, expected, atol=0.5 / 64 + 1e-6, rtol=0)


def test_the_answers_are_averaged_over_a_crop_and_its_mirror_image():
    teacher = lived_in(tiny_net(seed=1))
    crops = torch.rand((2, 3, 64, 64), generator=torch.Generator().manual_seed(0)) * 255
    answers = Teaching([teacher], 1.0, torch.device("cpu"))(crops, torch.full((2, 15, 2), torch.nan))
    with torch.no_grad():
        torch.testing.assert_close(answers, mirror_averaged(teacher, crops)[0], atol=1e-5, rtol=0)
    assert not answers.requires_grad


def test_of_several_teachers_the_mean_counts_each_asked_about_crops_of_its_size():
    teachers = [lived_in(tiny_net(seed=1)), lived_in(tiny_net(seed=2, input_px=96))]
    crops = torch.rand((2, 3, 96, 96), generator=torch.Generator().manual_seed(0)) * 255
    taught = Teaching(teachers, 1.0, torch.device("cpu"))
    assert taught.input_px == 96
    with torch.no_grad():
        (first, _), (second, _) = mirror_averaged(teachers[0], resized(crops, 64)), mirror_averaged(teachers[1], crops)
    assert (first - second).abs().max() > 1e-3
    answers = taught(crops, torch.full((2, 15, 2), torch.nan))
    torch.testing.assert_close(answers, (first + second) / 2, atol=1e-5, rtol=0)


def test_a_mirror_image_has_the_left_points_where_the_right_ones_were():
    crops, labels = marked(64, (20, 40)), torch.full((1, 15, 2), 0.25)
    labels[0, SCHEME.names.index("left_eye_center")] = torch.tensor([0.6, 0.4])
    labels[0, SCHEME.names.index("nose_tip")] = torch.nan
    both, points = with_mirror_images(crops, labels, SCHEME)
    torch.testing.assert_close(both[1:], marked(64, (43, 40)))
    assert torch.equal(both[:1], crops) and torch.equal(points[0].nan_to_num(9), labels[0].nan_to_num(9))
    torch.testing.assert_close(points[1, SCHEME.names.index("right_eye_center")], torch.tensor([0.4, 0.4]))
    assert points[1, SCHEME.names.index("nose_tip")].isnan().all()


def test_a_point_without_a_label_learns_from_the_teacher_alone():
    labels = torch.tensor([[[0.2, 0.4], [torch.nan, torch.nan]]])
    answers = torch.tensor([[[0.4, 0.4], [0.7, 0.1]]])
    torch.testing.assert_close(blended(labels, answers, 0.25), torch.tensor([[[0.25, 0.4], [0.7, 0.1]]]))
    torch.testing.assert_close(blended(labels, answers, 1.0), answers)


def test_a_label_outside_the_crop_stays_where_nobody_can_see_it():
    labels = torch.tensor([[[1.02, 0.4], [0.98, 0.4]]])
    answers = torch.tensor([[[0.96, 0.4], [0.96, 0.4]]])
    torch.testing.assert_close(blended(labels, answers, 0.5), torch.tensor([[[1.02, 0.4], [0.97, 0.4]]]))


@pytest.mark.parametrize("taught", [None, Teaching([tiny_net(seed=1)], 0.5, torch.device("cpu"))])
def test_where_labels_lie_is_learned_with_a_teacher_as_without(faces, taught):
    lesson = Lesson(tiny_net(), ("first", "second"), TrainConfig(), taught)
    source = torch.tensor([0, 1, 0, 1])
    lesson(64, 0.1, torch.Generator(), faces.chips[slice(None)], faces.points, source, faces.pixel).backward()
    assert (lesson.offset.origin_px.grad != 0).all()
    assert (lesson.offset.others.grad != 0).any() and lesson.offset.others.grad.isfinite().all()


def test_an_epoch_passes_over_the_faces_once_with_a_teacher_too(faces, tmp_path):
    told, config = [], TrainConfig(epochs=1, batch_size=2, augmentation="none", device="cpu", threads=1)
    for teachers in ([], [tiny_net(seed=1)]):
        named = replace(config, teacher="t" if teachers else "none")
        run = tmp_path / named.teacher
        run.mkdir()
        fit(tiny_net(), faces, None, named, run, teachers=teachers, on_step=lambda step, steps, _: told.append(steps))
    assert told == [2] * 2 + [4] * 4
    with pytest.raises(FkdError, match="A batch of 3 cannot be shared out evenly: .* a multiple of 2 .* mirror images"):
        fit(tiny_net(), faces, None, replace(config, batch_size=3, teacher="t"), tmp_path, teachers=[tiny_net()])


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


def test_a_teacher_of_another_convention_is_refused():
    teacher = tiny_net(conventions={"video": ((0.1, 0.2),)})
    check_teacher(teacher, SCHEME, "wild")
    with pytest.raises(WeightsError, match="tiny-1 speaks another labelling convention than video: as its pupil"):
        check_teacher(teacher, SCHEME, "video")


@pytest.mark.parametrize(("first", "kept"), [("wild", {"video": ((0.1, 0.2),)}), ("video", {})])
def test_a_training_begins_with_what_its_teacher_knows_of_labels(first, kept):
    teacher = tiny_net(label_origin_px=0.9, conventions={"video": ((0.1, 0.2),)})
    begun = begin_with(teacher, "kaggle15", first)
    assert begun.label_origin_px == 0.9 and begun.conventions == kept
    assert begin_with(None, "kaggle15", first).label_origin_px == 0.0


def test_a_lesson_asks_about_the_view_that_the_network_sees_and_teaches_it_both_ways(faces, monkeypatch):
    asked, learned = [], []
    taught = Moves(64, asked)
    monkeypatch.setattr("training.lesson.keypoint_loss", lambda made, labels, _: learned.append(labels) or labels.sum())
    lesson = Lesson(tiny_net(label_origin_px=3.0), ("only",), TrainConfig(augmentation="none"), taught)
    lesson.net.register_forward_pre_hook(lambda net, seen: asked.append(seen))
    lesson(64, 0.1, torch.Generator(), faces.chips[slice(None)], faces.points, faces.source, faces.pixel)
    (crops, labels), (seen,) = asked
    plain, points = plain_view(faces.chips[slice(None)], faces.points_seen(3.0), 64)
    torch.testing.assert_close(crops, plain)
    torch.testing.assert_close(labels, points)
    for result, expected in zip((seen, learned[0]), with_mirror_images(plain, points + 0.01, SCHEME), strict=True):
        torch.testing.assert_close(result, expected)


@pytest.mark.parametrize(("made_for", "view_px"), [(96, 96), (32, 64)])
def test_a_teacher_of_larger_crops_sees_more_of_the_view_than_the_network_that_learns(made_for, view_px):
    asked, faces = [], make_face_set(dotted_faces(4), SCHEME, 96)
    lesson = Lesson(tiny_net(), ("only",), TrainConfig(augmentation="none"), Moves(made_for, asked))
    lesson.net.register_forward_pre_hook(lambda net, seen: asked.append(seen))
    lesson(64, 0.1, torch.Generator(), faces.chips[slice(None)], faces.points, faces.source, faces.pixel)
    (crops, labels), (seen,) = asked
    plain, points = plain_view(faces.chips[slice(None)], faces.points, view_px)
    torch.testing.assert_close(crops, plain)
    torch.testing.assert_close(labels, points)
    torch.testing.assert_close(seen[:4], resized(plain, 64))


def test_a_pixel_of_smaller_crops_is_the_mean_of_what_it_covers():
    crops = torch.rand((2, 3, 96, 96), generator=torch.Generator().manual_seed(0)) * 255
    assert resized(crops, 96) is crops
    small = resized(crops, 48)
    assert small.shape == (2, 3, 48, 48)
    torch.testing.assert_close(small.mean(), crops.mean(), rtol=0.01, atol=0)
    assert small.std() < 0.7 * crops.std()  # noise of single pixels is averaged away; taken point by point it is not


def test_a_network_comes_nearer_to_its_teacher_where_there_are_no_labels(faces, tmp_path):
    """Without any label, all that it learns it has from the teacher."""
    teacher = lived_in(tiny_net(seed=1))
    blank = replace(faces, points=torch.full_like(faces.points, torch.nan))
    crops, _ = plain_view(faces.chips[slice(None)], faces.points, 64)

    @torch.no_grad()
    def distance(net) -> float:
        return (mirror_averaged(net.eval(), crops)[0] - mirror_averaged(teacher, crops)[0]).norm(dim=-1).mean().item()

    config = TrainConfig(
        epochs=40, batch_size=4, augmentation="none", teacher="t", threads=1, device="cpu", lr=5e-3, heat_weight=0.1
    )  # fmt: skip
    fit(tiny_net(), blank, None, config, tmp_path, teachers=[teacher])
    assert distance(load_net(tmp_path)) < 0.6 * distance(tiny_net())


@pytest.mark.parametrize(("side_px", "n_teachers"), [(64, 1), (96, 2)])
def test_the_command_asks_its_teachers_about_each_view(side_px, n_teachers, tmp_path, capsys, monkeypatch):
    base = keypoints_folder(tmp_path / "base", 24)
    command = ["train", *SMALL, "--epochs", "1", "--data", str(base)]
    assert main([*command, "--input-px", str(side_px), "--out", str(tmp_path / "first")]) == 0
    asked, cut_out = [], []
    monkeypatch.setattr("training.teacher.mirror_averaged", seen(mirror_averaged, asked))
    monkeypatch.setattr("training.dataset.ChipFile", lambda *about: cut_out.append(about[1]) or ChipFile(*about))
    teachers = [str(tmp_path / "first")] * n_teachers
    taught = [*command, "--teacher", *teachers, "--one-pass", "--out", str(tmp_path / "second")]
    assert main(taught) == 0
    assert asked and {version for version, _ in asked} == {"kaggle15-first"}
    assert {shape for _, shape in asked} == {(4, 3, side_px, side_px)}  # of a batch of eight
    assert cut_out == [round(side_px * CHIP_MARGIN), round(64 * CHIP_MARGIN)]  # to learn from, and to measure on
    assert load_net(tmp_path / "second").config.input_px == 64
    settings = json.loads((tmp_path / "second" / "train_config.json").read_text())
    assert re.fullmatch(r" \+ ".join([r"kaggle15-first \([0-9a-f]{12}\)"] * n_teachers), settings["teacher"])
    assert json.loads((tmp_path / "second" / "run.json").read_text())["settings"]["teacher"] == teachers
    assert not load_net(tmp_path / "second").config.mirror_averaged
    capsys.readouterr()
    assert main([*command, "--out", str(tmp_path / "second"), "--resume", "--one-pass"]) == 1
    assert f"begun with teacher {settings['teacher']}, not none" in capsys.readouterr().err


def seen(function, asked: list):
    def watched(net, crops):
        asked.append((net.config.version, tuple(crops.shape)))
        return function(net, crops)

    return watched
