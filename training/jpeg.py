"""What storing a picture as JPEG leaves of it, computed by the batch on any device: blocks, rings and faded colours."""

from __future__ import annotations

import math

import torch

__all__ = ["BLOCK_PX", "recompressed"]

BLOCK_PX = 8
# How coarsely each frequency of a block is rounded at quality 50, in levels of 0 … 255: ITU-T T.81 (1992), annex K,
# tables K.1 (luminance) and K.2 (chrominance), https://www.w3.org/Graphics/JPEG/itu-t81.pdf
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *[(99,) * 8] * 4,
)
# RGB → luminance and the two colour differences, as JPEG files have them (JFIF, ITU-T T.871).
TO_YCC = (
    (0.299, 0.587, 0.114),
    (-0.299 / 1.772, -0.587 / 1.772, 0.5),
    (0.5, -0.587 / 1.402, -0.114 / 1.402),
)


def recompressed(pictures: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    """Pictures as they come back from JPEG files that keep all of the colours' pixels (4:4:4).

    Args:
        pictures: (N, 3, H, W) float RGB in 0 … 255; H and W are multiples of `BLOCK_PX`.
        quality: (N,) float in 1 … 100, as libjpeg counts it, on the pictures' device.

    Returns:
        (N, 3, H, W) in 0 … 255, not rounded to whole levels.
    """
    n, _, height, width = pictures.shape
    to_ycc = torch.tensor(TO_YCC)
    to_rgb = torch.linalg.inv(to_ycc).to(pictures)
    cosines = _cosines().to(pictures)
    step = _rounding(quality)[:, :, None, :, None, :]  # (N, 3, 1, 8, 1, 8)
    grid = (n, 3, height // BLOCK_PX, BLOCK_PX, width // BLOCK_PX, BLOCK_PX)
    # Around mid-grey, which the standard takes off first, so that a block's mean is rounded from there.
    frequencies = _in_blocks(_of_colours(pictures - 128.0, to_ycc.to(pictures)), cosines).view(grid)
    kept = frequencies.div_(step).round_().mul_(step)
    ycc = _in_blocks(kept.view(pictures.shape), cosines.T)
    return _of_colours(ycc, to_rgb).add_(128.0).clamp_(0.0, 255.0)


def _of_colours(pictures: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Each pixel's channels (3) times `matrix` (3, 3): (N, 3, H, W) in and out."""
    return (matrix @ pictures.flatten(2)).view(pictures.shape)


def _in_blocks(pictures: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """``matrix @ block @ matrix.T`` of each 8×8 block: (N, 3, H, W) in and out."""
    rows = matrix @ pictures.reshape(-1, BLOCK_PX, pictures.shape[-1])  # a row of blocks at a time
    # Two blocks' rows at a time: a CPU takes a third of the time for a product twice as wide.
    return (rows.view(-1, 2 * BLOCK_PX) @ torch.block_diag(matrix.T, matrix.T)).view(pictures.shape)


def _cosines() -> torch.Tensor:
    """(8, 8) the discrete cosine transform of eight values, orthonormal: T.81's, section A.3.3, along one side."""
    place = torch.arange(BLOCK_PX, dtype=torch.float64)
    waves = torch.cos((place + 0.5) * place[:, None] * (math.pi / BLOCK_PX)) * math.sqrt(2 / BLOCK_PX)
    waves[0] /= math.sqrt(2)
    return waves


def _rounding(quality: torch.Tensor) -> torch.Tensor:
    """(N,) → (N, 3, 8, 8): the annex's tables for each channel, scaled as libjpeg does (``jpeg_quality_scaling``)."""
    tables = quality.new_tensor([LUMINANCE, CHROMINANCE, CHROMINANCE])
    percent = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    return ((tables * percent[:, None, None, None] + 50) / 100).floor().clamp(1, 255)
