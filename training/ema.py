"""The moving average of a network's weights, which is what a training saves."""

from __future__ import annotations

import copy

import torch

from fkd.model import CropNet

__all__ = ["Ema"]


class Ema:
    """A moving average of a network's weights; buffers (the norms' statistics) are averaged too."""

    def __init__(self, net: CropNet, decay: float):
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self, net: CropNet) -> None:
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))  # the first steps are not worth remembering
        for mine, theirs in zip(self.net.state_dict().values(), net.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1.0 - decay)
            else:
                mine.copy_(theirs)
