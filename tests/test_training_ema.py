"""The moving average of a network's weights."""

from __future__ import annotations

import pytest
import torch

from tests.nets import tiny_net
from training.ema import Ema


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
