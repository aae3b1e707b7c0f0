"""The frame of a face of which only some points are labelled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fkd import DataError, load_scheme
from fkd.formats import LabelledFace
from fkd.framing import laid_upon, with_frames
from fkd.geometry import Crop, crop_from_points

SCHEME = load_scheme("kaggle15")
FACE = np.random.default_rng(0).uniform(-1, 1, (15, 2))


def placed(centre_xy: tuple[float, float], size_px: float, turn_deg: float = 0.0) -> np.ndarray:
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    return FACE @ (size_px * np.array([[c, s], [-s, c]])) + centre_xy


def face(points_xy: np.ndarray, labelled: tuple[int, ...] = tuple(range(15)), **known) -> LabelledFace:
    points = np.full((15, 2), np.nan)
    points[list(labelled)] = points_xy[list(labelled)]
    return LabelledFace(Path("photo.jpg"), points, "mine/photo", **known)


FULL = [face(placed((100 + 9 * i, 80), 30 + i)) for i in range(4)]


@pytest.mark.parametrize("labelled", [(0, 1), (3, 7, 11, 14), tuple(range(14))])
def test_the_frame_is_that_of_the_whole_face(labelled):
    whole = placed((300, 200), 55, turn_deg=20)
    *full, sparse = with_frames([*FULL, face(whole, labelled)], SCHEME)
    expected = crop_from_points(whole, SCHEME.crop_from_points)
    np.testing.assert_allclose(sparse.crop.center_xy, expected.center_xy, atol=1e-6)
    assert sparse.crop.size_px == pytest.approx(expected.size_px) and sparse.crop.roll_rad == 0
    assert all(one is other for one, other in zip(full, FULL, strict=True))  # they frame themselves


def test_labels_count_where_they_are_not_where_the_mean_has_them():
    odd = placed((300, 200), 55)
    odd[int(FACE[:, 0].argmax())] += (60, 0)
    sparse = with_frames([*FULL, face(odd, tuple(i for i in range(15) if i != FACE[:, 1].argmin()))], SCHEME)[-1]
    half = sparse.crop.size_px / SCHEME.crop_from_points.scale / 2
    assert sparse.crop.center_xy[0] + half > np.nanmax(odd[:, 0]) - 10


def test_what_frames_itself_stays_as_it_is():
    box, crop = np.array([0.0, 0, 50, 50]), Crop((48, 48), 96.0)
    sparse = face(placed((50, 50), 20), (0, 1, 2))
    faces = [*FULL, replace(sparse, box_xyxy=box), replace(sparse, crop=crop)]
    assert all(one is other for one, other in zip(with_frames(faces, SCHEME), faces, strict=True))


def test_faces_that_all_lack_the_same_points_are_the_whole_there_is():
    faces = [face(placed((50, 50 + i), 20), (2, 3, 4)) for i in range(3)]
    assert [one.crop for one in with_frames(faces, SCHEME)] == [None] * 3


def test_one_label_does_not_tell_how_large_a_face_is():
    with pytest.raises(
        DataError, match=r"“mine/photo” has too few labelled points \(1\) to tell how large the face is"
    ):
        with_frames([*FULL, face(placed((50, 50), 20), (6,))], SCHEME)


def test_no_faces_at_all():
    assert with_frames([], SCHEME) == []


def test_a_shape_is_moved_turned_and_scaled_but_not_mirrored():
    there = placed((40, 60), 7, turn_deg=-70)
    some = there.copy()
    some[5:] = np.nan
    np.testing.assert_allclose(laid_upon(FACE, some), there, atol=1e-9)
    assert np.abs(laid_upon(FACE * (-1, 1), there) - there).max() > 1
