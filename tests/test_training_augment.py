"""Random views: whatever happens to a picture happens to its points."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fkd import load_scheme
from training import augment as augment_module
from training.augment import augment, plain_view

CHIP_PX, SIZE_PX = 154, 96


def dotted_chips(scheme, n: int, seed: int, sd_px: float = 2.5) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """Black chips (N, 3, C, C) with a blob where one labelled point is; the other points are NaN."""
    random = np.random.default_rng(seed)
    points = np.full((n, scheme.n_points, 2), np.nan, np.float32)
    index = random.integers(0, scheme.n_points, n).tolist()
    side = np.arange(CHIP_PX)
    chips = []
    for i, k in enumerate(index):
        points[i, k] = random.uniform(0.4, 0.6, 2)
        x, y = points[i, k] * CHIP_PX - 0.5
        blob = np.exp(-((side[None] - x) ** 2 + (side[:, None] - y) ** 2) / (2 * sd_px**2)) * 255
        chips.append(np.repeat(blob.round().astype(np.uint8)[None], 3, axis=0))
    return torch.from_numpy(np.stack(chips)), torch.from_numpy(points), index


def centre_of_brightness(crop: torch.Tensor) -> np.ndarray:
    """(2,) unit coordinates of the brightest spot's centre of mass."""
    mass = crop.mean(dim=0).double().numpy()
    y, x = np.unravel_index(mass.argmax(), mass.shape)
    side = np.arange(SIZE_PX)
    near = (side[:, None] - y) ** 2 + (side[None] - x) ** 2 < 11**2
    mass = (mass - np.median(mass)).clip(min=0) * near
    return np.array([(mass.sum(0) * (side + 0.5)).sum(), (mass.sum(1) * (side + 0.5)).sum()]) / mass.sum() / SIZE_PX


def views(scheme, n: int, seed: int):
    chips, points, index = dotted_chips(scheme, n, seed)
    return *augment(chips, points, scheme, SIZE_PX, torch.Generator().manual_seed(seed)), index


