"""The mean of several networks' weights, which has most of what each is good at (Wortsman et al. 2022, *Model soups*,
https://arxiv.org/abs/2203.05482)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
import torch

from fkd.crop_net import CropNet
from fkd.errors import WeightsError
from fkd.model_config import ModelConfig

__all__ = ["average"]

# Of a config: what the mean need not have in common.
_OWN = (
    "mirror_averaged", "label_origin_px", "scale_factor", "conventions", "version", "parent", "trained_on", "metrics",
)  # fmt: skip


@torch.no_grad()
def average(nets: Sequence[CropNet], shares: Sequence[float]) -> CropNet:
    """A network whose weights, norm statistics and label offsets are the weighted mean of others'.

    That is worth something for networks that began from the same weights, and little for others.

    Args:
        nets: at least one; the last one says what the result was trained on, and whether it is asked both ways.
        shares: one a network, above 0; only their ratios count.

    Raises:
        WeightsError: if the networks are not of one kind.
    """
    configs = [net.config for net in nets]
    for other in configs[1:]:
        if kind_of(other) != kind_of(configs[0]):
            raise WeightsError(
                f"{configs[0].version} and {other.version} have no mean: it needs networks of one scheme, "
                "architecture, size and input."
            )
    parts = np.asarray(shares, dtype=np.float64) / np.sum(shares)
    mean, states = copy.deepcopy(nets[-1]), [net.state_dict() for net in nets]
    for name, value in mean.state_dict().items():
        if value.is_floating_point():
            value.copy_(sum(part * state[name].double() for part, state in zip(parts, states, strict=True)))
    common = set.intersection(*(set(config.conventions) for config in configs))
    conventions = {
        name: np.tensordot(parts, [config.conventions[name] for config in configs], 1).round(5).tolist()
        for name in sorted(common)
    }
    origin = round(float(parts @ [config.label_origin_px for config in configs]), 3)
    mean.config = replace(mean.config, label_origin_px=origin, conventions=conventions, scale_factor=1.0, metrics={})
    return mean


def kind_of(config: ModelConfig) -> dict[str, object]:
    return {name: value for name, value in asdict(config).items() if name not in _OWN}
