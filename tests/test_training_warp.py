"""Warps of corrected faces: the points stay on what they mark."""

from __future__ import annotations

import torch

from training.warp import warped

SIDE = 96


def blobs(points: torch.Tensor) -> torch.Tensor:
    """(N, 3, 96, 96) uint8 pictures with a soft bright spot at each of their points (N, K, 2)."""
    cell = (torch.arange(SIDE) + 0.5) / SIDE
    distance = (cell[None, None, None, :] - points[..., 0, None, None]).square() + (
        cell[None, None, :, None] - points[..., 1, None, None]
    ).square()
    spots = torch.exp(-distance * SIDE**2 / (2 * 2.0**2)).sum(dim=1, keepdim=True)  # (N, 1, 96, 96)
    return (spots.clamp(0, 1) * 250).to(torch.uint8).expand(-1, 3, -1, -1)


def centre(picture: torch.Tensor, near: torch.Tensor) -> torch.Tensor:
    """Centre of light within 7 px of a point, in unit coordinates."""
    cell = (torch.arange(SIDE) + 0.5) / SIDE
    y, x = torch.meshgrid(cell, cell, indexing="ij")
    light = picture.float() * (((x - near[0]) ** 2 + (y - near[1]) ** 2) < (7 / SIDE) ** 2)
    return torch.stack([(light * x).sum(), (light * y).sum()]) / light.sum()


def test_points_move_with_the_picture():
    points = torch.tensor([[0.25, 0.3], [0.7, 0.35], [0.5, 0.75]]).expand(6, -1, -1).clone()
    pictures, moved = warped(blobs(points), points, 0.04, torch.Generator().manual_seed(1))
    assert (moved - points).abs().mean() > 0.01  # about a pixel at least, or there is nothing to see
    for picture, row in zip(pictures, moved, strict=True):
        for point in row:
            assert (centre(picture[0], point) - point).norm() * SIDE < 1.0


def test_each_face_is_warped_in_its_own_way_and_no_label_stays_none():
    points = torch.tensor([[0.4, 0.4], [float("nan")] * 2]).expand(2, -1, -1).clone()
    _, moved = warped(blobs(points.nan_to_num(0.5)), points, 0.03, torch.Generator().manual_seed(0))
    assert (moved[0, 0] - moved[1, 0]).norm() > 0.005
    assert moved[:, 1].isnan().all()


def test_no_shift_is_the_same_picture():
    points = torch.tensor([[[0.3, 0.6]]])
    picture = blobs(points)
    same, at = warped(picture, points, 0.0, torch.Generator())
    assert torch.equal(same, picture) and torch.equal(at, points)
