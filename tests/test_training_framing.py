"""The frame of a face of which only some points are labelled."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fkd import load_scheme
from fkd.formats import LabelledFace
from fkd.geometry import Crop, crop_from_points
from training.framing import with_frames

SCHEME = load_scheme("kaggle15")
FACE = np.random.default_rng(0).uniform(-1, 1, (15, 2))
EVERY = tuple(range(15))


def placed(centre_xy: tuple[float, float], size_px: float, turn_deg: float = 0.0) -> np.ndarray:
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    return FACE @ (size_px * np.array([[c, s], [-s, c]])) + centre_xy


def face(points_xy: np.ndarray, labelled: tuple[int, ...] = EVERY, **known) -> LabelledFace:
    points = np.full((15, 2), np.nan)
    points[list(labelled)] = points_xy[list(labelled)]
    return LabelledFace(Path("photo.jpg"), points, "mine/photo", **known)


# Of all sizes, and one of them upside down, as rows of corrected photos may be.
FULL = [face(placed((100 + 9 * i, 80), 30 + 20 * i, 180 * (i == 1))) for i in range(4)]


@pytest.mark.parametrize("labelled", [(0, 1), (3, 7, 11, 14), tuple(range(14))])
def test_the_frame_is_that_of_the_whole_face(labelled):
    whole = placed((300, 200), 55, turn_deg=20)
    *full, sparse = with_frames([*FULL, face(whole, labelled)], SCHEME)
    expected = crop_from_points(whole, SCHEME.crop_from_points)
    np.testing.assert_allclose(sparse.crop.center_xy, expected.center_xy, atol=1e-6)
    assert sparse.crop.size_px == pytest.approx(expected.size_px) and sparse.crop.roll_rad == 0
    assert all(one is other for one, other in zip(full, FULL, strict=True))  # they frame themselves


def test_labels_count_where_they_are_not_where_the_mean_has_them():
    whole = placed((300, 200), 55)
    usual, odd = whole.copy(), whole.copy()
    odd[FACE[:, 0].argmax()] += (60, 0)
    labelled = tuple(i for i in EVERY if i != FACE[:, 1].argmin())
    usual, odd = (with_frames([*FULL, face(points, labelled)], SCHEME)[-1].crop for points in (usual, odd))
    assert odd.size_px > 1.2 * usual.size_px


def test_one_odd_face_that_has_every_label_is_not_what_the_others_are_framed_by():
    nearly = [replace(one, points_xy=np.where(np.arange(15)[:, None] == 4, np.nan, one.points_xy)) for one in FULL]
    odd = face(placed((50, 50), 20) * (1, 5))
    *_, sparse = with_frames([*nearly, odd, face(placed((300, 200), 55), (0, 1, 2, 3))], SCHEME)
    expected = crop_from_points(np.delete(placed((300, 200), 55), 4, axis=0), SCHEME.crop_from_points)
    assert sparse.crop.size_px == pytest.approx(expected.size_px, rel=0.15)


def test_what_frames_itself_stays_as_it_is():
    box, crop = np.array([0.0, 0, 50, 50]), Crop((48, 48), 96.0)
    sparse = face(placed((50, 50), 20), (0, 1, 2))
    faces = [*FULL, replace(sparse, box_xyxy=box), replace(sparse, crop=crop)]
    assert all(one is other for one, other in zip(with_frames(faces, SCHEME), faces, strict=True))


def test_faces_that_all_lack_the_same_points_are_the_whole_there_is():
    faces = [face(placed((50, 50 + i), 20), (2, 3, 4)) for i in range(3)]
    assert [one.crop for one in with_frames(faces, SCHEME)] == [None] * 3


def test_a_point_that_no_face_has_is_not_missed():
    full, sparse = [face(one.points_xy, tuple(range(14))) for one in FULL], face(placed((300, 200), 55), (3, 7, 11))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        crop = with_frames([*full, sparse], SCHEME)[-1].crop
    expected = crop_from_points(placed((300, 200), 55)[:14], SCHEME.crop_from_points)
    assert crop.size_px == pytest.approx(expected.size_px)


near = np.linalg.norm(FACE[:, None] - FACE[None], axis=2) + 9 * np.eye(15)
NEIGHBOURS = tuple(int(i) for i in np.unravel_index(near.argmin(), near.shape))


@pytest.mark.parametrize("labelled", [(6,), NEIGHBOURS])
def test_labels_that_do_not_tell_how_large_a_face_is_leave_it_as_it_is(labelled):
    sparse = face(placed((50, 50), 20), labelled)
    assert with_frames([*FULL, sparse], SCHEME)[-1] is sparse


def test_labels_on_one_spot_leave_a_face_as_it_is():
    sparse = face(np.full((15, 2), 30.0), (0, 1))
    assert with_frames([*FULL, sparse], SCHEME)[-1] is sparse


def test_no_faces_at_all():
    assert with_frames([], SCHEME) == []