@pytest.mark.parametrize("name", ["ibug68", "kaggle15"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_dot_is_found_again_at_its_label(monkeypatch, name, seed):
    monkeypatch.setattr(augment_module, "_spoil", lambda crops, generator: crops)
    scheme = load_scheme(name)
    crops, points, index = views(scheme, 40, seed)
    mirrored = 0
    for crop, labels, k in zip(crops, points.numpy(), index, strict=True):
        (found,) = np.flatnonzero(np.isfinite(labels).all(axis=1))
        assert found in (k, scheme.flip_order[k])
        mirrored += found != k
        seen = centre_of_brightness(crop)
        np.testing.assert_allclose(seen * SIZE_PX, labels[found] * SIZE_PX, atol=0.05)
    assert 5 <= mirrored <= 35  # about half, less those on the face's middle line


def test_a_mirrored_face_is_a_proper_face_again():
    """The way round from the right eye over the left eye to the mouth is that of a face, mirrored or not."""
    scheme = load_scheme("kaggle15")
    names = ("right_eye_center", "left_eye_center", "mouth_center_top_lip")
    right, left, mouth = (scheme.names.index(name) for name in names)
    points = torch.full((60, 15, 2), torch.nan)
    points[:, right], points[:, left] = torch.tensor([0.4, 0.45]), torch.tensor([0.6, 0.45])
    points[:, mouth] = torch.tensor([0.5, 0.6])
    chips = torch.zeros((60, 3, CHIP_PX, CHIP_PX), dtype=torch.uint8)
    _, labels = augment(chips, points, scheme, SIZE_PX, torch.Generator().manual_seed(3))
    across, down = labels[:, left] - labels[:, right], labels[:, mouth] - labels[:, right]
    assert (across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0] > 0).all()


def test_bad_light_and_blur_do_not_move_the_points():
    crops, points, _ = views(load_scheme("kaggle15"), 80, seed=4)
    labels = torch.stack([p[torch.isfinite(p).all(dim=1)][0] for p in points]).numpy()
    off_px = np.array([centre_of_brightness(crop) for crop in crops]) - labels
    uncovered = np.linalg.norm(off_px, axis=1) * SIZE_PX < 1.5
    assert uncovered.mean() > 0.6  # the others are hidden by an occlusion
    assert np.abs(off_px[uncovered].mean(axis=0) * SIZE_PX).max() < 0.1


def test_crops_keep_their_range_and_vary():
    chips = torch.randint(0, 256, (16, 3, CHIP_PX, CHIP_PX), dtype=torch.uint8)
    crops, _ = augment(
        chips, torch.full((16, 15, 2), 0.5), load_scheme("kaggle15"), SIZE_PX, torch.Generator().manual_seed(0)
    )
    assert crops.shape == (16, 3, SIZE_PX, SIZE_PX)
    assert crops.min() >= 0 and crops.max() <= 255 and torch.isfinite(crops).all()
    assert crops.mean(dim=(1, 2, 3)).std() > 5


def test_some_crops_have_been_stored_as_jpeg_and_the_others_not(monkeypatch):
    chips = torch.randint(0, 256, (200, 3, CHIP_PX, CHIP_PX), dtype=torch.uint8)
    points, seen = torch.full((200, 15, 2), 0.5), []

    def spy(crops, quality):
        seen.append((crops, quality))
        return torch.zeros_like(crops)

    monkeypatch.setattr(augment_module, "recompressed", spy)
    crops, _ = augment(chips, points, load_scheme("kaggle15"), SIZE_PX, torch.Generator().manual_seed(0))
    ((stored, quality),) = seen
    assert stored.min() >= 0 and stored.max() <= 255, "last of all: light, noise and occlusions are done"
    share = (crops == 0).all(dim=(1, 2, 3)).float().mean()
    assert share == len(stored) / 200 == len(quality) / 200 == pytest.approx(0.3, abs=0.1)
    assert 20 <= quality.min() < 30 and 70 < quality.max() <= 80


def test_the_same_seed_gives_the_same_views():
    first, again, other = (views(load_scheme("kaggle15"), 8, seed)[:2] for seed in (5, 5, 6))
    for one, same in zip(first, again, strict=True):
        torch.testing.assert_close(one, same, rtol=0, atol=0, equal_nan=True)
    assert not torch.equal(first[0], other[0])


def test_chips_are_left_as_they_were():
    chips, points, _ = dotted_chips(load_scheme("kaggle15"), 4, seed=0)
    before = chips.clone(), points.clone()
    augment(chips, points, load_scheme("kaggle15"), SIZE_PX, torch.Generator().manual_seed(0))
    assert torch.equal(chips, before[0])
    torch.testing.assert_close(points, before[1], equal_nan=True)


def test_a_gradient_reaches_the_labels_past_missing_ones():
    scheme = load_scheme("kaggle15")
    chips, points, index = dotted_chips(scheme, 6, seed=7)
    shift = torch.zeros(15, 2, requires_grad=True)
    _, labels = augment(chips, points - shift, scheme, SIZE_PX, torch.Generator().manual_seed(7))
    torch.where(torch.isfinite(labels), labels, torch.zeros_like(labels)).square().sum().backward()
    assert torch.isfinite(shift.grad).all()
    assert sorted(set(shift.grad.abs().sum(dim=1).nonzero().flatten().tolist())) == sorted(set(index))


@pytest.mark.parametrize(("changes", "share"), [("flip", 0.5), ("none", 0.0)])
def test_without_the_other_changes_a_view_is_the_crop_or_its_mirror_image(changes, share):
    scheme = load_scheme("kaggle15")
    chips, points, _ = dotted_chips(scheme, 60, seed=4)
    plain, plain_points = plain_view(chips, points, SIZE_PX)
    crops, labels = augment(chips, points, scheme, SIZE_PX, torch.Generator().manual_seed(0), changes)
    mirrored = torch.tensor([not torch.allclose(a, b, atol=0.01) for a, b in zip(crops, plain, strict=True)])
    assert share - 0.2 <= mirrored.float().mean() <= share + 0.2
    torch.testing.assert_close(crops[mirrored], plain[mirrored].flip(3), atol=0.01, rtol=0)
    expected = torch.where(mirrored[:, None, None], plain_points[:, scheme.flip_order], plain_points)
    expected[mirrored, :, 0] = 1 - expected[mirrored, :, 0]
    torch.testing.assert_close(labels, expected, atol=1e-5, rtol=0, equal_nan=True)
