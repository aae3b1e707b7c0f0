"""A smaller network out of a larger one."""

from __future__ import annotations

import pytest
import torch
import torch.nn as nn

from fkd import WeightsError
from fkd.model import KeypointNet, load_net, make_net
from tests.nets import TINY, tiny_config, tiny_net
from tests.test_fast_net import crops_of, lived_in
from training.cli import main
from training.config import MODEL_SIZES
from training.prune import layers, pruned

WIDTHS = {name: TINY[name] for name in ("stem_width", "widths", "head_width")}
HALF = {"stem_width": 2, "widths": (4, 4, 8, 8), "head_width": 4}


def half_asleep() -> KeypointNet:
    """A network half of whose channels say nothing: every other one, and where the stages meet half of a rotation."""
    net = lived_in(tiny_net())
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for layer in layers():
            module = net.get_submodule(layer.name)
            if isinstance(module, nn.BatchNorm2d):
                module.weight[::2] = 0.0
                module.bias[::2] = 0.0
        rotation = torch.linalg.qr(torch.randn(8, 8, generator=random))[0]
        net.fuse[0].weight[:, 4:] = 0.0
        net.fuse[0].weight.copy_(torch.einsum("oihw,ij->ojhw", net.fuse[0].weight, rotation))
    return net


@torch.inference_mode()
def assert_same(net: KeypointNet, other: KeypointNet) -> None:
    crops = crops_of(net, 3)
    expected, got = net(crops), other(crops)
    torch.testing.assert_close(got.points, expected.points, atol=1e-5, rtol=0)
    torch.testing.assert_close(got.scale, expected.scale, atol=0, rtol=1e-3)


def test_every_layer_of_the_network_is_known():
    net = tiny_net()
    with_weights = {name for name, module in net.named_modules() if isinstance(module, nn.Conv2d | nn.BatchNorm2d)}
    assert {layer.name for layer in layers()} == with_weights


def test_all_channels_kept_is_the_same_network():
    net = lived_in(tiny_net())
    assert_same(net, pruned(net, **WIDTHS))


def test_channels_that_say_nothing_are_the_ones_left_out():
    net = half_asleep()
    small = pruned(net, **HALF)
    assert small.config.widths == (4, 4, 8, 8) and small.config.parent == "tiny-1"
    assert_same(net, small)
    assert_same(net, pruned(net, **(WIDTHS | {"widths": (8, 4, 16, 8)})))  # some of them


def test_a_channel_that_nobody_reads_goes_before_one_that_says_little():
    net = half_asleep()
    with torch.no_grad():
        net.stem[0][1].weight[:] = torch.tensor([9.0, 0.1, 9.0, 0.1])
        net.stem[1][0].weight[:, ::2] = 0.0
    assert_same(net, pruned(net, **HALF))


def test_a_network_cannot_grow_that_way():
    with pytest.raises(
        WeightsError, match=r"has widths of \(4, 8, 8, 16, 16, 8\): \(4, 8, 8, 16, 32, 8\) are not fewer"
    ):
        pruned(tiny_net(), **(WIDTHS | {"widths": (8, 8, 16, 32)}))


def test_the_baselines_have_no_sizes(tmp_path, capsys):
    make_net(tiny_config(architecture="plain-cnn")).save_pretrained(tmp_path / "cnn")
    assert main(["prune", str(tmp_path / "cnn"), "--out", str(tmp_path / "small")]) == 1
    assert "tiny-1 is a plain-cnn: only the flagship has sizes" in capsys.readouterr().err


def test_the_command_writes_weights_to_train_from(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(MODEL_SIZES, "small", HALF)
    half_asleep().save_pretrained(tmp_path / "large")
    command = ["prune", str(tmp_path / "large"), "--out", str(tmp_path / "small")]
    assert main(command) == 0
    assert "Wrote kaggle15-small to" in capsys.readouterr().out
    small = load_net(tmp_path / "small")
    assert small.config.head_width == 4 and small.config.parent == "tiny-1"
    assert main(command) == 1 and "holds weights already" in capsys.readouterr().err
