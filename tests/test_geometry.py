"""Where points land in crops, and where crop pixels lie in the image: to a small part of a pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fkd.geometry import (
    Crop,
    box_of_points,
    crop_from_box,
    crop_from_points,
    cut,
    image_tensor,
    roll_of_points,
    sample,
    whole_image_crop,
)
from fkd.schemes import Framing, load_scheme

CROPS = [
    Crop((100.0, 80.0), 96.0),
    Crop((-30.25, 512.75), 333.3, math.radians(33)),
    Crop((4000.5, 3000.125), 2000.0, math.radians(-171)),
]
UPRIGHT = np.array([[0.0, 0.0], [60.0, 4.0], [30.0, 50.0], [12.0, 90.0], [55.0, 95.0]])


def image_with_blob(width: int, height: int, at_xy: tuple[float, float], sd_px: float) -> torch.Tensor:
    """(3, H, W) uint8: a gaussian blob on black."""
    x, y = np.arange(width), np.arange(height)[:, None]
    blob = 255 * np.exp(-((x - at_xy[0]) ** 2 + (y - at_xy[1]) ** 2) / (2 * sd_px**2))
    return torch.from_numpy(blob.round().astype(np.uint8)).expand(3, -1, -1)


def centre_of_mass(crop: torch.Tensor) -> np.ndarray:
    """(2,) x and y in crop pixels, the centre of the first at 0."""
    mass = crop.mean(dim=0).double().numpy()
    side = np.arange(mass.shape[0])
    return np.array([(mass.sum(axis=0) * side).sum(), (mass.sum(axis=1) * side).sum()]) / mass.sum()


def turned(points: np.ndarray, roll_rad: float, about: tuple[float, float]) -> np.ndarray:
    """The points turned clockwise on screen."""
    c, s = math.cos(roll_rad), math.sin(roll_rad)
    return (points - about) @ np.array([[c, -s], [s, c]]).T + about


@pytest.mark.parametrize("crop", CROPS)
def test_points_come_back_from_the_crop_where_they_were(crop):
    points = np.random.default_rng(0).uniform(-500, 5000, (4, 68, 2))
    points[1, 3] = np.nan
    back = crop.to_image(crop.to_unit(points))
    np.testing.assert_allclose(back, points, rtol=0, atol=1e-9)
    assert np.isnan(back[1, 3]).all() and np.isnan(back).sum() == 2


def test_corners_of_a_crop_are_the_outer_edges_of_its_pixels():
    crop = whole_image_crop(96, 96)
    corners = crop.to_image(np.array([[0, 0], [1, 1], [0.5, 0.5]]))
    np.testing.assert_allclose(corners, [[-0.5] * 2, [95.5] * 2, [47.5] * 2])
    assert whole_image_crop(40, 60) == Crop((19.5, 29.5), 60.0)


def test_roll_turns_the_crop_clockwise_on_screen():
    crop = Crop((10.0, 20.0), 8.0, math.radians(90))
    np.testing.assert_allclose(crop.to_image(np.array([[1.0, 0.5], [0.5, 1.0]])), [[10, 24], [6, 20]])


def test_a_crop_at_the_images_own_resolution_is_the_image():
    image = torch.randint(0, 256, (3, 96, 96), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    whole = cut(image, [whole_image_crop(96, 96)], 96)
    torch.testing.assert_close(whole[0], image.float(), rtol=0, atol=0.02)
    assert whole.dtype == torch.float32
    (part,) = cut(image, [Crop((39.5, 49.5), 32.0)], 32)  # pixels 24 … 55 by 34 … 65
    torch.testing.assert_close(part, image[:, 34:66, 24:56].float(), rtol=0, atol=0.02)


@pytest.mark.parametrize("factor", [2, 5])
def test_a_crop_at_a_whole_fraction_of_the_resolution_is_the_mean_of_its_pixels(factor):
    side = 32 * factor
    image = torch.randint(0, 256, (3, side, side), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    cells = image.float().view(3, 32, factor, 32, factor).mean(dim=(2, 4))
    torch.testing.assert_close(cut(image, [whole_image_crop(side, side)], 32)[0], cells, rtol=0, atol=0.02)


@pytest.mark.parametrize("size_px", [96, 128])
@pytest.mark.parametrize("roll_deg", [0, 27, -140])
@pytest.mark.parametrize(
    ("side_px", "centre_xy", "at_xy"),
    [
        (40.0, (200.3, 150.7), (205.25, 143.6)),  # enlarged
        (110.0, (200.3, 150.7), (221.37, 171.81)),
        (200.0, (200.3, 150.7), (251.37, 121.81)),
        (270.0, (200.3, 150.7), (151.9, 201.2)),  # averaged by 2
        (650.0, (200.3, 150.7), (300.7, 199.3)),  # averaged by 5, larger than the image
        (300.0, (40.0, 20.0), (61.2, 55.4)),  # partly outside, left and top
        (520.0, (380.0, 270.0), (340.3, 250.9)),  # partly outside, right and bottom
    ],
)
def test_a_blob_lands_where_its_centre_does(size_px, roll_deg, side_px, centre_xy, at_xy):
    crop = Crop(centre_xy, side_px, math.radians(roll_deg))
    sd_px = max(2.0, 1.6 * side_px / size_px)
    image = image_with_blob(403, 302, at_xy, sd_px)
    (seen,) = cut(image, [crop], size_px)
    expected = crop.to_unit(np.array(at_xy)) * size_px - 0.5
    np.testing.assert_allclose(centre_of_mass(seen), expected, rtol=0, atol=0.05)


@pytest.mark.parametrize("side_px", [48.0, 96.0])
def test_a_single_bright_pixel_lands_where_it_is(side_px):
    image = torch.zeros((3, 60, 70), dtype=torch.uint8)
    image[:, 41, 23] = 255
    crop = Crop((30.0, 35.0), side_px, math.radians(10))
    (seen,) = cut(image, [crop], 192)
    expected = crop.to_unit(np.array([23.0, 41.0])) * 192 - 0.5
    np.testing.assert_allclose(centre_of_mass(seen), expected, rtol=0, atol=0.05)


@pytest.mark.parametrize(("side_px", "size_px"), [(96, 96), (96, 128), (192, 96), (500, 96), (333, 128)])
@pytest.mark.parametrize("edge", ["left", "right", "top", "bottom"])
def test_the_image_ends_half_a_pixel_outside_its_last_pixel(side_px, size_px, edge):
    width, height = 701, 603
    image = torch.full((3, height, width), 255, dtype=torch.uint8)
    centre = {"left": (-0.5, 300), "right": (700.5, 300), "top": (350, -0.5), "bottom": (350, 602.5)}[edge]
    (seen,) = cut(image, [Crop(centre, float(side_px))], size_px)
    share = seen.mean().item() / 255  # half of the crop is image
    assert share * size_px == pytest.approx(size_px / 2, abs=0.05)
    near = {"left": seen[0, :, -1], "right": seen[0, :, 0], "top": seen[0, -1], "bottom": seen[0, 0]}[edge]
    assert (near > 254.99).all()


def test_pixels_that_may_not_be_written_to_are_copied(recwarn):
    mine = np.zeros((4, 5, 3), np.uint8)
    assert image_tensor(mine).data_ptr() == mine.ctypes.data
    mine.flags.writeable = False
    assert image_tensor(mine).shape == (3, 4, 5) and not recwarn.list


def test_a_crop_beside_the_image_is_black_and_no_crops_are_no_pixels():
    image = torch.full((3, 40, 50), 255, dtype=torch.uint8)
    assert cut(image, [Crop((500.0, 20.0), 60.0)], 32).abs().sum() == 0
    assert cut(image, [], 32).shape == (0, 3, 32, 32)


def test_crops_of_one_image_do_not_depend_on_each_other():
    image = image_with_blob(200, 150, (80.0, 70.0), 5.0)
    crops = [Crop((80.0, 70.0), 60.0), Crop((90.0, 60.0), 250.0, 1.0)]
    both = cut(image, crops, 64)
    for seen, crop in zip(both, crops, strict=True):
        torch.testing.assert_close(seen, cut(image, [crop], 64)[0], rtol=0, atol=0)


def test_sampling_many_images_uses_each_ones_own_matrix():
    images = torch.stack([image_with_blob(64, 64, (20.0, 30.0), 3.0), image_with_blob(64, 64, (40.0, 25.0), 3.0)])
    crops = [Crop((22.0, 31.0), 30.0, 0.4), Crop((38.0, 27.0), 40.0, -0.7)]
    matrices = torch.from_numpy(np.stack([crop.matrix() for crop in crops])).float()
    seen = sample(images.float(), matrices, 48)
    for one, crop, at in zip(seen, crops, [(20.0, 30.0), (40.0, 25.0)], strict=True):
        expected = crop.to_unit(np.array(at)) * 48 - 0.5
        np.testing.assert_allclose(centre_of_mass(one), expected, rtol=0, atol=0.05)


def test_the_box_of_points_leaves_out_missing_ones():
    points = np.vstack([UPRIGHT, [np.nan, np.nan]])
    np.testing.assert_array_equal(box_of_points(points), [0, 0, 60, 95])
    with pytest.raises(ValueError, match="all missing"):
        box_of_points(points[-1:])


def test_a_framing_scales_the_box_and_shifts_along_the_face():
    framing = Framing(scale=1.5, shift_xy=(0.1, -0.2))
    box_xyxy = (10, 20, 50, 110)  # 40 by 90: the root of its area is 60
    crop = crop_from_box(box_xyxy, framing)
    np.testing.assert_allclose([*crop.center_xy, crop.size_px], [30 + 6, 65 - 12, 90])
    on_its_side = crop_from_box(box_xyxy, framing, math.radians(90))
    np.testing.assert_allclose([*on_its_side.center_xy, on_its_side.size_px], [30 + 12, 65 + 6, 90])


def test_points_are_framed_by_the_longer_side_of_their_box():
    crop = crop_from_points(np.array([[10.0, 20.0], [50.0, 110.0], [30.0, 30.0]]), Framing(1.5, (0.1, -0.2)))
    np.testing.assert_allclose([*crop.center_xy, crop.size_px], [30 + 9, 65 - 18, 135])


@pytest.mark.parametrize("roll_deg", [0, 15, 90, -135])
@pytest.mark.parametrize("scheme", ["ibug68", "kaggle15"])
def test_a_rolled_face_is_framed_like_the_upright_one(roll_deg, scheme):
    framing, roll = load_scheme(scheme).crop_from_points, math.radians(roll_deg)
    upright = crop_from_points(UPRIGHT, framing)
    crop = crop_from_points(turned(UPRIGHT, roll, (200.0, 90.0)), framing, roll)
    np.testing.assert_allclose(crop.center_xy, turned(np.array(upright.center_xy), roll, (200.0, 90.0)), atol=1e-9)
    assert crop.size_px == pytest.approx(upright.size_px) and crop.roll_rad == roll
    np.testing.assert_allclose(crop.to_unit(turned(UPRIGHT, roll, (200.0, 90.0))), upright.to_unit(UPRIGHT), atol=1e-9)


def test_a_tiny_face_still_has_a_crop_of_a_pixel():
    assert crop_from_points(np.zeros((4, 2)), Framing(1.3, (0.0, 0.0))).size_px == 1.0


@pytest.mark.parametrize("roll_deg", [0, 40, 90, -170])
@pytest.mark.parametrize("name", ["ibug68", "kaggle15"])
def test_the_eyes_tell_the_roll(name, roll_deg):
    scheme = load_scheme(name)
    points = np.random.default_rng(0).uniform(0, 100, (scheme.n_points, 2))
    points[list(scheme.image_left_eye)] = [30, 40]
    points[list(scheme.image_right_eye)] = [70, 40]
    roll = roll_of_points(turned(points, math.radians(roll_deg), (3.0, 4.0)), scheme)
    assert math.degrees(roll) == pytest.approx(roll_deg)


def test_without_an_eye_there_is_no_roll(recwarn):
    scheme = load_scheme("kaggle15")
    points = np.random.default_rng(0).uniform(0, 100, (15, 2))
    points[list(scheme.image_left_eye[1:])] = np.nan
    assert math.isfinite(roll_of_points(points, scheme))  # what is left of the eye will do
    points[scheme.image_left_eye[0]] = np.nan
    assert math.isnan(roll_of_points(points, scheme)) and not recwarn.list
