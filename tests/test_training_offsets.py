"""What sets labelling conventions apart, and how it is learnt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from fkd import load_scheme
from tests.nets import dotted_faces, tiny_net
from training.augment import augment
from training.config import FinetuneConfig, TrainConfig
from training.dataset import CHIP_MARGIN, make_face_set
from training.lesson import Lesson
from training.offsets import SourceOffset
from training.tune import fit_corrections

SCHEME = load_scheme("kaggle15")


def test_a_constant_shift_between_two_sources_is_learnt():
    random = torch.Generator().manual_seed(0)
    truth = torch.rand((40, 15, 2), generator=random)
    source, pixel = torch.arange(40) % 2, torch.full((40, 2), 0.01)
    shift = 0.02 * torch.randn((15, 2), generator=random)
    labels = truth + shift * source[:, None, None]
    offset = SourceOffset(("first", "second"), 15)
    optimiser = torch.optim.Adam([offset.others], lr=2e-3)
    for _ in range(100):
        optimiser.zero_grad()
        (offset(labels, source, pixel) - truth).norm(dim=-1).mean().backward()
        optimiser.step()
    torch.testing.assert_close(offset.others[0].detach(), shift, atol=2e-3, rtol=0)
    first = offset(labels, source, pixel)[source == 0]
    torch.testing.assert_close(first, truth[source == 0])  # it is left alone


def test_mirrored_pictures_give_away_where_pixels_are_counted_from():
    """Labels two pixels right and below, in photos of all sizes; a "network" that may take to any shift at all.

    Seen in the mirror a shift to the right is one to the left, which no network can follow.
    """
    random = torch.Generator().manual_seed(0)
    truth = 0.3 + 0.4 * torch.rand((48, 15, 2), generator=random)
    source, pixel = (
        torch.zeros(48, dtype=torch.long),
        1.0 / (50.0 + 250.0 * torch.rand((48, 1), generator=random)).expand(48, 2),
    )
    labels, chips = truth + 2.0 * pixel[:, None], torch.zeros((48, 3, 8, 8), dtype=torch.uint8)
    offset, taken = SourceOffset(("only",), 15), torch.zeros(15, 2, requires_grad=True)
    optimiser = torch.optim.Adam([{"params": [offset.origin_px], "lr": 0.1}, {"params": [taken], "lr": 5e-3}])
    for step in range(60):
        seen, labelled = (
            augment(chips, points, SCHEME, 8, torch.Generator().manual_seed(step), "flip")[1]
            for points in (truth, offset(labels, source, pixel))
        )
        optimiser.zero_grad()
        (seen + taken - labelled).norm(dim=-1).mean().backward()
        optimiser.step()
    assert offset.label_origin_px() == pytest.approx(2.0, abs=0.15)


def test_missing_labels_leave_the_shift_finite():
    offset = SourceOffset(("first", "second"), 15)
    labels = torch.full((2, 15, 2), torch.nan)
    labels[1, 3] = 0.5
    moved = offset(labels, torch.tensor([0, 1]), torch.full((2, 2), 0.01))
    torch.where(torch.isfinite(moved), moved, torch.zeros_like(moved)).sum().backward()
    assert torch.isfinite(offset.others.grad).all() and (offset.others.grad[0, 3] == -1).all()


def test_the_conventions_of_the_other_sources_are_told_in_sides_of_the_crop():
    sources = ["wild", "video", "wild", "drawn"]
    faces = make_face_set([replace(f, source=s) for f, s in zip(dotted_faces(4), sources, strict=True)], SCHEME, 64)
    offset = SourceOffset(("wild", "video", "drawn"), 15)
    with torch.no_grad():
        offset.others[0, 3] = torch.tensor([0.01, -0.02])  # in chips
        offset.origin_px[:] = torch.tensor([1.0, 1.0, 3.0])
    conventions = offset.conventions(faces)
    assert set(conventions) == {"video", "drawn"}
    assert conventions["video"][3] == (0.016, -0.032) and conventions["video"][4] == (0.0, 0.0)
    two_px = (
        2.0 * faces.pixel[3, 0].item() * CHIP_MARGIN
    )  # the crop's side is CHIP_MARGIN times smaller than the chip's
    np.testing.assert_allclose(conventions["drawn"], np.full((15, 2), two_px), atol=1e-5)
    assert all(round(value, 5) == value for shifts in conventions.values() for shift in shifts for value in shift)


def test_a_training_begins_with_what_the_one_before_learnt_of_a_convention():
    faces = make_face_set(
        [replace(f, source=s) for f, s in zip(dotted_faces(2), ["wild", "video"], strict=True)], SCHEME, 64
    )
    known = {"video": tuple((round(0.001 * i, 3), -0.02) for i in range(15)), "elsewhere": ((9.0, 9.0),) * 15}
    begun = SourceOffset(("wild", "video"), 15, 0.8, known)
    assert begun.conventions(faces) == {"video": known["video"]} and begun.label_origin_px() == 0.8
    lesson = Lesson(tiny_net(conventions=known), ("wild", "video"), TrainConfig())
    torch.testing.assert_close(lesson.offset.others, begun.others)


def test_a_lesson_takes_the_offsets_off_before_anything_turns_the_face():
    faces = make_face_set(dotted_faces(4), SCHEME, 64)
    net, config = tiny_net(), TrainConfig(augmentation="none")
    every = slice(None)
    lesson = Lesson(net, ("only",), config)
    shifted = faces.points + 3.0 * faces.pixel[:, None]
    view, known = (64, 0.1, torch.Generator()), (faces.source, faces.pixel)
    with torch.no_grad():
        plain = lesson(*view, faces.chips[every], faces.points, *known)
        wrong = lesson(*view, faces.chips[every], shifted, *known)
        lesson.offset.origin_px[:] = 3.0
        mended = lesson(*view, faces.chips[every], shifted, *known)
    assert mended == pytest.approx(plain.item(), rel=1e-5) and wrong != pytest.approx(plain.item(), rel=1e-3)


def test_only_matrices_decay_and_the_origin_is_fast():
    groups = Lesson(tiny_net(), ("first", "second"), TrainConfig(weight_decay=0.1)).optimiser().param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0, 0.0]
    assert all(p.dim() > 1 for p in groups[0]["params"]) and groups[2]["faster"] > groups[0]["faster"] == 1.0
    assert groups[2]["params"][0].shape == (2,)


def test_fine_tuning_takes_the_origin_off_its_labels():
    """Labels two pixels off teach a network that counts from two what true ones teach one that counts from nought."""
    faces = make_face_set(dotted_faces(6), SCHEME, 64)
    shifted = replace(faces, points=faces.points + 2.0 * faces.pixel[:, None])
    config = FinetuneConfig(steps=3, batch_size=4, lr=1e-3, device="cpu")
    plain = fit_corrections(tiny_net(), faces, faces, config)
    counting = fit_corrections(tiny_net(label_origin_px=2.0), shifted, shifted, config)
    wrong = fit_corrections(tiny_net(), shifted, shifted, config)
    difference, error = (
        max((a - b).abs().max().item() for a, b in zip(plain.parameters(), net.parameters(), strict=True))
        for net in (counting, wrong)
    )
    assert difference < 1e-4 < error
