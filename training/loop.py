"""Training from scratch: one loop, one moving average, one learning-rate schedule."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from fkd.device import choose_device
from fkd.metrics import nme_iod, rmse_px
from fkd.model import KeypointNet, mirror_averaged
from fkd.schemes import Scheme, load_scheme
from training.augment import augment, plain_view
from training.config import TrainConfig
from training.dataset import CHIP_MARGIN, FaceSet
from training.losses import keypoint_loss

__all__ = ["Ema", "SourceOffset", "fit", "init_from", "learning_rate", "unit_errors"]


class Ema:
    """A moving average of a network's weights; buffers (the norms' statistics) are averaged too."""

    def __init__(self, net: KeypointNet, decay: float):
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self, net: KeypointNet) -> None:
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))  # the first steps are not worth remembering
        for mine, theirs in zip(self.net.state_dict().values(), net.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1.0 - decay)
            else:
                mine.copy_(theirs)


class SourceOffset(torch.nn.Module):
    """How each labelling convention places each point beside the first one's: a constant in the upright face.

    Data sets disagree by a pixel or so. Mirroring the pictures turns such a shift into blur; learning it and taking it
    off the labels does not. It is a part of the training only: the network speaks the first source's convention.
    """

    def __init__(self, n_sources: int, n_points: int):
        super().__init__()
        self.others = torch.nn.Parameter(torch.zeros(n_sources - 1, n_points, 2))

    def forward(self, points: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """Labels (N, K, 2) of sources (N,) → the same in the first source's convention; unit chip coordinates."""
        table = torch.cat([torch.zeros_like(points[:1]), self.others.to(points)])  # (sources, K, 2)
        return points - table[source]


def learning_rate(step: int, steps: int, peak: float, warmup: float) -> float:
    """Linear warm-up over a share `warmup` of the steps, then a cosine down to zero."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return peak * (step + 1) / rising
    return peak * 0.5 * (1.0 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def fit(
    net: KeypointNet,
    train: FaceSet,
    held_out: FaceSet | None,
    config: TrainConfig,
    run: Path,
    on_step: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> KeypointNet:
    """Train `net` and return the moving average of its weights.

    Appends one JSON line an epoch to ``run/metrics.jsonl`` and keeps the newest average in ``run/last``. The settings
    go to ``run/train_config.json``.

    Args:
        on_step: called with the step, the number of steps and the running loss.
    """
    torch.manual_seed(config.seed)
    if config.threads:
        torch.set_num_threads(config.threads)
    device = choose_device(config.device)
    scheme = load_scheme(net.config.scheme)
    net = net.to(device, memory_format=torch.channels_last).train()
    ema = Ema(net, config.ema_decay)
    offset = SourceOffset(len(train.sources), scheme.n_points).to(device)
    optimiser = torch.optim.AdamW(
        [
            {"params": [p for p in net.parameters() if p.dim() > 1], "weight_decay": config.weight_decay},
            {"params": [p for p in net.parameters() if p.dim() <= 1], "weight_decay": 0.0},
            {"params": offset.parameters(), "weight_decay": 0.0},
        ],
        lr=config.lr,
    )
    generator = torch.Generator().manual_seed(config.seed)
    per_epoch = max(1, round(train.weight.sum() / config.batch_size))
    steps = per_epoch * config.epochs
    small_px = min(config.small_px, net.config.input_px)
    running, started = 0.0, time.monotonic()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, steps, config.lr, config.warmup)
        size_px = small_px if step < steps * config.small_share else net.config.input_px
        chosen = draw(train.weight, config.batch_size, generator)
        labels = offset(train.points[chosen].to(device), train.source[chosen].to(device))
        crops, labels = augment(train.chips[chosen].to(device), labels, scheme, size_px, generator)
        prediction = net(crops.contiguous(memory_format=torch.channels_last))
        loss = keypoint_loss(prediction, labels, config.heat_weight)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        ema.update(net)
        running += (loss.item() - running) * max(0.02, 1.0 / (step + 1))
        on_step(step + 1, steps, running)
        if (step + 1) % per_epoch == 0:
            row = {"epoch": (step + 1) // per_epoch, "loss": running, "seconds": time.monotonic() - started}
            if held_out is not None:
                row |= unit_errors(ema.net, held_out, scheme, size_px)
            row["source_offset_rms"] = (
                float(offset.others.detach().square().mean().sqrt()) if offset.others.numel() else 0.0
            )
            with (run / "metrics.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(row | {"lr": optimiser.param_groups[0]["lr"]}) + "\n")
            ema.net.save_pretrained(run / "last")
    (run / "train_config.json").write_text(json.dumps(asdict(config), indent=2) + "\n", encoding="utf-8")
    return ema.net


def draw(weight: np.ndarray, n: int, generator: torch.Generator) -> torch.Tensor:
    """Indices (n,) of faces, drawn with replacement in proportion to their weight (N,)."""
    return torch.multinomial(torch.from_numpy(weight), n, replacement=True, generator=generator)


@torch.no_grad()
def unit_errors(
    net: KeypointNet, faces: FaceSet, scheme: Scheme, size_px: int, batch_size: int = 64
) -> dict[str, float]:
    """Errors on the nominal crops, the mirrored picture's prediction averaged in, as a check while training.

    Args:
        size_px: side of the crops; a network errs more at another resolution than the one it last trained at.

    Returns:
        ``nme_iod`` (mean over faces whose eye distance is known, NaN if none is) and ``rmse_unit`` (in crop sides).
    """
    net.eval()
    device = next(net.parameters()).device
    predicted, labels = [], []
    for start in range(0, len(faces), batch_size):
        chips, points = faces.chips[start : start + batch_size], faces.points[start : start + batch_size]
        crops, points = plain_view(chips.to(device), points.to(device), size_px)
        predicted.append(mirror_averaged(net, crops)[0].cpu())
        labels.append(points.cpu())
    predicted_xy, labelled_xy = torch.cat(predicted).double().numpy(), torch.cat(labels).double().numpy()
    nme = nme_iod(predicted_xy, labelled_xy, scheme, faces.eye_distance * CHIP_MARGIN)  # in crop sides, as the points
    nme = nme[np.isfinite(nme)]
    return {
        "nme_iod": float(nme.mean()) if len(nme) else math.nan,
        "rmse_unit": rmse_px(predicted_xy, labelled_xy),
    }


def init_from(net: KeypointNet, other: KeypointNet) -> None:
    """Copy into `net` every tensor of `other` that has the same name and shape: the trunk, if the schemes differ."""
    own = net.state_dict()
    fitting = {name: value for name, value in other.state_dict().items() if own[name].shape == value.shape}
    net.load_state_dict(fitting, strict=False)
