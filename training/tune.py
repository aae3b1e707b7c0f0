"""The fine-tuning itself: a network learns from a few corrected faces and stays what it is everywhere else."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch.optim.swa_utils import AveragedModel

from fkd.crop_net import CropNet
from fkd.device import choose_device, memory_format, multiplies_bfloat16
from fkd.fast_net import folded
from fkd.schemes import load_scheme
from training.augment import augment
from training.config import HEAT_WEIGHT_LAST, FinetuneConfig
from training.dataset import FaceSet
from training.loop import draw
from training.losses import UNIT, keypoint_loss
from training.reshape import reshaped
from training.warp import warped

__all__ = ["fit_corrections"]

# The old network's opinion holds the new one where it was sure to be right within this share of the crop's side.
SURE_WITHIN = 0.02
# So often is the network shown while it learns.
LOOKS = 10
# Of the learning rate, where there are no other faces to remember by.
ALONE_SLOWER = 0.25
# Of the steps: the learning rate rises at first, and only then are the weights worth averaging.
RISING, UNSETTLED = 0.1, 0.25


def fit_corrections(
    old: CropNet,
    corrected: FaceSet,
    base: FaceSet | None,
    config: FinetuneConfig,
    on_step: Callable[[int, int, float], None] = lambda step, steps, loss: None,
    on_look: Callable[[int, CropNet], None] = lambda step, net: None,
) -> CropNet:
    """The network `old`, trained on corrected faces mixed with base faces; `old` itself stays as it is.

    Labelled points pull towards their labels. Points that nobody judged, and base faces without labels, are held near
    the old network's prediction for the same crop, the more the surer that was (learning without forgetting, Li and
    Hoiem 2016, https://arxiv.org/abs/1606.09282). The norms keep their statistics: a few dozen faces would only spoil
    them. What a batch is made of: see :func:`mixed_views`.

    The rate stays high, and the tuned weights are the mean of all that it led to (Izmailov et al. 2018,
    https://arxiv.org/abs/1803.05407): what a few faces teach points the same way in all of them, and what it costs
    elsewhere is for the most part noise, which the mean takes out. The mean lies nearer to the old weights than any of
    them, and so the result may lie a little beyond it.

    Where no labelled faces are replayed, a single corrected face would wreck the network; then the result lies between
    the old weights and the tuned ones (Wortsman et al. 2022, https://arxiv.org/abs/2109.01903), the nearer to the old,
    the fewer faces were learnt from.

    A CPU with units for bfloat16 multiplies in it, which takes a third of the time and gives as good weights; they are
    float32 as ever.

    Args:
        base: faces to remember by; those without labels are remembered as the old network saw them.
        on_step: called with the step, the number of steps and the loss; what it raises ends the training.
        on_look: called ten times on the way with the step and the network that would come out if that were the last.
    """
    torch.manual_seed(config.seed)
    device = choose_device(config.device)
    old = copy.deepcopy(old).to(device).eval().requires_grad_(False)
    teacher = folded(old).to(memory_format=memory_format(device))
    net = copy.deepcopy(old).requires_grad_(True)  # stays in eval mode: frozen statistics
    mean = AveragedModel(net).requires_grad_(False)
    optimiser = torch.optim.AdamW(net.parameters(), lr=config.lr, weight_decay=0.0)
    generator = torch.Generator().manual_seed(config.seed)
    # Whatever the share, a corrected face is in every batch.
    n_base = min(round(config.batch_size * config.replay), config.batch_size - 1) if base is not None else 0
    remembers = base is not None and bool(base.points.isfinite().any())
    peak = config.lr if base is not None else config.lr * ALONE_SLOWER
    share = config.share if remembers else config.alone * len(corrected) / (len(corrected) + 1)
    for step in range(config.steps):
        for group in optimiser.param_groups:
            group["lr"] = peak * min(1.0, (step + 1) / (RISING * config.steps))
        crops, labels = mixed_views(corrected, base, n_base, old, config, generator)
        with torch.autocast(device.type, torch.bfloat16, enabled=multiplies_bfloat16(device)):
            prediction = net(crops)
        loss = keypoint_loss(prediction, labels, HEAT_WEIGHT_LAST)
        held = torch.isnan(labels).any(dim=-1)  # (N, K)
        rows = held.any(dim=-1)  # (N,) the old network need not be asked about the others
        if rows.any():
            kept = drift(prediction.points[rows], teacher(crops[rows]), held[rows])
            loss = loss + config.anchor_weight * rows.float().mean() * kept
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        if step >= min(UNSETTLED * config.steps, config.steps - 1):  # the last one always, be it the only one
            mean.update_parameters(net)
        on_step(step + 1, config.steps, loss.item())
        if (step + 1) * LOOKS // config.steps > step * LOOKS // config.steps:
            on_look(step + 1, blended(old, copy.deepcopy(mean.module if mean.n_averaged else net), share))
    return blended(old, mean.module, share)


def mixed_views(
    corrected: FaceSet,
    base: FaceSet | None,
    n_base: int,
    old: CropNet,
    config: FinetuneConfig,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of corrected faces, and after them `n_base` others: (N, 3, S, S) crops and (N, K, 2) labels.

    Corrected faces take on some of each other's shape and are warped besides, see :mod:`training.reshape` and
    :mod:`training.warp`. Of either kind, some come in random views; the rest as they are, or mirrored, for most photos
    are neither turned nor dim.
    """
    device, origin_px = next(old.parameters()).device, old.config.label_origin_px
    scheme, size_px = load_scheme(old.config.scheme), old.config.input_px
    own = random_view(corrected, config.batch_size - n_base, origin_px, generator)
    n = round(len(own[0]) * config.reshaped) if len(corrected) > 1 else 0
    if n:
        new = reshaped(own[0][:n], own[1][:n], corrected.points_seen(origin_px), generator)
        own = torch.cat([new[0], own[0][n:]]), torch.cat([new[1], own[1][n:]])
    faces = [warped(*own, config.warp_sd, generator)]
    faces += [random_view(base, n_base, origin_px, generator)] if n_base else []
    views = []
    for chips, points in faces:
        chips, points = chips.to(device), points.to(device)
        n = len(chips) - round(len(chips) * config.plain)
        views += [augment(chips[:n], points[:n], scheme, size_px, generator)]
        views += [augment(chips[n:], points[n:], scheme, size_px, generator, "flip")]
    crops, labels = (torch.cat(part) for part in zip(*views, strict=True))
    return crops.contiguous(memory_format=memory_format(device)), labels


@torch.no_grad()
def blended(old: CropNet, new: CropNet, share: float) -> CropNet:
    """`new`, moved to where it lies `share` of the way from `old`; more than 1 is beyond."""
    for mine, theirs in zip(new.state_dict().values(), old.state_dict().values(), strict=True):
        if mine.is_floating_point():
            mine.lerp_(theirs, 1.0 - share)
    return new


def drift(points, old, held: torch.Tensor) -> torch.Tensor:
    """Mean distance of points from where the old network was sure that they are, in units of the loss.

    Args:
        points: (N, K, 2) of the new network, unit crop coordinates.
        old: the old network's Prediction of the same crops; the chance that its points are right is the weight.
        held: (N, K) bool, the points that count.
    """
    ratio = SURE_WITHIN / old.scale
    sure = 1.0 - (1.0 + ratio) * torch.exp(-ratio)  # (N, K), see fkd.predictor.chance_close
    distance = (points - old.points).norm(dim=-1) / UNIT  # (N, K)
    return (distance * sure * held).sum() / held.numel()


def random_view(
    faces: FaceSet, n: int, origin_px: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    chosen = draw(faces.weight, n, generator)
    return faces.chips[chosen], faces.points_seen(origin_px)[chosen]
