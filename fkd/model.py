"""KeypointNet: a small convolutional network from a face crop to keypoints and how far off they may be.

A ResNet (He et al. 2016, https://arxiv.org/abs/1512.03385) with one or two basic blocks a stage gives features at
strides 4 to 32; a top-down pathway (Lin et al. 2017, https://arxiv.org/abs/1612.03144) brings them together at stride
8, and a sub-pixel convolution (Shi et al. 2016, https://arxiv.org/abs/1609.05158) turns those into one stride-4
heatmap a point. The point is the heatmap's mean (integral regression, Sun et al. 2018,
https://arxiv.org/abs/1711.08229). A second output reads, at the place the heatmap points to, the scale of an
isotropic Laplace distribution: the model's own estimate of its error.
"""

import math
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn as nn
import torch.nn.functional as F

from fkd import hub
from fkd.baselines import FullyConnectedNet, PlainCNN
from fkd.crop_net import CropNet, Prediction, luma
from fkd.device import memory_format
from fkd.model_config import ModelConfig

# No `from __future__ import annotations` here, see fkd/crop_net.py.

__all__ = [
    "CropNet",
    "KeypointNet",
    "ModelConfig",
    "Prediction",
    "answer",
    "both_ways",
    "load_net",
    "make_net",
    "mirror_averaged",
    "mirror_image",
]


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut; the first may halve the resolution."""

    def __init__(self, c_in: int, c_out: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(c_out)
        nn.init.zeros_(self.norm2.weight)  # each block starts as its shortcut: deeper nets train from the first step
        self.shortcut = None
        if stride != 1 or c_in != c_out:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity(),
                nn.Conv2d(c_in, c_out, 1, bias=False),
                nn.BatchNorm2d(c_out),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))


def conv_norm_relu(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)
    )


class KeypointNet(CropNet):
    """The flagship: crop in, keypoints and their uncertainty out; saved and loaded by the mixin's usual two methods."""

    architecture: ClassVar[str] = "flagship"

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        w1, w2, w3, w4 = config.widths
        self.stem = nn.Sequential(
            conv_norm_relu(3, config.stem_width, 3, 2), conv_norm_relu(config.stem_width, w1, 3, 2)
        )
        self.stage1 = BasicBlock(w1, w1, 1)
        self.stage2 = nn.Sequential(BasicBlock(w1, w2, 2), BasicBlock(w2, w2, 1))
        self.stage3 = nn.Sequential(BasicBlock(w2, w3, 2), BasicBlock(w3, w3, 1))
        self.stage4 = BasicBlock(w3, w4, 2)
        self.lateral2 = nn.Conv2d(w2, config.head_width, 1)
        self.lateral3 = nn.Conv2d(w3, config.head_width, 1)
        self.lateral4 = nn.Conv2d(w4, config.head_width, 1)
        self.fuse = conv_norm_relu(config.head_width, config.head_width, 3)
        self.heat = nn.Conv2d(config.head_width, self.n_points * 4, 1)  # 4 = 2×2 sub-pixels
        self.spread = nn.Conv2d(config.head_width, self.n_points, 1)
        # exp(-4.5) of the crop's side, about 2.5 % of the distance between the eyes: what a trained net will reach.
        nn.init.zeros_(self.spread.weight)
        nn.init.constant_(self.spread.bias, -4.5)

    def forward(self, crops: torch.Tensor) -> Prediction:
        """Predict.

        Args:
            crops: (N, 3, S, S) float, RGB in 0 … 255; S a multiple of 32.
        """
        return self.read_out(*self.maps(self.seen(crops)))

    def seen(self, crops: torch.Tensor) -> torch.Tensor:
        """(N, 3, S, S) in 0 … 255 → what the first convolution gets: -1 … 1, three times the luma for a grey scheme."""
        x = self.centred(crops)  # (N, 3, S, S)
        return luma(x).expand(-1, 3, -1, -1) if self.grey else x

    def maps(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """All that is convolution: heatmaps' logits and log spread of `seen` crops, for `read_out`.

        `fkd.onnx_export` traces this: what is used here must be known there.
        """
        c1 = self.stage1(self.stem(x))  # (N, w1, S/4, S/4)
        c2 = self.stage2(c1)  # (N, w2, S/8, S/8)
        c3 = self.stage3(c2)  # (N, w3, S/16, S/16)
        c4 = self.stage4(c3)  # (N, w4, S/32, S/32)
        p3 = self.lateral3(c3) + F.interpolate(self.lateral4(c4), scale_factor=2.0)  # (N, d, S/16, S/16)
        p2 = self.fuse(self.lateral2(c2) + F.interpolate(p3, scale_factor=2.0))  # (N, d, S/8, S/8)
        return self.heat(p2), self.spread(p2)  # (N, K·4, S/8, S/8), (N, K, S/8, S/8)

    @staticmethod
    def read_out(logits: torch.Tensor, spread: torch.Tensor) -> Prediction:
        """Points, scales and heatmaps from what `maps` gives."""
        log_heat = logits.float().unflatten(1, (-1, 4)).flatten(2).log_softmax(dim=2)  # (N, K, 4·S/8·S/8)
        points, scale = located(log_heat.exp(), spread)
        return Prediction(points, scale, F.pixel_shuffle(log_heat.view(logits.shape), 2))


def located(heat: torch.Tensor, spread: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Points (N, K, 2) in unit crop coordinates and Laplace scales (N, K) in crop sides.

    Args:
        heat: (N, K, 4·h·w) float, the probabilities of the sub-pixels, each of the 2×2 a map of its own: as a sub-pixel
            convolution leaves them, for bringing them in order takes as long as a convolution.
        spread: (N, K, h, w) the logarithms of the scales.
    """
    # The heatmap says where to read the spread, but is not bent by it: hence the detach.
    where = heat.detach().unflatten(2, (4, -1)).sum(dim=2)  # (N, K, h·w), sums to 1
    log_scale = (where * spread.float().flatten(2)).sum(dim=2)  # (N, K)
    with torch.autocast(heat.device.type, enabled=False):  # else the product would have eight bits
        points = heat @ sub_pixel_centres(*spread.shape[2:], heat.device)
    return points, log_scale.clamp(math.log(1e-4), 0.0).exp()


@lru_cache(maxsize=8)
def sub_pixel_centres(height: int, width: int, device: torch.device) -> torch.Tensor:
    """(4·h·w, 2) float32 where the sub-pixels of `located` lie in the unit crop."""
    with torch.inference_mode(False):  # what is made in inference mode could not serve a training later
        x, y = ((torch.arange(2 * cells) + 0.5) / (2 * cells) for cells in (width, height))
        x, y = x.view(width, 2).T, y.view(height, 2).T  # (2, w), (2, h): the first and the second sub-pixels
        xy = torch.stack(torch.broadcast_tensors(x[None, :, None, :], y[:, None, :, None]), dim=-1)  # (2, 2, h, w, 2)
        return xy.reshape(-1, 2).to(device)


def answer(net: CropNet, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the network says of crops, asked once about each or about its mirror image too, as its config wants it.

    Args:
        crops: (N, 3, S, S) float in 0 … 255, on the network's device.

    Returns:
        Points (N, K, 2) in unit crop coordinates, and the Laplace scale (N, K) of their errors in crop sides.
    """
    if net.config.mirror_averaged:
        return mirror_averaged(net, crops)
    points, scale, _ = net(crops)
    return points, scale


def mirror_averaged(net: CropNet, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """As `answer`, averaged over each crop and its mirror image whatever the config says."""
    (points, mirrored), (scale, mirrored_scale) = both_ways(net, crops)
    return (points + mirrored) / 2, (scale + mirrored_scale) / 2


def both_ways(net: CropNet, crops: torch.Tensor) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
    """The network's answers for each crop and for its mirror image, the latter turned back.

    Args:
        crops: (N, 3, S, S) float in 0 … 255, on the network's device.

    Returns:
        Two tensors of points (N, K, 2) in unit crop coordinates, and two of Laplace scales (N, K) in crop sides.
    """
    n = len(crops)
    both = torch.cat([crops, crops.flip(3)]).contiguous(memory_format=memory_format(crops.device))  # (2N, 3, S, S)
    points, scale, _ = net(both)
    return (points[:n], mirror_image(points[n:], net.flip_order)), (scale[:n], scale[n:, net.flip_order])


def mirror_image(points: torch.Tensor, flip_order: torch.Tensor) -> torch.Tensor:
    """Where points (N, K, 2) in unit crop coordinates are in the crops' mirror images, in the scheme's order (K,)."""
    turned = points[:, flip_order]  # (N, K, 2)
    return torch.stack([1.0 - turned[..., 0], turned[..., 1]], dim=-1)


NETS: dict[str, type[CropNet]] = {net.architecture: net for net in (KeypointNet, FullyConnectedNet, PlainCNN)}


def make_net(config: ModelConfig) -> CropNet:
    """A network that has learned nothing yet, of the config's architecture."""
    return NETS[config.architecture](config)


def load_net(folder: Path) -> CropNet:
    """The network in `folder`, of whichever architecture its config names, on the CPU, ready to predict.

    Raises:
        WeightsError: if a file is missing, damaged, of another scheme or shape, or holds NaN.
    """
    # Weights older than the baselines name no architecture; a name that is none is for from_folder to refuse.
    name = hub.read_config(folder).get("architecture", KeypointNet.architecture)
    return NETS.get(str(name), KeypointNet).from_folder(folder)
