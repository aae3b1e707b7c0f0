"""The field's classics, to measure the flagship against: a fully connected network and a plain CNN.

Both are those of Daniel Nouri's tutorial on Kaggle's facial keypoints (2014, net1 and net2,
https://danielnouri.org/notes/2014/12/17/using-convolutional-neural-nets-to-detect-facial-keypoints-tutorial/): grey
pixels in, 2K coordinates straight out. They have no heatmap, and how far off they may be is a number a point that does
not depend on the picture.
"""

import math
from typing import ClassVar

import torch
import torch.nn as nn

from fkd.crop_net import CropNet, Prediction, luma
from fkd.model_config import ModelConfig

# No `from __future__ import annotations` here, see fkd/crop_net.py.

__all__ = ["FullyConnectedNet", "PlainCNN"]

HIDDEN_UNITS = 100
CNN_CHANNELS = (32, 64, 128)
CNN_HIDDEN_UNITS = 500


class DirectNet(CropNet):
    """Features of the grey crop, then one linear layer to 2K coordinates."""

    def __init__(self, config: ModelConfig, features: nn.Sequential, n_features: int):
        super().__init__(config)
        self.features = features
        self.coordinates = nn.Linear(n_features, 2 * self.n_points)
        self.log_scale = nn.Parameter(torch.full((self.n_points,), -4.5))  # as KeypointNet begins

    def forward(self, crops: torch.Tensor) -> Prediction:
        """Predict, see :class:`fkd.crop_net.CropNet`; S is the side that the network was made for."""
        grey = luma(self.centred(crops))  # (N, 1, S, S)
        out = self.coordinates(self.features(grey)).float().unflatten(1, (self.n_points, 2))  # (N, K, 2) in -1 … 1
        scale = self.log_scale.float().clamp(math.log(1e-4), 0.0).exp()  # (K,)
        return Prediction(0.5 + 0.5 * out, scale.expand(len(out), -1), None)


class FullyConnectedNet(DirectNet):
    """Every pixel to every one of 100 hidden units, and those to the coordinates."""

    architecture: ClassVar[str] = "fully-connected"

    def __init__(self, config: ModelConfig):
        hidden = nn.Linear(config.input_px**2, HIDDEN_UNITS)
        super().__init__(config, nn.Sequential(nn.Flatten(), hidden, nn.ReLU()), HIDDEN_UNITS)


class PlainCNN(DirectNet):
    """Three convolutions (3×3, 2×2, 2×2), each with 2×2 max pooling, and two hidden layers of 500 units."""

    architecture: ClassVar[str] = "plain-cnn"

    def __init__(self, config: ModelConfig):
        a, b, c = CNN_CHANNELS
        side = config.input_px
        for kernel in (3, 2, 2):
            side = (side - kernel + 1) // 2
        features = nn.Sequential(
            nn.Conv2d(1, a, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(a, b, 2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(b, c, 2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(c * side * side, CNN_HIDDEN_UNITS), nn.ReLU(),
            nn.Linear(CNN_HIDDEN_UNITS, CNN_HIDDEN_UNITS), nn.ReLU(),
        )  # fmt: skip
        super().__init__(config, features, CNN_HIDDEN_UNITS)
