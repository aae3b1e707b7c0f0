"""Random views of faces: what a detector's box, a phone and a bad day do to a picture. All on the batch's device."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from fkd.geometry import sample
from fkd.schemes import Scheme
from training.dataset import CHIP_MARGIN

__all__ = ["augment", "plain_view"]

ROLL_SD_DEG = 18.0
ANY_ROLL_SHARE = 0.15  # of the faces are turned by any angle: people upload photos of lying children
SCALE_SD = 0.10
SHIFT_SD = 0.04  # of the crop's side


def augment(
    chips: torch.Tensor, points: torch.Tensor, scheme: Scheme, size_px: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Random crops, turned, scaled, shifted, mirrored, with random light, sharpness and occlusions.

    Args:
        chips: (N, 3, C, C) uint8.
        points: (N, K, 2) unit chip coordinates, may carry a gradient.
        size_px: S.
        generator: on the CPU; everything random is drawn from it.

    Returns:
        (N, 3, S, S) float crops in 0 … 255, and (N, K, 2) points in unit crop coordinates.
    """
    n, device = len(chips), chips.device

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    roll = normal(n) * math.radians(ROLL_SD_DEG)
    roll = torch.where(uniform(n) < ANY_ROLL_SHARE, (uniform(n) * 2 - 1) * math.pi, roll)
    scale = torch.exp(normal(n) * SCALE_SD).clamp(0.75, 1.35)
    shift = (normal(n, 2) * SHIFT_SD).clamp(-0.12, 0.12)
    mirrored = uniform(n) < 0.5
    crops, points = _view(chips, points, roll, scale, shift, mirrored, size_px)
    flip_order = torch.from_numpy(scheme.flip_order)
    points = torch.where(mirrored.to(device)[:, None, None], points[:, flip_order], points)
    return _spoil(crops, generator), points


def plain_view(chips: torch.Tensor, points: torch.Tensor, size_px: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The nominal crops (N, 3, S, S) in 0 … 255 and their points (N, K, 2) in unit crop coordinates."""
    n = len(chips)
    return _view(chips, points, torch.zeros(n), torch.ones(n), torch.zeros(n, 2), torch.zeros(n, dtype=bool), size_px)


def _view(chips, points, roll, scale, shift, mirrored, size_px):
    """Sample crops whose axes are turned by `roll` (N,), scaled, shifted (N, 2) and, where told, mirrored."""
    n, chip_px = len(chips), chips.shape[-1]
    c, s = torch.cos(roll) * scale / CHIP_MARGIN, torch.sin(roll) * scale / CHIP_MARGIN
    sign = 1.0 - 2.0 * mirrored.float()
    linear = torch.stack([c * sign, -s, s * sign, c], dim=1).view(n, 2, 2)  # unit crop → unit chip
    centre = torch.full((n, 2, 1), 0.5)
    offset = centre + shift[:, :, None] / CHIP_MARGIN - linear @ centre  # (N, 2, 1)
    linear, offset = linear.to(chips.device), offset.to(chips.device)
    to_chip_px = torch.cat([linear, offset], dim=2) * chip_px  # (N, 2, 3)
    to_chip_px[:, :, 2] -= 0.5
    crops = sample(chips.float(), to_chip_px, size_px)  # (N, 3, S, S)
    inverse = torch.linalg.inv(linear)
    return crops, torch.einsum("nij,nkj->nki", inverse, points - offset.transpose(1, 2))


def _spoil(crops: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Random light, colour, sharpness, noise and occlusions: (N, 3, S, S) in 0 … 255 in and out."""
    n, size_px, device = len(crops), crops.shape[-1], crops.device

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator).to(device)

    x = crops / 255.0
    grey = x.mean(dim=1, keepdim=True)  # (N, 1, S, S)
    saturation = torch.where(uniform(n) < 0.15, torch.zeros(n, device=device), 0.6 + 0.8 * uniform(n))
    x = grey + (x - grey) * saturation.view(-1, 1, 1, 1)
    x = x * (0.85 + 0.3 * uniform(n, 3, 1, 1))  # colour cast
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    x = (x - mean) * (0.6 + 0.8 * uniform(n, 1, 1, 1)) + mean + 0.3 * (uniform(n, 1, 1, 1) - 0.5)
    x = x.clamp(1e-3, 1.0) ** torch.exp((uniform(n, 1, 1, 1) - 0.5) * 1.2)  # gamma 0.55 … 1.8
    # A third of the faces are low in detail, by one resolution a batch.
    low_px = int(size_px * (0.3 + 0.5 * torch.rand((), generator=generator).item()))
    blurred = F.interpolate(F.interpolate(x, size=low_px, mode="bilinear"), size=size_px, mode="bilinear")
    x = torch.where(uniform(n, 1, 1, 1) < 0.3, blurred, x)
    x = x + torch.randn(x.shape, generator=generator).to(device) * 0.04 * uniform(n, 1, 1, 1)
    return _occlude(x, generator).clamp(0.0, 1.0) * 255.0


def _occlude(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Cover a rectangle of 40 % of the crops by one colour, or by the same place of another crop (a hand, hair)."""
    n, _, size_px, _ = x.shape
    pixel = (torch.arange(size_px) + 0.5) / size_px  # (S,)
    centre, half = torch.rand(n, 2, generator=generator), 0.08 + 0.17 * torch.rand(n, 2, generator=generator)
    inside = (pixel - centre[:, :, None]).abs() < half[:, :, None]  # (N, 2, S)
    mask = inside[:, 0, None, :] & inside[:, 1, :, None]  # (N, S, S)
    mask &= (torch.rand(n, generator=generator) < 0.4)[:, None, None]
    colour = torch.rand(n, 3, 1, 1, generator=generator).to(x.device).expand_as(x)
    other = x[torch.randperm(n, generator=generator)]
    cover = torch.where((torch.rand(n, generator=generator) < 0.5).to(x.device)[:, None, None, None], colour, other)
    return torch.where(mask.to(x.device)[:, None], cover, x)
