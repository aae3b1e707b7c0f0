"""A smaller network out of a larger one that has learned: the channels that matter least are left out.

What a channel matters is how much of the input of the convolutions that read it is made of it: the mean square of what
its batch norm and ReLU let through, times the squares of those convolutions' weights. Both are known without any
picture. (Reading it off the norm alone is Liu et al. 2017, *Network slimming*, https://arxiv.org/abs/1708.06519.) Where
the stages meet no ReLU stands between two linear layers, so that any directions will do, not only channels: those of
the largest singular values of what reads them are kept.

A network made so errs badly, and learns what it lost again in a fraction of the steps that a new one takes.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn as nn

from fkd.errors import WeightsError
from fkd.model import KeypointNet

__all__ = ["pruned"]


class Layer(NamedTuple):
    """A convolution or norm, by its name in KeypointNet, and the channels that it writes and reads: "" for all."""

    name: str
    writes: str
    reads: str = ""


def layers() -> list[Layer]:
    """Every layer of a KeypointNet. Channels that are added to each other bear one name, and are left out together."""
    found = []

    def conv_and_norm(conv: str, norm: str, writes: str, reads: str = "") -> None:
        found.extend([Layer(conv, writes, reads), Layer(norm, writes)])

    conv_and_norm("stem.0.0", "stem.0.1", "stem")
    conv_and_norm("stem.1.0", "stem.1.1", "stage1", "stem")
    blocks = {
        "stage1": "stage1",
        "stage2.0": "stage1",
        "stage2.1": "stage2",
        "stage3.0": "stage2",
        "stage3.1": "stage3",
    }
    for block, reads in (blocks | {"stage4": "stage3"}).items():
        stage = block.partition(".")[0]
        conv_and_norm(f"{block}.conv1", f"{block}.norm1", block + " inside", reads)
        conv_and_norm(f"{block}.conv2", f"{block}.norm2", stage, block + " inside")
        if reads != stage:
            conv_and_norm(f"{block}.shortcut.1", f"{block}.shortcut.2", stage, reads)
    found += [Layer(f"lateral{i}", "meeting", f"stage{i}") for i in (2, 3, 4)]
    conv_and_norm("fuse.0", "fuse.1", "head", "meeting")
    return found + [Layer("heat", "", "head"), Layer("spread", "", "head")]


@torch.no_grad()
def pruned(net: KeypointNet, stem_width: int, widths: tuple[int, ...], head_width: int) -> KeypointNet:
    """A network of these widths (see :class:`fkd.model_config.ModelConfig`), of the channels of `net` that matter most.

    Args:
        net: stays as it is.

    Raises:
        WeightsError: if one of the widths is larger than it is in `net`.
    """
    config = net.config
    wanted, there = (stem_width, *widths, head_width), (config.stem_width, *config.widths, config.head_width)
    if len(wanted) != len(there) or any(few > many for few, many in zip(wanted, there, strict=True)):
        raise WeightsError(f"{config.version} has widths of {there}: {wanted} are not fewer.")
    fewer = {"stem_width": stem_width, "widths": widths, "head_width": head_width}
    small = KeypointNet(replace(config, **fewer, scale_factor=1.0, metrics={}, parent=config.version))
    room = {"stem": stem_width, "head": head_width} | {f"stage{i}": width for i, width in enumerate(widths, start=1)}
    kept = {"": slice(None), "meeting": slice(None)}
    for group in dict.fromkeys(layer.writes for layer in layers()):
        if group not in kept:
            stage = group.split()[0].partition(".")[0]  # that it is of, or inside of
            kept[group] = mattering(net, group).topk(room[stage]).indices.sort().values
    read = net.fuse[0].weight[kept["head"]].transpose(0, 1).flatten(1)  # (d, …)
    directions = torch.linalg.svd(read, full_matrices=False)[0][:, :head_width]
    for layer in layers():
        old, new = net.get_submodule(layer.name), small.get_submodule(layer.name)
        for name, value in old.state_dict().items():
            if value.dim():  # a norm's count of batches has none
                value = value[kept[layer.writes]]
            if value.dim() == 4:
                value = value[:, kept[layer.reads]]
            if layer.writes == "meeting":
                value = torch.tensordot(directions.T, value, 1)
            elif layer.reads == "meeting" and value.dim() == 4:
                value = torch.einsum("oihw,ij->ojhw", value, directions)
            new.state_dict()[name].copy_(value)
    return small.eval()


def mattering(net: KeypointNet, group: str) -> torch.Tensor:
    """How much each channel (C,) of a group matters to the convolutions that read it."""
    modules = [(layer, net.get_submodule(layer.name)) for layer in layers()]
    norms = [module for layer, module in modules if layer.writes == group and isinstance(module, nn.BatchNorm2d)]
    mean, sd = sum(norm.bias for norm in norms), sum(norm.weight.square() for norm in norms).sqrt()
    # The mean square of max(0, z) for z of a normal distribution.
    z = mean / sd.clamp(min=1e-6)
    density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    energy = (mean.square() + sd.square()) * torch.special.ndtr(z) + mean * sd * density
    return energy * sum(module.weight.square().sum(dim=(0, 2, 3)) for layer, module in modules if layer.reads == group)
