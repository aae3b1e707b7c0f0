"""Whole pictures in, every face's keypoints out, whichever way up and however it was stored."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from fkd import FkdError, ImageError, KeypointPredictor, hub
from fkd.device import choose_device, memory_format, multiplies_bfloat16
from fkd.predictor import chance_close
from tests.nets import tiny_net
from tests.pictures import (
    PORTRAIT_LANDMARKS,
    PORTRAIT_PATH,
    TIGHT_BOX_XYXY,
    faceless,
    portrait,
    quarter_turned,
    resized,
    rotated,
    tile_of_nine,
)

EYE_DISTANCE_PX = float(np.linalg.norm(PORTRAIT_LANDMARKS[1] - PORTRAIT_LANDMARKS[0]))


def five_of(points: np.ndarray) -> np.ndarray:
    """The two eyes, the nose and the mouth's corners (5, 2) among iBUG's 68 points."""
    return np.stack([points[36:42].mean(axis=0), points[42:48].mean(axis=0), points[30], points[48], points[54]])


def assert_near(points: np.ndarray, expected_five: np.ndarray, share: float = 0.1) -> None:
    """Within 8 px of what was placed by hand, itself to a few pixels."""
    eyes_px = np.linalg.norm(expected_five[1] - expected_five[0])
    assert np.linalg.norm(five_of(points) - expected_five, axis=1).max() < share * eyes_px


def turned_points(points: np.ndarray, clockwise_deg: float, size: tuple[int, int], new: tuple[int, int]) -> np.ndarray:
    """Where points of a picture of `size` (w, h) are after it was turned about its middle onto one of size `new`."""
    c, s = math.cos(math.radians(clockwise_deg)), math.sin(math.radians(clockwise_deg))
    return (points - (np.array(size) - 1) / 2) @ np.array([[c, -s], [s, c]]).T + (np.array(new) - 1) / 2


def size_of(image: np.ndarray) -> tuple[int, int]:
    return image.shape[1], image.shape[0]


def test_one_portrait(predictor):
    (face,) = predictor(PORTRAIT_PATH)
    assert face.points.shape == (68, 2) and face.points.dtype == np.float64
    assert face.confidence.shape == (68,) and ((face.confidence >= 0) & (face.confidence <= 1)).all()
    assert face.box_xyxy.shape == (4,) and 0.5 < face.score <= 1
    assert_near(face.points, PORTRAIT_LANDMARKS)
    assert (face.points[8, 1] > face.points[48:, 1]).all()  # the chin is below the mouth


def test_every_way_to_hand_in_a_picture_gives_the_same(predictor):
    image = portrait()
    given = [PORTRAIT_PATH, str(PORTRAIT_PATH), PORTRAIT_PATH.read_bytes(), Image.fromarray(image), image]
    first, *others = predictor(given)
    for faces in others:
        np.testing.assert_allclose(faces[0].points, first[0].points, atol=0.01)


@pytest.mark.parametrize("degrees", [90, 180, 270, 40])
def test_a_turned_portrait(predictor, degrees):
    image = portrait()
    turned = rotated(image, degrees) if degrees % 90 else quarter_turned(image, degrees // 90)
    (face,) = predictor(turned)
    assert_near(face.points, turned_points(PORTRAIT_LANDMARKS, degrees, size_of(image), size_of(turned)))


def test_a_tile_of_nine_is_nine_faces_and_each_has_its_points(predictor):
    faces = predictor(tile_of_nine(240))
    expected = (PORTRAIT_LANDMARKS + 0.5) * 240 / 600 - 0.5
    assert len(faces) == 9
    for i, face in enumerate(faces):
        assert_near(face.points - [240 * (i % 3), 240 * (i // 3)], expected, share=0.1)


def test_a_batch_gives_what_one_by_one_gives(predictor):
    pictures = [quarter_turned(resized(portrait(), 300), 1), faceless(), tile_of_nine(150)]
    together = predictor(pictures)
    assert [len(faces) for faces in together] == [1, 0, 9]
    for picture, faces in zip(pictures, together, strict=True):
        for one, other in zip(predictor(picture), faces, strict=True):
            np.testing.assert_allclose(one.points, other.points, atol=0.01)
            np.testing.assert_allclose(one.confidence, other.confidence, atol=1e-3)


def test_the_size_of_the_batches_does_not_matter(predictor):
    image = tile_of_nine(150)
    small = KeypointPredictor(predictor.net, "cpu", batch_size=2)
    for one, other in zip(predictor(image), small(image), strict=True):
        np.testing.assert_allclose(one.points, other.points, atol=0.01)


def test_a_picture_without_a_face_has_none(predictor):
    assert predictor(faceless()) == []
    assert predictor([]) == []
    assert predictor([faceless(), np.zeros((40, 30, 3), np.uint8)]) == [[], []]


def test_a_picture_that_cannot_be_read_says_so(predictor, tmp_path):
    (tmp_path / "notes.jpg").write_text("no picture")
    with pytest.raises(ImageError, match=r"notes.jpg"):
        predictor(tmp_path / "notes.jpg")


@pytest.mark.parametrize(("orientation", "turns"), [(3, 2), (6, 3), (8, 1)])
def test_points_of_a_file_with_an_exif_orientation_are_those_of_the_upright_picture(
    predictor, tmp_path, orientation, turns
):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(quarter_turned(portrait(), turns))
    stored.save(tmp_path / "phone.png", exif=exif)
    (face,) = predictor(tmp_path / "phone.png")
    (upright,) = predictor(portrait())
    np.testing.assert_array_equal(face.points, upright.points)


def test_a_mirrored_picture_gives_mirrored_points(predictor):
    (face,) = predictor(portrait())
    (mirrored,) = predictor(np.ascontiguousarray(portrait()[:, ::-1]))
    back = mirrored.points[predictor.scheme.flip_order] * [-1, 1] + [511, 0]
    assert np.linalg.norm(back - face.points, axis=1).mean() < 0.04 * EYE_DISTANCE_PX


def test_the_scale_of_the_picture_scales_the_points(predictor):
    (face,) = predictor(portrait())
    (large,) = predictor(resized(portrait(), 1500))
    back = (large.points + 0.5) / 2.5 - 0.5
    assert np.linalg.norm(back - face.points, axis=1).mean() < 0.03 * EYE_DISTANCE_PX


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_the_face_in_a_drawn_box_is_read_whichever_way_up_it_is(predictor, turns):
    image = portrait()
    turned = quarter_turned(image, turns)
    corners = np.array(TIGHT_BOX_XYXY, float).reshape(2, 2)
    corners = turned_points(corners, 90 * turns, size_of(image), size_of(turned))
    box_xyxy = [*corners.min(axis=0), *corners.max(axis=0)]
    face = predictor.in_box(turned, box_xyxy)
    assert_near(face.points, turned_points(PORTRAIT_LANDMARKS, 90 * turns, size_of(image), size_of(turned)))
    np.testing.assert_allclose(face.box_xyxy, box_xyxy)
    assert math.isnan(face.score)


def test_a_drawn_box_may_reach_past_the_picture(predictor):
    face = predictor.in_box(portrait(), (-40, -60, 700, 800))
    assert np.isfinite(face.points).all() and np.isfinite(face.confidence).all()


@pytest.mark.parametrize("box_xyxy", [(200, 100, 100, 200), (100, 100, 100, 200), (math.nan, 0, 9, 9)])
def test_a_box_that_is_none_is_refused(predictor, box_xyxy):
    with pytest.raises(ImageError, match="A box is x0, y0, x1, y1 with x0 < x1"):
        predictor.in_box(portrait(), box_xyxy)


def test_a_hidden_face_is_less_certain(predictor):
    (face,) = predictor(portrait())
    hidden = portrait()
    hidden[240:340, 180:360] = 128  # everything below the nose
    covered = predictor.in_box(hidden, face.box_xyxy)
    assert covered.confidence[48:].mean() < face.confidence[48:].mean()


def test_confidence_is_the_chance_of_a_laplace_distributed_error():
    scale = np.array([1e-4, 0.0125, 0.025, 0.125])
    directions = np.random.default_rng(0).gamma(2.0, 1.0, (200_000, 1)) * scale  # the distance is Gamma(2, b)
    np.testing.assert_allclose(chance_close(scale), (directions < 0.05).mean(axis=0), atol=5e-3)


def test_confidence_goes_by_the_eye_distance_and_by_the_factor_stored_with_the_weights():
    predictor, stretched = (KeypointPredictor(tiny_net(scale_factor=factor), "cpu") for factor in (1.0, 1.5))
    points = np.zeros((15, 2))
    points[predictor.scheme.outer_eye_corners[0]] = [30.0, 40.0]  # 50 px from the other corner
    scale_px = np.linspace(0.5, 5.0, 15)
    np.testing.assert_allclose(predictor.confidence(points, scale_px), chance_close(scale_px / 50))
    np.testing.assert_allclose(stretched.confidence(points, scale_px), chance_close(1.5 * scale_px / 50))
    assert predictor.confidence(np.zeros((15, 2)), scale_px).max() < 1e-6, "no eyes to measure by"


def test_kaggles_fifteen_points(tmp_path):
    if "kaggle15" in hub.shipped_names():
        predictor = KeypointPredictor.from_pretrained("kaggle15", device="cpu")
        (face,) = predictor(PORTRAIT_PATH)
        named = dict(zip(predictor.scheme.names, face.points, strict=True))
        eyes = np.stack([named["right_eye_center"], named["left_eye_center"]])
        assert np.linalg.norm(eyes - PORTRAIT_LANDMARKS[:2], axis=1).max() < 0.12 * EYE_DISTANCE_PX
    else:
        tiny_net().save_pretrained(tmp_path / "mine")
        predictor = KeypointPredictor.from_pretrained(tmp_path / "mine", device="cpu")
        (face,) = predictor(PORTRAIT_PATH)
        assert predictor.version == "tiny-1"
    assert face.points.shape == (15, 2) and np.isfinite(face.points).all()


def test_points_are_placed_as_the_labels_were_whose_files_count_pixels_from_one(monkeypatch):
    for name in ("OFF_CENTRE", "OFF_SCALE", "OFF_ROLL_RAD"):  # no second look: it would be at another crop
        monkeypatch.setattr(f"fkd.predictor.{name}", 9.0)
    plain, counting = (KeypointPredictor(tiny_net(label_origin_px=origin), "cpu") for origin in (0.0, 1.0))
    image, box = resized(portrait(), 200), (40, 40, 130, 130)
    np.testing.assert_allclose(counting.in_box(image, box).points, plain.in_box(image, box).points + 1.0, atol=1e-9)


def test_the_network_is_asked_about_the_mirrored_crop_too():
    net = tiny_net()
    torch.nn.init.normal_(net.spread.weight, std=0.3)  # a fresh network is equally sure of every point
    predictor = KeypointPredictor(net, "cpu")
    crops = torch.rand((2, 3, 64, 64)) * 255
    points, scale = predictor.predict_crops(crops)
    mirrored, scale_mirrored = predictor.predict_crops(crops.flip(3))
    order = predictor.scheme.flip_order
    torch.testing.assert_close(mirrored[:, order] * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0]), points)
    torch.testing.assert_close(scale_mirrored[:, order], scale)


def test_devices():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(FkdError, match="no device “tpu”. Choose one of: auto, cpu, cuda, mps"):
        choose_device("tpu")


def test_a_device_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(FkdError, match="No cuda device is available"):
        choose_device("cuda")


def test_face_and_mirror_disagree_more_about_a_face_that_is_hidden(predictor):
    faces, hidden = predictor(portrait()), portrait()
    hidden[240:340, 180:360] = 128  # everything below the nose
    clear, covered = (float(predictor.mirror_disagreement(image, faces)[0]) for image in (portrait(), hidden))
    assert 0 < clear < 0.04  # about 2 % of the distance between the eyes
    assert covered > 1.5 * clear
    assert predictor.mirror_disagreement(portrait(), []).shape == (0,)


def test_a_face_and_its_mirror_image_are_as_hard_as_each_other(predictor):
    mirrored = np.ascontiguousarray(portrait()[:, ::-1])
    (face,) = predictor(portrait())
    flipped = face.points[predictor.scheme.flip_order] * [-1, 1] + [511, 0]  # the same crop, seen in a mirror
    one = predictor.mirror_disagreement(portrait(), [face])
    other = predictor.mirror_disagreement(mirrored, [replace(face, points=flipped)])
    np.testing.assert_allclose(one, other, rtol=0.05)
    both = np.concatenate([portrait(), mirrored], axis=1)
    two = [face, replace(face, points=flipped + [512, 0])]
    np.testing.assert_allclose(predictor.mirror_disagreement(both, two), [*one, *other], rtol=0.1)


def test_pictures_lie_channels_last_but_not_on_apples_gpus():
    # where what is learned from them in that order is wrong, up to torch 2.13 at least
    assert memory_format(torch.device("mps")) is torch.contiguous_format
    assert memory_format(torch.device("cuda", 0)) is memory_format(torch.device("cpu")) is torch.channels_last


@pytest.mark.parametrize(
    "capabilities, device, answer",
    [
        ({"amx_bf16": True}, "cpu", True),
        ({"amx_bf16": True}, "cuda", False),
        ({"avx512_bf16": True}, "cpu", False),  # it multiplies vectors with it, which does not make up for the rest
        (None, "cpu", False),  # a PyTorch that cannot say
    ],
)
def test_bfloat16_is_for_cpus_that_multiply_matrices_of_it(capabilities, device, answer, monkeypatch):
    if capabilities is None:
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    else:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert multiplies_bfloat16(torch.device(device)) is answer
