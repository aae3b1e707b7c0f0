"""The training loop, on a handful of drawn faces and a tiny network."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

import training.lesson
from fkd import DataError, FkdError, load_scheme
from fkd.model import load_net
from tests.nets import dotted_faces, tiny_net
from training.check import unit_errors
from training.config import HEAT_WEIGHT_LAST, TrainConfig
from training.dataset import make_face_set
from training.loop import draw, falling, fit, generators, init_from, learning_rate

SCHEME = load_scheme("kaggle15")
QUICK = TrainConfig(epochs=3, batch_size=4, lr=5e-3, heat_weight=0.1, small_px=64, ema_decay=0.9, device="cpu")


@pytest.fixture(scope="module")
def faces():
    return make_face_set(dotted_faces(8), SCHEME, input_px=64)


def rows(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_few_steps_lower_the_loss(tmp_path):
    seen, one = [], make_face_set(dotted_faces(1), SCHEME, input_px=64, weights=[8.0])
    config = replace(QUICK, epochs=8, lr=2e-2, augmentation="none")
    fit(tiny_net(), one, None, config, tmp_path, on_step=lambda step, steps, loss: seen.append((step, steps, loss)))
    assert [step for step, _, _ in seen] == list(range(1, 17)) and {steps for _, steps, _ in seen} == {16}
    assert rows(tmp_path)[-1]["loss"] == seen[-1][2] < 0.7 * seen[0][2]


def test_the_heatmaps_weigh_less_and_less(tmp_path, faces, monkeypatch):
    config, used = replace(QUICK, heat_weight=10.0, augmentation="none"), []
    loss_of = training.lesson.keypoint_loss
    monkeypatch.setattr(training.lesson, "keypoint_loss", lambda *args: used.append(args[2]) or loss_of(*args))
    fit(tiny_net(), faces, None, config, tmp_path)
    assert used == [falling(step, 6, config) for step in range(6)]
    assert falling(0, 6, config) == 10.0 and falling(3, 6, config) == pytest.approx(1.0)
    assert falling(6, 6, config) == pytest.approx(HEAT_WEIGHT_LAST)
    assert falling(3, 6, replace(config, heat_weight=0.02)) == 0.02  # it never rises


def test_a_run_leaves_its_figures_settings_and_weights(tmp_path, faces):
    told = []
    fit(tiny_net(), faces, faces, QUICK, tmp_path, on_epoch=told.append)
    metrics = rows(tmp_path)
    assert told == metrics and [row["epoch"] for row in metrics] == [1, 2, 3]
    keys = {"loss", "seconds", "nme_iod", "rmse_unit", "source_offset_rms", "label_origin_px", "lr", "heat_weight"}
    assert keys <= set(metrics[0])
    assert json.loads((tmp_path / "train_config.json").read_text())["batch_size"] == 4
    last = load_net(tmp_path / "last")
    assert unit_errors(last, faces, SCHEME, 64)["rmse_unit"] == pytest.approx(metrics[-1]["rmse_unit"], rel=0.01)
    assert last.config.label_origin_px == metrics[-1]["label_origin_px"] != 0
    assert replace(last.config, label_origin_px=0.0, metrics={}) == tiny_net().config


def test_what_is_known_of_conventions_that_do_not_train_stays_known(tmp_path, faces):
    known = {"elsewhere": tuple((0.01, -0.02) for _ in range(15))}
    fit(tiny_net(conventions=known), faces, None, replace(QUICK, epochs=1), tmp_path)
    assert load_net(tmp_path).config.conventions == known


def test_the_best_weights_are_kept_and_the_newest_beside_them(tmp_path, faces, monkeypatch):
    errors = iter([0.5, 0.3, 0.4])
    monkeypatch.setattr("training.loop.unit_errors", lambda *_: {"nme_iod": next(errors), "rmse_unit": 0.1})
    written = []
    fit(tiny_net(), faces, faces, QUICK, tmp_path, on_epoch=lambda row: written.append(bias(tmp_path / "last")))
    assert bias(tmp_path) == written[1] and bias(tmp_path / "last") == written[2] != written[1]
    assert load_net(tmp_path).config.metrics == {"held_out_drawn_nme_iod": 0.3}
    assert load_net(tmp_path / "last").config.metrics == {"held_out_drawn_nme_iod": 0.4}


def bias(folder: Path) -> list[float]:
    return load_net(folder).heat.bias.tolist()


def test_errors_at_another_crop_size_do_not_make_a_best(tmp_path, faces, monkeypatch):
    errors = iter([0.1, 0.5, 0.4, 0.45])
    monkeypatch.setattr("training.loop.unit_errors", lambda *_: {"nme_iod": next(errors), "rmse_unit": 0.1})
    config = replace(QUICK, epochs=4, small_px=32, small_share=0.25)
    fit(tiny_net(), faces, faces, config, tmp_path)
    assert load_net(tmp_path).config.metrics == {"held_out_drawn_nme_iod": 0.4}


def test_faces_without_eye_corners_are_measured_by_the_crop(tmp_path):
    blind = [replace(face, points_xy=face.points_xy * np.nan) for face in dotted_faces(4)]
    for face in blind:
        face.points_xy[10] = 40.0  # the nose alone
    known = [replace(face, box_xyxy=np.array([16.0, 16, 64, 64])) for face in blind]
    noses = make_face_set(known, SCHEME, 64)
    fit(tiny_net(), noses, noses, replace(QUICK, epochs=1), tmp_path)
    (row,) = rows(tmp_path)
    assert row["nme_iod"] is None and row["rmse_unit"] > 0
    assert load_net(tmp_path).config.metrics == {"held_out_drawn_rmse_unit": round(row["rmse_unit"], 5)}


def test_the_same_seed_gives_the_same_weights_to_the_bit(tmp_path, faces):
    def trained(seed: int, run: str):
        net, folder = tiny_net(), tmp_path / run
        folder.mkdir()
        fit(net, faces, None, replace(QUICK, epochs=1, seed=seed), folder)
        return net.state_dict().values()

    first, again, other = trained(1, "first"), trained(1, "again"), trained(2, "other")
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_no_two_epochs_processes_or_seeds_share_their_random_numbers():
    first = [generator.initial_seed() for generator in generators(0, 0, 0)]
    assert first == [generator.initial_seed() for generator in generators(0, 0, 0)]
    which = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert len({generator.initial_seed() for numbers in which for generator in generators(*numbers)}) == 8


def test_a_batch_in_parts_is_one_step_of_as_many_faces(tmp_path, faces):
    batches, steps = [], []
    net = tiny_net()
    net.register_forward_pre_hook(lambda module, inputs: batches.append(len(inputs[0])))
    config = replace(QUICK, epochs=1, accumulate=2)
    fit(net, faces, None, config, tmp_path, on_step=lambda step, *_: steps.append(step))
    assert batches == [2, 2, 2, 2] and steps == [1, 2]


def test_the_gradient_of_a_batch_is_the_mean_of_its_parts(tmp_path, monkeypatch):
    """Of two faces, one a part: batch norm sees one of them at a time, together or apart."""
    two = make_face_set(dotted_faces(2), SCHEME, input_px=64, weights=[0.5, 0.5])
    plain_step, gradients = torch.optim.AdamW.step, []

    def watched_step(optimiser, *arguments):
        gradients.append([p.grad.clone() for p in optimiser.param_groups[0]["params"]])
        return plain_step(optimiser, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched_step)
    monkeypatch.setattr("accelerate.Accelerator.clip_grad_norm_", lambda *_: None)
    for chosen in ([0], [1], [0, 1]):
        faces = [torch.tensor([i]) for i in chosen]
        monkeypatch.setattr("training.loop.draw", lambda *_, faces=faces: faces.pop(0))
        config = replace(QUICK, epochs=1, batch_size=len(chosen), accumulate=len(chosen), augmentation="none")
        run = tmp_path / str(len(gradients))
        run.mkdir()
        fit(tiny_net(), two, None, config, run)
    assert len(gradients) == 3
    assert not all(torch.allclose(first, second) for first, second in zip(*gradients[:2], strict=True))
    for first, second, both in zip(*gradients, strict=True):
        torch.testing.assert_close(both, (first + second) / 2)


def test_a_loss_that_is_no_number_ends_it_and_keeps_the_last_whole_epoch(tmp_path, faces, monkeypatch):
    losses = itertools.chain([1.0] * 2, [math.nan])
    monkeypatch.setattr("training.lesson.keypoint_loss", lambda prediction, *_: prediction.points.mean() * next(losses))
    with pytest.raises(DataError, match="The loss of step 3 is no number. Begin anew with a lower --lr"):
        fit(tiny_net(), faces, None, QUICK, tmp_path)
    assert [row["epoch"] for row in rows(tmp_path)] == [1]
    assert all(value.isfinite().all() for value in load_net(tmp_path / "last").state_dict().values())


def test_crops_are_never_larger_than_the_network_takes(tmp_path, faces):
    seen = []
    net = tiny_net()
    net.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape[-1]))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    fit(net, faces, None, replace(QUICK, epochs=1, small_px=96), tmp_path / "a")
    fit(net, faces, None, replace(QUICK, epochs=2, small_px=32, small_share=0.5), tmp_path / "b")
    assert seen == [64, 64, 32, 32, 64, 64]


def test_the_learning_rate_rises_then_falls_to_nothing():
    rates = [learning_rate(step, 100, 1e-3, 0.1) for step in range(100)]
    assert rates[0] == pytest.approx(1e-4) and max(rates) == pytest.approx(1e-3)
    assert np.argmax(rates) in (9, 10) and rates[-1] < 1e-6
    assert all(a >= b for a, b in pairwise(rates[10:]))
    assert learning_rate(0, 1, 1e-3, 0.05) == 1e-3


def test_faces_are_drawn_by_their_weight():
    chosen = draw(np.array([1.0, 0.0, 3.0]), 4000, torch.Generator().manual_seed(0))
    counts = torch.bincount(chosen, minlength=3)
    assert counts[1] == 0 and counts[2] / counts[0] == pytest.approx(3, rel=0.1)


def test_the_trunk_is_taken_over_where_it_fits():
    other, net = tiny_net(seed=1, scheme="ibug68"), tiny_net(seed=2)
    head = net.heat.weight.detach().clone()
    assert init_from(net, other) == ["heat", "spread"]
    torch.testing.assert_close(net.stem[0][0].weight, other.stem[0][0].weight)
    torch.testing.assert_close(net.fuse[0].weight, other.fuse[0].weight)
    torch.testing.assert_close(net.heat.weight, head)


def test_a_network_of_another_size_is_no_beginning():
    with pytest.raises(FkdError, match="of tiny-1 is another one .*: give --model, --size and --input-px"):
        init_from(tiny_net(widths=(16, 24, 32, 40)), tiny_net())
