"""KeypointNet: a small convolutional network from a face crop to keypoints and how far off they may be.

A ResNet (He et al. 2016, https://arxiv.org/abs/1512.03385) with one or two basic blocks a stage gives features at
strides 4 to 32; a top-down pathway (Lin et al. 2017, https://arxiv.org/abs/1612.03144) brings them together at stride
8, and a sub-pixel convolution (Shi et al. 2016, https://arxiv.org/abs/1609.05158) turns those into one stride-4
heatmap a point. The point is the heatmap's mean (integral regression, Sun et al. 2018,
https://arxiv.org/abs/1711.08229). A second output reads, at the place the heatmap points to, the scale of an
isotropic Laplace distribution: the model's own estimate of its error.
"""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin

from fkd import hub
from fkd.errors import SchemeError, WeightsError
from fkd.schemes import load_scheme

# The annotations of __init__ must be classes, not strings (no `from __future__ import annotations` here): the mixin
# reads them to turn config.json back into a ModelConfig.

__all__ = ["KeypointNet", "ModelConfig", "Prediction", "load_net", "mirror_averaged"]

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"


@dataclass(frozen=True)
class ModelConfig:
    """What ``config.json`` holds: enough to build the network, and where its weights come from.

    Attributes:
        scheme: name of the keypoint scheme.
        input_px: side of the square crop that the network was trained for, a multiple of 32.
        stem_width: channels after the first convolution.
        widths: channels of the four stages (strides 4, 8, 16, 32).
        head_width: channels where the stages meet.
        version: name of this set of weights, e.g. ``ibug68-2026.11``.
        parent: version that these weights were fine-tuned from, or "".
        trained_on: one line a data source.
        metrics: measured errors, by the name of the measure.
    """

    scheme: str = "ibug68"
    input_px: int = 128
    stem_width: int = 24
    widths: tuple[int, ...] = (48, 96, 192, 256)
    head_width: int = 128
    version: str = "untrained"
    parent: str = ""
    trained_on: tuple[str, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.input_px, int) or self.input_px < 32 or self.input_px % 32:
            raise ValueError(f"input_px must be a multiple of 32, not {self.input_px!r}")
        # JSON has no tuples.
        object.__setattr__(self, "widths", tuple(self.widths))
        object.__setattr__(self, "trained_on", tuple(self.trained_on))


class Prediction(NamedTuple):
    """What the network says of N crops.

    Attributes:
        points: (N, K, 2) float, unit crop coordinates (x, y).
        scale: (N, K) float, the Laplace scale of each point's error in crop sides; its expected error is twice that.
        log_heat: (N, K, G, G) float, log-probabilities of the heatmap's cells.
    """

    points: torch.Tensor
    scale: torch.Tensor
    log_heat: torch.Tensor


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


