"""The mean of weights."""

from __future__ import annotations

import pytest
import torch

from fkd import WeightsError
from fkd.model import load_net
from tests.nets import tiny_net
from training.average import average
from training.cli import main


def two_nets():
    shifts = [((0.01 * i, -0.02),) * 15 for i in range(2)]
    return [
        tiny_net(seed=i, label_origin_px=0.8 + 0.1 * i, conventions={"video": shifts[i], f"only-{i}": shifts[i]})
        for i in range(2)
    ]


def test_weights_statistics_and_offsets_are_averaged():
    one, other = two_nets()
    other.stem[0][1].running_mean += 4.0
    mean = average([one, other], [1, 3])
    torch.testing.assert_close(mean.heat.weight, 0.25 * one.heat.weight + 0.75 * other.heat.weight)
    torch.testing.assert_close(mean.stem[0][1].running_mean, one.stem[0][1].running_mean + 3.0)
    assert mean.config.label_origin_px == pytest.approx(0.875)
    assert set(mean.config.conventions) == {"video"} and mean.config.conventions["video"][3] == (0.0075, -0.02)
    torch.testing.assert_close(one.heat.weight, two_nets()[0].heat.weight)  # they stay as they were


def test_networks_of_two_sizes_have_no_mean():
    with pytest.raises(WeightsError, match="have no mean: it needs networks of one scheme"):
        average([tiny_net(), tiny_net(widths=(8, 16, 24, 32))], [1, 1])


def test_the_command_writes_weights_of_their_own(tmp_path, capsys):
    for net, name in zip(two_nets(), "ab", strict=True):
        net.save_pretrained(tmp_path / name)
    command = ["average", f"{tmp_path / 'a'}:2", str(tmp_path / "b"), "--out", str(tmp_path / "mean")]
    assert main(command) == 0
    assert "Wrote kaggle15-mean to" in capsys.readouterr().out
    mean = load_net(tmp_path / "mean")
    a, b = (load_net(tmp_path / name) for name in "ab")
    torch.testing.assert_close(mean.heat.weight, (2 * a.heat.weight + b.heat.weight) / 3, atol=1e-3, rtol=1e-2)
    assert main(command) == 1 and "holds weights already" in capsys.readouterr().err
