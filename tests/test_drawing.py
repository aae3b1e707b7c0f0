"""The overlay: where it draws, in which colours, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fkd.drawing import draw_faces
from fkd.errors import ImageError
from tests.pictures import portrait

POINTS = np.array([(100.0, 100.0), (300.0, 100.0), (300.0, 300.0), (100.0, 300.0)])
EDGES = [(0, 1), (2, 3)]
BLUE, VERMILION, YELLOW = (86, 180, 233), (213, 94, 0), (240, 228, 66)


def grey(side: int = 400) -> np.ndarray:
    return np.full((side, side, 3), 128, np.uint8)


def drawn(*arguments, **options) -> np.ndarray:
    return np.asarray(draw_faces(*arguments, **options))


def test_points_and_lines_are_drawn_and_the_rest_is_left_alone():
    image = portrait()
    overlay = drawn(image, [POINTS], EDGES)
    assert overlay.shape == image.shape
    assert tuple(overlay[100, 100]) == BLUE
    assert tuple(overlay[100, 200]) == BLUE
    assert tuple(overlay[300, 200]) == BLUE
    changed = (overlay != image).any(axis=2)
    assert not changed[120:280].any(), "there is no line between the two edges"
    assert not changed[:85].any() and not changed[320:].any()
    np.testing.assert_array_equal(image, portrait())


def test_a_point_is_centred_on_its_pixel():
    changed = (drawn(grey(), [POINTS[:1]], [], boxes=[np.array([0, 0, 399, 399])]) != grey()).any(axis=2)[
        50:350, 50:350
    ]
    rows, columns = np.nonzero(changed)
    assert (rows.min() + rows.max()) / 2 + 50 == 100
    assert (columns.min() + columns.max()) / 2 + 50 == 100


def test_a_dark_outline_shows_on_white_and_a_bright_core_on_black():
    white, black = np.full((400, 400, 3), 255, np.uint8), np.zeros((400, 400, 3), np.uint8)
    assert drawn(white, [POINTS], EDGES)[80:120, 200].sum(axis=1).min() < 120
    assert tuple(drawn(black, [POINTS], EDGES)[100, 200]) == BLUE


def test_points_that_are_missing_are_left_out_with_their_lines():
    points = POINTS.copy()
    points[1, 1] = np.nan
    overlay = drawn(grey(), [points], EDGES)
    assert tuple(overlay[100, 100]) == BLUE
    assert tuple(overlay[100, 200]) == (128, 128, 128)
    assert tuple(overlay[300, 200]) == BLUE
    np.testing.assert_array_equal(overlay, drawn(grey(), [points], [(2, 3)]))
    np.testing.assert_array_equal(drawn(grey(), [np.full((4, 2), np.nan)], EDGES), grey())


def test_confidence_gives_the_colour_and_a_line_takes_its_doubtful_end():
    overlay = drawn(grey(), [POINTS], EDGES, confidence=[np.array([0.0, 1.0, 0.5, np.nan])])
    assert tuple(overlay[100, 100]) == VERMILION
    assert tuple(overlay[100, 300]) == BLUE
    assert tuple(overlay[100, 200]) == VERMILION
    assert tuple(overlay[300, 300]) == YELLOW
    assert tuple(overlay[300, 100]) == VERMILION


def test_a_larger_face_gets_thicker_lines():
    def thickness(scale: int) -> int:
        image = grey(400 * scale)
        return int((drawn(image, [POINTS * scale], EDGES) != image).any(axis=2)[:, 200 * scale].sum())

    assert thickness(1) < thickness(4) < 6 * thickness(1)


def test_boxes_and_several_faces():
    faces = [POINTS, POINTS * 0.5]
    overlay = drawn(grey(), faces, EDGES, boxes=[np.array([80.0, 80, 320, 320]), np.array([40.0, 40, 160, 160])])
    assert tuple(overlay[200, 80]) == (255, 255, 255)
    assert tuple(overlay[140, 40]) == (255, 255, 255)
    assert tuple(overlay[100, 100]) != (128, 128, 128)


def test_faces_that_reach_past_the_edge_or_lie_outside_do_not_fail():
    far, across = POINTS + 5000, POINTS - 200
    assert (
        tuple(drawn(grey(), [far, across], EDGES, boxes=[far[[0, 2]].ravel(), across[[0, 2]].ravel()])[100, 50]) == BLUE
    )


def test_no_faces_give_the_picture_back_as_a_pil_image():
    overlay = draw_faces(Image.fromarray(portrait()), [], EDGES)
    assert isinstance(overlay, Image.Image)
    np.testing.assert_array_equal(np.asarray(overlay), portrait())


def test_an_image_of_another_kind_is_refused():
    with pytest.raises(ImageError, match="uint8"):
        draw_faces(portrait().astype(float), [POINTS], EDGES)