class KeypointNet(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="fkd",
    license="other",
    license_name="research-only",
    tags=["facial-keypoints", "face-alignment", "keypoint-detection"],
):
    """Crop in, keypoints and their uncertainty out; saved and loaded by the mixin's usual two methods."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        scheme = load_scheme(config.scheme)
        self.n_points = scheme.n_points
        self.grey = scheme.grey
        self.register_buffer("flip_order", torch.from_numpy(scheme.flip_order), persistent=False)
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
        x = crops.to(self.heat.weight.dtype) / 127.5 - 1.0  # (N, 3, S, S)
        if self.grey:
            luma = x.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)  # ITU-R BT.601, as PIL's "L"
            x = (x * luma).sum(dim=1, keepdim=True).expand(-1, 3, -1, -1)  # (N, 3, S, S)
        c1 = self.stage1(self.stem(x))  # (N, w1, S/4, S/4)
        c2 = self.stage2(c1)  # (N, w2, S/8, S/8)
        c3 = self.stage3(c2)  # (N, w3, S/16, S/16)
        c4 = self.stage4(c3)  # (N, w4, S/32, S/32)
        p3 = self.lateral3(c3) + F.interpolate(self.lateral4(c4), scale_factor=2.0)  # (N, d, S/16, S/16)
        p2 = self.fuse(self.lateral2(c2) + F.interpolate(p3, scale_factor=2.0))  # (N, d, S/8, S/8)
        logits = F.pixel_shuffle(self.heat(p2), 2).float()  # (N, K, G, G), G = S/4
        log_heat = logits.flatten(2).log_softmax(dim=2).view_as(logits)
        heat = log_heat.exp()
        cell = (torch.arange(heat.shape[-1], device=heat.device, dtype=heat.dtype) + 0.5) / heat.shape[-1]  # (G,)
        points = torch.stack([heat.sum(dim=2) @ cell, heat.sum(dim=3) @ cell], dim=-1)  # (N, K, 2)
        # The heatmap says where to read the spread, but is not bent by it: hence the detach.
        where = F.avg_pool2d(heat.detach(), 2) * 4  # (N, K, S/8, S/8), sums to 1
        log_scale = (where * self.spread(p2).float()).sum(dim=(2, 3))  # (N, K)
        return Prediction(points, log_scale.clamp(math.log(1e-4), 0.0).exp(), log_heat)

    def _save_pretrained(self, save_directory: Path) -> None:
        """Write ``config.json`` and ``model.safetensors``.

        Float16 for the convolutions, float32 for what is small and wide in range.
        """
        from safetensors.torch import save_file

        tensors = {
            name: value.detach().cpu().to(torch.float16 if value.dim() == 4 else value.dtype).contiguous()
            for name, value in self.state_dict().items()
        }
        save_file(tensors, save_directory / WEIGHTS_FILE, metadata={"format": "pt", "version": self.config.version})
        # The mixin would write the config that the network was made with, not the one that it has now.
        config = json.dumps(asdict(self.config), indent=2, ensure_ascii=False)
        (save_directory / CONFIG_FILE).write_text(config + "\n", encoding="utf-8")

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        map_location: str = "cpu",
        **_ignored,
    ) -> "KeypointNet":
        """Load safetensors only: unlike the mixin's own, this never falls back to a pickle, and is strict."""
        folder = hub.weights_folder(
            model_id, revision, cache_dir=cache_dir, force_download=force_download, token=token,
            local_files_only=local_files_only,
        )  # fmt: skip
        return load_net(folder).to(map_location)


def mirror_averaged(net: KeypointNet, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The network's answer, averaged over each crop and its mirror image.

    Args:
        crops: (N, 3, S, S) float in 0 … 255, on the network's device.

    Returns:
        Points (N, K, 2) in unit crop coordinates, and the Laplace scale (N, K) of their errors in crop sides.
    """
    n = len(crops)
    both = torch.cat([crops, crops.flip(3)]).contiguous(memory_format=torch.channels_last)  # (2N, 3, S, S)
    points, scale, _ = net(both)
    mirrored = points[n:, net.flip_order]  # (N, K, 2)
    mirrored = torch.stack([1.0 - mirrored[..., 0], mirrored[..., 1]], dim=-1)
    return (points[:n] + mirrored) / 2, (scale[:n] + scale[n:, net.flip_order]) / 2


def load_net(folder: Path) -> KeypointNet:
    """The network in `folder`, on the CPU, ready to predict.

    Raises:
        WeightsError: if a file is missing, damaged, of another architecture or scheme, or holds NaN.
    """
    config = hub.read_config(folder)
    try:
        net = KeypointNet(ModelConfig(**{k: v for k, v in config.items() if k in ModelConfig.__dataclass_fields__}))
    except (RuntimeError, SchemeError, TypeError, ValueError) as error:
        raise WeightsError(f"The config.json of “{folder.name}” does not describe a fkd network: {error}.") from error
    _load_tensors(net, folder / WEIGHTS_FILE)
    return net.eval()


def _load_tensors(net: KeypointNet, file: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(file)
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"“{file.name}” in “{file.parent.name}” is missing or damaged: {error}. Get it anew."
        ) from error
    bad = [name for name, value in tensors.items() if value.is_floating_point() and not value.isfinite().all()]
    if bad:
        raise WeightsError(f"The weights in “{file.parent.name}” hold NaN or infinity ({bad[0]}): they are not used.")
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise WeightsError(f"The weights in “{file.parent.name}” do not fit their config.json: {first}") from error
