"""Faces in each other's shapes: of a few corrected faces, each shows its looks in the shapes of all.

What a new domain has of its own lies in the shapes of its faces as much as in their looks, and twenty corrected faces
show twenty shapes. A thin-plate spline (Bookstein 1989, https://doi.org/10.1109/34.24792) moves a face's labelled
points some way towards another's, and the picture with them.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from training.warp import displaced

__all__ = ["reshaped"]

MOST = 0.7  # of the way to the other face's shape: all the way, pictures begin to fold
FEWEST = 6  # points that both faces must have; with fewer there is no shape to speak of
GRID = 33  # the spline is worked out at so many places a side, and interpolated between them
SOFTNESS = 1e-3  # points need not get all the way: labels are not exact, and a softer spline folds less
# Around the picture, in chip sides; what is there stays where it is.
FRAME = np.array([(x, y) for x in (-0.1, 0.37, 0.63, 1.1) for y in (-0.1, 0.37, 0.63, 1.1) if {x, y} & {-0.1, 1.1}])


def reshaped(
    chips: torch.Tensor, points: torch.Tensor, shapes: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Move each face towards the shape of one of `shapes`, chosen at random, by a random part of the way.

    Args:
        chips: (N, 3, C, C) uint8.
        points: (N, K, 2) float, unit chip coordinates; NaN stays NaN.
        shapes: (M, K, 2) points of faces of any place, size and roll; NaN where there is no label.
        generator: on the CPU; everything random is drawn from it.

    Returns:
        (N, 3, C, C) uint8 and (N, K, 2) float. A face that shares fewer than `FEWEST` points with the shape that was
        chosen for it stays as it is.
    """
    chosen = torch.randint(len(shapes), (len(points),), generator=generator)
    part = MOST * torch.rand(len(points), generator=generator)  # (N,)
    cell = np.arange(GRID) / (GRID - 1)
    places = np.stack(np.meshgrid(cell, cell), axis=-1).reshape(-1, 2)  # (GRID², 2)
    fields = torch.zeros(len(points), 2, GRID, GRID)
    for i, (face, shape) in enumerate(zip(points.double().numpy(), shapes[chosen].double().numpy(), strict=True)):
        shared = np.isfinite(face).all(axis=1) & np.isfinite(shape).all(axis=1)  # (K,)
        if shared.sum() < FEWEST:
            continue
        here = face[shared]  # (L, 2)
        there = here + part[i].item() * (_laid_over(shape[shared], here) - here)  # (L, 2)
        field = spline(there, here - there, places)  # (GRID², 2)
        fields[i] = torch.from_numpy(field.T.reshape(2, GRID, GRID))
    field = F.interpolate(fields, size=chips.shape[-1], mode="bicubic", align_corners=True)  # (N, 2, C, C)
    return displaced(chips, points, field.to(chips.device))


def spline(at: np.ndarray, values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The thin-plate spline that is about `values` (L, 2) at the points `at` (L, 2) and 0 on `FRAME`, at `places`.

    Args:
        places: (P, 2).

    Returns:
        (P, 2) float64.
    """
    known = np.concatenate([at, FRAME])  # (L, 2), from here on with the frame's
    wanted = np.concatenate([values, np.zeros_like(FRAME)])
    bends = _bend(known, known) + SOFTNESS * np.eye(len(known))  # (L, L)
    flat = np.column_stack([np.ones(len(known)), known])  # (L, 3)
    system = np.block([[bends, flat], [flat.T, np.zeros((3, 3))]])
    weights = np.linalg.solve(system, np.concatenate([wanted, np.zeros((3, 2))]))  # (L + 3, 2)
    return np.column_stack([_bend(places, known), np.ones(len(places)), places]) @ weights


def _bend(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """r² log r² between every two points: (P, L)."""
    squared = ((one[:, None] - other[None]) ** 2).sum(axis=2)
    return squared * np.log(squared + 1e-9)


def _laid_over(shape: np.ndarray, face: np.ndarray) -> np.ndarray:
    """`shape` (L, 2), turned, scaled and moved to lie as closely as it can on `face` (L, 2)."""
    one, other = (points.view(np.complex128)[:, 0] for points in map(np.ascontiguousarray, (shape, face)))
    centred = one - one.mean()
    spread = np.vdot(centred, centred).real
    turn = np.vdot(centred, other) / spread if spread > 0 else 1.0
    laid = turn * centred + other.mean()
    return np.column_stack([laid.real, laid.imag])
