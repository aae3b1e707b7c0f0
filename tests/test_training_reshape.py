"""Faces in each other's shapes: the points stay on what they mark, and go towards the other's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.test_training_warp import SIDE, blobs, centre
from training.reshape import FRAME, MOST, _laid_over, reshaped, spline

NAN = float("nan")
FACE = torch.tensor([[0.3, 0.3], [0.7, 0.3], [0.5, 0.45], [0.35, 0.65], [0.65, 0.65], [0.5, 0.8], [0.5, 0.62]])
LONG = FACE * torch.tensor([0.8, 1.25]) + torch.tensor([0.1, -0.12])


def turned(points: torch.Tensor, angle: float, size: float, shift: float) -> torch.Tensor:
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return (points - 0.5) @ turn.T * size + 0.5 + shift


def test_points_move_with_the_picture_towards_the_other_shape():
    points = FACE.expand(8, -1, -1).clone()
    other = turned(LONG, 0.7, 2.0, 3.0)[None]  # wherever it lies, only its shape counts
    pictures, moved = reshaped(blobs(points), points, other, torch.Generator().manual_seed(0))
    target = torch.from_numpy(_laid_over(other[0].double().numpy(), FACE.double().numpy())).float()
    way = target - FACE
    for picture, row in zip(pictures, moved, strict=True):
        part = ((row - FACE) * way).sum() / (way * way).sum()
        assert 0 < part < MOST and (row - FACE - part * way).norm(dim=1).max() < 0.02
        for point in row:
            assert (centre(picture[0], point) - point).norm() * SIDE < 1.2
    assert (moved - points).abs().amax(dim=(1, 2)).max() * SIDE > 2


def test_the_same_shape_elsewhere_changes_nothing():
    points = FACE[None]
    same, at = reshaped(blobs(points), points, turned(FACE, 0.5, 0.5, 1.0)[None], torch.Generator())
    assert torch.equal(same, blobs(points)) and at == pytest.approx(points, abs=1e-5)


def test_points_without_a_label_stay_so_and_the_others_still_lead():
    points, other = FACE[None].clone(), LONG[None].clone()
    points[0, 6], other[0, 6] = NAN, NAN
    picture, moved = reshaped(blobs(points.nan_to_num(2.0)), points, other, torch.Generator().manual_seed(1))
    assert moved[0, 6].isnan().all() and (moved[0, :6] - FACE[:6]).abs().max() * SIDE > 1
    other[0, 5] = NAN  # five are left: no shape
    picture, moved = reshaped(blobs(points.nan_to_num(2.0)), points, other, torch.Generator().manual_seed(1))
    assert torch.equal(moved[0, :6], FACE[:6]) and torch.equal(picture, blobs(points.nan_to_num(2.0)))


def test_the_spline_goes_through_its_points_and_is_still_on_the_frame():
    at = FACE.double().numpy()
    values = np.random.default_rng(0).normal(0, 0.02, at.shape)
    assert np.abs(spline(at, values, at) - values).max() < 0.006
    assert np.abs(spline(at, values, FRAME)).max() < 0.003
