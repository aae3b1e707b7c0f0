"""Random views of faces: what a detector's box, a phone and a bad day do to a picture. All on the batch's device."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from fkd.geometry import sample
from fkd.schemes import Scheme
from training.dataset import CHIP_MARGIN
from training.jpeg import recompressed

__all__ = ["augment", "plain_view"]

# Where the face is in the crop: normal distributions, cut off at about three deviations.
ROLL_SD_DEG = 15.0
ANY_ROLL_SHARE = 0.1  # of the faces are turned by any angle: people upload photos of lying children
SCALE_SD, SCALE_RANGE = 0.10, (0.75, 1.35)
SHIFT_SD, MOST_SHIFT = 0.04, 0.12  # of the crop's side
# What light and camera do to it: each a range that is drawn from evenly.
GREY_SHARE = 0.15  # of the faces lose their colour; the others' saturation is multiplied
SATURATION = (0.6, 1.4)
CHANNEL_GAIN = (0.85, 1.15)  # each of red, green and blue by its own
CONTRAST = (0.6, 1.4)
BRIGHTNESS = (-0.15, 0.15)  # added, of white
LOG_GAMMA = (-0.6, 0.6)  # gamma 0.55 … 1.8
LOW_DETAIL_SHARE = 0.3  # of the faces are scaled down and up again, by one resolution a batch
LOW_DETAIL = (0.3, 0.8)  # of the crop's side
MOST_NOISE_SD = 0.04  # of white
# What is in front of it.
OCCLUDED_SHARE = 0.3
OCCLUDER_HALF = (0.08, 0.25)  # half of each side of the rectangle, of the crop's
# What phones and the web do to the file.
JPEG_SHARE = 0.3
JPEG_QUALITY = (20.0, 80.0)  # drawn from evenly


def augment(
    chips: torch.Tensor,
    points: torch.Tensor,
    scheme: Scheme,
    size_px: int,
    generator: torch.Generator,
    changes: str = "all",
) -> tuple[torch.Tensor, torch.Tensor]:
    """Random crops, turned, scaled, shifted, mirrored, with random light, sharpness, occlusions and JPEG artefacts.

    Args:
        chips: (N, 3, C, C) uint8.
        points: (N, K, 2) unit chip coordinates, may carry a gradient.
        size_px: S, a multiple of 8 (JPEG's blocks) where `changes` is ``all``.
        generator: on the CPU; everything random is drawn from it.
        changes: one of `training.config.AUGMENTATIONS`: all of these, the mirror image alone (``flip``), or ``none``.

    Returns:
        (N, 3, S, S) float crops in 0 … 255, and (N, K, 2) points in unit crop coordinates.
    """
    n = len(chips)

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    if changes != "all":
        mirrored = uniform(n) < (0.5 if changes == "flip" else 0.0)
        crops, points = _view(chips, points, torch.zeros(n), torch.ones(n), torch.zeros(n, 2), mirrored, size_px)
        return crops, _in_order(points, mirrored, scheme)
    roll = normal(n) * math.radians(ROLL_SD_DEG)
    roll = torch.where(uniform(n) < ANY_ROLL_SHARE, (uniform(n) * 2 - 1) * math.pi, roll)
    scale = torch.exp(normal(n) * SCALE_SD).clamp(*SCALE_RANGE)
    shift = (normal(n, 2) * SHIFT_SD).clamp(-MOST_SHIFT, MOST_SHIFT)
    mirrored = uniform(n) < 0.5
    crops, points = _view(chips, points, roll, scale, shift, mirrored, size_px)
    return _spoil(crops, generator), _in_order(points, mirrored, scheme)


def plain_view(chips: torch.Tensor, points: torch.Tensor, size_px: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The nominal crops (N, 3, S, S) in 0 … 255 and their points (N, K, 2) in unit crop coordinates."""
    n = len(chips)
    return _view(chips, points, torch.zeros(n), torch.ones(n), torch.zeros(n, 2), torch.zeros(n, dtype=bool), size_px)


def _in_order(points: torch.Tensor, mirrored: torch.Tensor, scheme: Scheme) -> torch.Tensor:
    """The points (N, K, 2) in the scheme's order again, where the picture was mirrored (N,)."""
    flip_order = torch.from_numpy(scheme.flip_order)
    return torch.where(_sent(mirrored, points.device)[:, None, None], points[:, flip_order], points)


def _view(chips, points, roll, scale, shift, mirrored, size_px):
    """Sample crops whose axes are turned by `roll` (N,), scaled, shifted (N, 2) and, where told, mirrored."""
    n, chip_px = len(chips), chips.shape[-1]
    c, s = torch.cos(roll) * scale / CHIP_MARGIN, torch.sin(roll) * scale / CHIP_MARGIN
    sign = 1.0 - 2.0 * mirrored.float()
    linear = torch.stack([c * sign, -s, s * sign, c], dim=1).view(n, 2, 2)  # unit crop → unit chip
    centre = torch.full((n, 2, 1), 0.5)
    offset = centre + shift[:, :, None] / CHIP_MARGIN - linear @ centre  # (N, 2, 1)
    inverse = torch.linalg.inv(linear)
    linear, offset, inverse = (_sent(part, chips.device) for part in (linear, offset, inverse))
    to_chip_px = torch.cat([linear, offset], dim=2) * chip_px  # (N, 2, 3)
    to_chip_px[:, :, 2] -= 0.5
    crops = sample(chips.float(), to_chip_px, size_px)  # (N, 3, S, S)
    return crops, torch.einsum("nij,nkj->nki", inverse, points - offset.transpose(1, 2))


def _spoil(crops: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Random light, colour, sharpness, noise, occlusions and JPEG: (N, 3, S, S) in 0 … 255 in and out."""
    n, size_px, device = len(crops), crops.shape[-1], crops.device

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return _sent(low + (high - low) * torch.rand(shape, generator=generator), device)

    x = crops / 255.0
    grey = x.mean(dim=1, keepdim=True)  # (N, 1, S, S)
    grey_only = uniform(0, 1, n, 1, 1, 1) < GREY_SHARE
    x = grey + (x - grey) * torch.where(grey_only, 0.0, uniform(*SATURATION, n, 1, 1, 1))
    x = x * uniform(*CHANNEL_GAIN, n, 3, 1, 1)
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    x = (x - mean) * uniform(*CONTRAST, n, 1, 1, 1) + mean + uniform(*BRIGHTNESS, n, 1, 1, 1)
    x = x.clamp(1e-3, 1.0) ** torch.exp(uniform(*LOG_GAMMA, n, 1, 1, 1))
    low, high = LOW_DETAIL
    low_px = int(size_px * (low + (high - low) * torch.rand((), generator=generator).item()))
    soft = _chosen(torch.rand(n, generator=generator) < LOW_DETAIL_SHARE, device)
    x[soft] = F.interpolate(F.interpolate(x[soft], size=low_px, mode="bilinear"), size=size_px, mode="bilinear")
    # A number a pixel: drawn where the pixels are.
    noise = torch.Generator(device).manual_seed(int(torch.randint(2**62, (), generator=generator)))
    x = x + torch.randn(x.shape, generator=noise, device=device) * uniform(0, MOST_NOISE_SD, n, 1, 1, 1)
    return _store(_occlude(x, generator).clamp(0.0, 1.0) * 255.0, generator)


def _occlude(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Cover a rectangle of some crops by one colour, or by the same place of another crop (a hand, hair), in place."""
    n, _, size_px, _ = x.shape
    pixel = (torch.arange(size_px) + 0.5) / size_px  # (S,)
    low, high = OCCLUDER_HALF
    centre, half = torch.rand(n, 2, generator=generator), low + (high - low) * torch.rand(n, 2, generator=generator)
    inside = (pixel - centre[:, :, None]).abs() < half[:, :, None]  # (N, 2, S)
    mask = inside[:, 0, None, :] & inside[:, 1, :, None]  # (N, S, S)
    covered = torch.rand(n, generator=generator) < OCCLUDED_SHARE
    colour, other = torch.rand(n, 3, 1, 1, generator=generator), torch.randperm(n, generator=generator)
    plain = (torch.rand(n, generator=generator) < 0.5)[:, None, None, None]
    colour, mask, plain = (_sent(part[covered], x.device) for part in (colour, mask[:, None], plain))
    there = _chosen(covered, x.device)
    cover = torch.where(plain, colour, x[_sent(other[covered], x.device)])
    x[there] = torch.where(mask, cover, x[there])
    return x


def _store(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Save some crops as JPEG, each at a quality of its own, and open them again: (N, 3, S, S) in 0 … 255, changed."""
    low, high = JPEG_QUALITY
    quality = low + (high - low) * torch.rand(len(x), generator=generator)
    stored = torch.rand(len(x), generator=generator) < JPEG_SHARE
    there = _chosen(stored, x.device)
    x[there] = recompressed(x[there], _sent(quality[stored], x.device))
    return x


def _chosen(which: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The indices of (N,) bool, found on the CPU: on a GPU that would have to wait for all that is under way."""
    return _sent(torch.nonzero(which).squeeze(1), device)


def _sent(numbers: torch.Tensor, device: torch.device) -> torch.Tensor:
    """`numbers` on the device. CUDA takes them when it comes to them, and nobody waits for that; MPS might take them
    when they are something else."""
    return numbers.to(device, non_blocking=device.type == "cuda")
