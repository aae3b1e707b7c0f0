"""The training loop, on a handful of drawn faces and a tiny network."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
import torch

from fkd import load_scheme
from fkd.model import load_net
from tests.nets import dotted_faces, tiny_net
from training.config import TrainConfig
from training.dataset import make_face_set
from training.loop import Ema, SourceOffset, draw, fit, init_from, learning_rate, unit_errors

SCHEME = load_scheme("kaggle15")
QUICK = TrainConfig(epochs=8, batch_size=4, lr=5e-3, small_px=64, ema_decay=0.9, device="cpu")


@pytest.fixture(scope="module")
def faces():
    return make_face_set(dotted_faces(8), SCHEME, input_px=64)


def rows(run) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_few_steps_lower_the_loss(tmp_path, faces):
    seen = []
    net = fit(tiny_net(), faces, faces, QUICK, tmp_path, lambda step, steps, loss: seen.append((step, steps, loss)))
    assert [step for step, _, _ in seen] == list(range(1, 17)) and {steps for _, steps, _ in seen} == {16}
    assert rows(tmp_path)[-1]["loss"] < 0.9 * seen[0][2]
    assert not net.training and net.config == tiny_net().config


def test_a_run_leaves_its_figures_settings_and_newest_weights(tmp_path, faces):
    net = fit(tiny_net(), faces, faces, QUICK, tmp_path)
    metrics = rows(tmp_path)
    assert [row["epoch"] for row in metrics] == list(range(1, 9))
    assert {"loss", "seconds", "nme_iod", "rmse_unit", "source_offset_rms", "lr"} <= set(metrics[0])
    assert json.loads((tmp_path / "train_config.json").read_text())["batch_size"] == 4
    last = load_net(tmp_path / "last")
    errors = unit_errors(last, faces, SCHEME, 64)
    assert errors["rmse_unit"] == pytest.approx(metrics[-1]["rmse_unit"], rel=0.01)
    net.save_pretrained(tmp_path)  # as the command line does: settings and weights stand beside each other
    assert (tmp_path / "train_config.json").is_file() and load_net(tmp_path).config == net.config


def test_the_same_seed_gives_the_same_weights_to_the_bit(tmp_path, faces):
    def weights(seed: int):
        config = TrainConfig(epochs=1, batch_size=4, small_px=64, seed=seed, device="cpu")
        return fit(tiny_net(), faces, None, config, tmp_path).state_dict().values()

    first, again, other = weights(1), weights(1), weights(2)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_crops_are_never_larger_than_the_network_takes(tmp_path, faces):
    seen = []
    net = tiny_net()
    net.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape[-1]))
    fit(net, faces, None, TrainConfig(epochs=1, batch_size=4, small_px=96, device="cpu"), tmp_path)
    fit(net, faces, None, TrainConfig(epochs=2, batch_size=4, small_px=32, small_share=0.5, device="cpu"), tmp_path)
    assert seen == [64, 64, 32, 32, 64, 64]


def test_a_constant_shift_between_two_sources_is_learnt():
    random = torch.Generator().manual_seed(0)
    truth = torch.rand((40, 15, 2), generator=random)
    source = torch.arange(40) % 2
    shift = 0.02 * torch.randn((15, 2), generator=random)
    labels = truth + shift * source[:, None, None]
    offset = SourceOffset(2, 15)
    optimiser = torch.optim.Adam(offset.parameters(), lr=2e-3)
    for _ in range(100):
        optimiser.zero_grad()
        (offset(labels, source) - truth).norm(dim=-1).mean().backward()
        optimiser.step()
    torch.testing.assert_close(offset.others[0].detach(), shift, atol=2e-3, rtol=0)
    torch.testing.assert_close(offset(labels, source)[source == 0], truth[source == 0])  # the first is left alone


def test_missing_labels_leave_the_shift_finite():
    offset = SourceOffset(2, 15)
    labels = torch.full((2, 15, 2), torch.nan)
    labels[1, 3] = 0.5
    moved = offset(labels, torch.tensor([0, 1]))
    torch.where(torch.isfinite(moved), moved, torch.zeros_like(moved)).sum().backward()
    assert torch.isfinite(offset.others.grad).all() and (offset.others.grad[0, 3] == -1).all()


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


def test_the_average_follows_the_weights_slowly_and_buffers_too():
    net = tiny_net()
    ema = Ema(net, decay=0.5)
    before = net.heat.bias.detach().clone()
    with torch.no_grad():
        net.heat.bias += 1
        net.fuse[1].running_mean += 2
    ema.update(net)
    moved = (ema.net.heat.bias - before).mean().item()
    assert moved == pytest.approx(10 / 11)  # the first steps count for more than the decay says
    assert ema.net.fuse[1].running_mean.mean().item() == pytest.approx(20 / 11)
    for _ in range(30):
        ema.update(net)
    torch.testing.assert_close(ema.net.heat.bias, before + 1)


def test_errors_are_taken_on_the_nominal_crops_with_the_mirror_image(faces):
    net = tiny_net()
    with torch.no_grad():  # a flat heatmap: every point is in the middle
        net.heat.weight.zero_()
        net.heat.bias.zero_()
    errors = unit_errors(net, faces, SCHEME, 64)
    labels = (faces.points.double() - 0.5) * 1.6
    assert errors["rmse_unit"] == pytest.approx(labels.square().mean().sqrt().item(), rel=1e-3)


def test_the_trunk_is_taken_over_where_it_fits():
    other, net = tiny_net(seed=1, scheme="ibug68"), tiny_net(seed=2)
    head = net.heat.weight.detach().clone()
    init_from(net, other)
    torch.testing.assert_close(net.stem[0][0].weight, other.stem[0][0].weight)
    torch.testing.assert_close(net.fuse[0].weight, other.fuse[0].weight)
    torch.testing.assert_close(net.heat.weight, head)
