"""Faces cut out for training: chips, their points, and who is held out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

from fkd import ImageError, load_scheme
from fkd.formats import LabelledFace
from fkd.geometry import Crop, crop_from_box, crop_from_points, whole_image_crop
from tests.nets import dotted_faces
from training import dataset
from training.augment import plain_view
from training.dataset import CHIP_MARGIN, face_crop, is_held_out, make_face_set
from training.offsets import SourceOffset

SCHEME = load_scheme("kaggle15")


def face_at(points: np.ndarray, **values) -> LabelledFace:
    return LabelledFace(np.zeros((100, 100, 3), np.uint8), points, **({"group": "a"} | values))


def some_points() -> np.ndarray:
    return np.random.default_rng(0).uniform(20, 80, (15, 2))


def test_a_chip_holds_the_crop_in_its_middle_and_the_points_where_they_are():
    faces = dotted_faces(3)
    chips = make_face_set(faces, SCHEME, input_px=64)
    pixels = chips.chips[:]
    assert len(chips) == 3 and pixels.dtype == torch.uint8
    assert pixels.shape == (3, 3, round(64 * CHIP_MARGIN), round(64 * CHIP_MARGIN))
    for face, points in zip(faces, chips.points.double().numpy(), strict=True):
        crop = face_crop(face, SCHEME)
        np.testing.assert_allclose((points - 0.5) * CHIP_MARGIN + 0.5, crop.to_unit(face.points_xy), atol=1e-6)


def test_the_plain_view_of_a_chip_is_the_crop():
    face = dotted_faces(1)[0]
    chips = make_face_set([face], SCHEME, input_px=64)
    crops, points = plain_view(chips.chips[:], chips.points, 64)
    crop = face_crop(face, SCHEME)
    np.testing.assert_allclose(points[0], crop.to_unit(face.points_xy), atol=1e-5)
    for x, y in (points[0] * 64 - 0.5).round().long():  # every dot is bright where its point is
        assert crops[0, :, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].max() > 150


def test_a_missing_label_stays_missing():
    points = some_points()
    points[3] = np.nan
    chips = make_face_set([face_at(points)], SCHEME, 64)
    assert torch.isnan(chips.points[0]).all(dim=1).nonzero().flatten().tolist() == [3]


def test_sources_and_weights():
    faces = [face_at(some_points(), source=source) for source in ("b", "a", "b")]
    chips = make_face_set(faces, SCHEME, 64, weights=[1, 2, 0.5])
    assert chips.sources == ("b", "a") and chips.source.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(chips.weight, [1, 2, 0.5])
    np.testing.assert_array_equal(make_face_set(faces, SCHEME, 64).weight, [1, 1, 1])


def test_a_part_of_the_faces_knows_every_source():
    faces = [face_at(some_points(), source=source) for source in ("b", "a")]
    part = make_face_set(faces[1:], SCHEME, 64, sources=("b", "a"))
    assert part.sources == ("b", "a") and part.source.tolist() == [1]


def test_labels_are_shown_where_the_picture_has_them_whatever_the_first_pixel_is_called():
    """A face of half the size has pixels of twice the share of its chip."""
    large, small = (make_face_set([face_at(some_points() * size)], SCHEME, 64) for size in (1.0, 0.5))
    for faces in (large, small):
        torch.testing.assert_close(faces.points - faces.points_seen(2.0), (2.0 * faces.pixel[:, None]).expand(1, 15, 2))
    torch.testing.assert_close(small.pixel, 2.0 * large.pixel)
    chip_px = CHIP_MARGIN * face_crop(face_at(some_points()), SCHEME).size_px
    torch.testing.assert_close(large.pixel, torch.full((1, 2), 1.0 / chip_px))


@pytest.mark.parametrize("roll_deg", [15, 90, 180])
def test_the_first_pixel_is_to_the_left_and_above_in_the_photo_however_the_crop_is_turned(roll_deg):
    points = some_points()
    crop = crop_from_points(points, SCHEME.crop_from_points, math.radians(roll_deg))
    labelled, seen = (make_face_set([face_at(xy, crop=crop)], SCHEME, 64) for xy in (points + 0.9, points))
    torch.testing.assert_close(labelled.points_seen(0.9), seen.points)
    offset = SourceOffset(("only",), 15, 0.9)
    torch.testing.assert_close(offset(labelled.points, labelled.source, labelled.pixel), seen.points)


def test_one_photo_of_several_faces_is_read_once(tmp_path, monkeypatch):
    Image.fromarray(dotted_faces(1)[0].image).save(tmp_path / "a.png")
    read, really = [], dataset.read_image
    monkeypatch.setattr(dataset, "read_image", lambda image: read.append(image) or really(image))
    make_face_set([LabelledFace(tmp_path / "a.png", some_points(), "a") for _ in range(3)], SCHEME, 64)
    assert read == [tmp_path / "a.png"]


def test_pictures_are_read_from_their_files(tmp_path):
    face = dotted_faces(1)[0]
    Image.fromarray(face.image).save(tmp_path / "a.png")
    stored = LabelledFace(tmp_path / "a.png", face.points_xy, "a")
    from_file, from_memory = (make_face_set([one], SCHEME, 64).chips[:] for one in (stored, face))
    assert torch.equal(from_file, from_memory) and from_file.any()
    (tmp_path / "b.png").write_text("no picture")
    with pytest.raises(ImageError, match=r"b.png"):
        make_face_set([LabelledFace(tmp_path / "b.png", face.points_xy, "b")], SCHEME, 64)


def test_the_crop_is_the_data_sets_own_or_from_the_points_or_from_the_box():
    points, box = some_points(), np.array([10.0, 10, 90, 90])
    sparse = points.copy()
    sparse[4:] = np.nan
    own = whole_image_crop(96, 96)
    assert face_crop(face_at(points, crop=own, box_xyxy=box), SCHEME) == own
    assert face_crop(face_at(points, box_xyxy=box), SCHEME) == crop_from_points(points, SCHEME.crop_from_points)
    assert face_crop(face_at(sparse, box_xyxy=box), SCHEME) == crop_from_box(box, SCHEME.crop_from_box)
    assert face_crop(face_at(sparse), SCHEME) == crop_from_points(sparse, SCHEME.crop_from_points)


def test_a_rolled_crop_gives_an_upright_chip():
    face = dotted_faces(1)[0]
    crop = Crop((40.0, 40.0), 70.0, 0.6)
    chips = make_face_set([LabelledFace(face.image, face.points_xy, "a", crop=crop)], SCHEME, 64)
    expected = (crop.to_unit(face.points_xy) - 0.5) / CHIP_MARGIN + 0.5
    np.testing.assert_allclose(chips.points[0], expected, atol=1e-6)


def test_a_tenth_is_held_out_by_name_alone():
    faces = [face_at(some_points(), group=f"set/photo_{i}") for i in range(2000)]
    held = [face.group for face in faces if is_held_out(face)]
    assert 150 < len(held) < 250
    assert held == [face.group for face in reversed(faces) if is_held_out(face)][::-1]
    assert is_held_out(face_at(some_points(), group=held[0], source="other"))
