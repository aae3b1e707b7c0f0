"""Faces of other proportions: smooth random warps, for there are always too few faces to learn from.

A new domain differs in shape, not only in looks (drawings exaggerate, children have other proportions), and a handful
of corrected faces shows few of its shapes. The warps are those of elastic augmentation (Simard et al. 2003,
https://doi.org/10.1109/ICDAR.2003.1227801) with a grid of 4 × 4 random shifts, so that a whole cheek or eye moves as
one.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

__all__ = ["displaced", "warped"]

GRID = 4
# Where a point comes out is found by fixed-point iteration; the warps are gentle enough for this many to be exact.
ITERATIONS = 12


def warped(
    chips: torch.Tensor, points: torch.Tensor, sd: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Warp each picture by a smooth random field of its own, and its points with it.

    Args:
        chips: (N, 3, C, C) uint8.
        points: (N, K, 2) float, unit chip coordinates, may carry a gradient; NaN stays NaN.
        sd: standard deviation of the shifts on the grid, in chip sides. From 0.06 on, pictures may fold.
        generator: on the CPU; everything random is drawn from it.

    Returns:
        (N, 3, C, C) uint8 and (N, K, 2) float.
    """
    shifts = torch.randn((len(chips), 2, GRID, GRID), generator=generator).to(chips.device) * sd
    return displaced(chips, points, F.interpolate(shifts, size=chips.shape[-1], mode="bicubic", align_corners=True))


def displaced(chips: torch.Tensor, points: torch.Tensor, field: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (N, 3, C, C) uint8 and points (N, K, 2), moved as a smooth field tells.

    Args:
        field: (N, 2, C, C) float, for every pixel how far from it to look, in chip sides: what was at p is at q
            afterwards if q + field(q) = p.
    """
    side = chips.shape[-1]
    cell = (torch.arange(side, device=chips.device) + 0.5) / side  # (C,)
    own = torch.stack(torch.meshgrid(cell, cell, indexing="xy"), dim=-1)  # (C, C, 2)
    looked_at = own + field.permute(0, 2, 3, 1)  # (N, C, C, 2) unit chip coordinates
    pictures = F.grid_sample(chips.float(), looked_at * 2 - 1, padding_mode="border", align_corners=False)
    moved = points
    for _ in range(ITERATIONS):
        at = (moved.nan_to_num(0.5) * 2 - 1)[:, :, None]  # (N, K, 1, 2)
        shift = F.grid_sample(field, at, padding_mode="border", align_corners=False)[..., 0]  # (N, 2, K)
        moved = points - shift.transpose(1, 2)
    return pictures.round().clamp(0, 255).to(torch.uint8), moved
