"""The whole face moved, turned, scaled and mirrored: on purpose only, and as one step to undo."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.editing_app import FLIP_PAIRS, PLACES, editing_app

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with editing_app(tmp_path_factory.mktemp("photo")) as running:
        yield running


@pytest.fixture
def editor(app, open_desktop, editor_on):
    editor = editor_on(open_desktop(app.url))
    editor.root.scroll_into_view_if_needed()
    return editor


def drag_photo(editor, place: tuple[float, float], dx: float, dy: float) -> None:
    x, y = editor.on_screen(place)
    editor.page.mouse.move(x, y)
    editor.page.mouse.down()
    editor.page.mouse.move(x + dx, y + dy, steps=5)
    editor.page.mouse.up()


def turn_wheel(editor, delta: float, times: int) -> None:
    for _ in range(times):
        before = editor.point(0).get_attribute("data-x")
        editor.page.mouse.wheel(0, delta)
        expect(editor.point(0)).not_to_have_attribute("data-x", before)


def holding(editor, *keys: str):
    for key in keys:
        editor.page.keyboard.down(key)


def letting_go(editor, *keys: str):
    for key in keys:
        editor.page.keyboard.up(key)


def turned(points: np.ndarray, degrees: float, factor: float = 1.0) -> np.ndarray:
    """Turned about their mean, clockwise as seen."""
    angle, middle = np.radians(degrees), points.mean(axis=0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return middle + factor * (points - middle) @ turn.T


def test_alt_drag_moves_the_face_and_one_undo_takes_it_back(editor):
    editor.click(4)
    editor.press("Enter")
    holding(editor, "Alt")
    drag_photo(editor, (400, 100), 60, -36)  # from anywhere
    letting_go(editor, "Alt")
    np.testing.assert_allclose(editor.places() - PLACES, [np.array([60, -36]) / editor.scale()] * len(PLACES), atol=0.5)
    assert set(editor.states()) == {"moved"}
    expect(editor.root.locator(".fkd-hint")).to_contain_text("Ctrl+Z takes it back")
    editor.press("ControlOrMeta+z")
    np.testing.assert_array_equal(editor.places(), PLACES)
    assert editor.states()[4] == "confirmed" and editor.states().count("untouched") == len(PLACES) - 1


def test_it_does_not_move_by_accident(editor):
    view = editor.root.locator(".fkd-svg")
    drag_photo(editor, (230, 195), 40, 30)  # on the face, between its points: the view moves
    expect(view).not_to_have_attribute("viewBox", "-0.5 -0.5 512 600")
    holding(editor, "Alt")
    drag_photo(editor, (230, 195), 4, 4)  # a hand that trembles in a click
    letting_go(editor, "Alt")
    np.testing.assert_array_equal(editor.places(), PLACES)
    editor.unsaved(0)


def test_alt_wheel_turns_it_as_one_step_and_with_shift_scales_it(editor):
    editor.page.mouse.move(*editor.on_screen((400, 100)))
    holding(editor, "Alt")
    turn_wheel(editor, 100, times=5)
    letting_go(editor, "Alt")
    np.testing.assert_allclose(editor.places(), turned(PLACES, np.degrees(5 * 100 * 0.00035)), atol=0.02)
    editor.press("ControlOrMeta+z")
    np.testing.assert_array_equal(editor.places(), PLACES)
    expect(editor.button("undo")).to_be_disabled()

    holding(editor, "Alt", "Shift")
    turn_wheel(editor, -100, times=4)
    letting_go(editor, "Alt", "Shift")
    np.testing.assert_allclose(editor.places(), turned(PLACES, 0, np.exp(4 * 100 * 0.0003)), atol=0.02)
    assert editor.root.locator(".fkd-svg").get_attribute("viewBox") == "-0.5 -0.5 512 600"
    editor.press("ControlOrMeta+z")
    np.testing.assert_array_equal(editor.places(), PLACES)


def test_a_turn_ends_by_itself_and_the_next_is_another_step(editor):
    editor.click(4)
    holding(editor, "Alt")
    turn_wheel(editor, 100, times=1)
    expect(editor.root.locator(".fkd-hint")).to_contain_text("whole face was moved")  # the wheel rests
    turn_wheel(editor, 100, times=1)
    letting_go(editor, "Alt")
    twice = editor.places()
    editor.press("ControlOrMeta+z")
    np.testing.assert_allclose(editor.places(), turned(PLACES, np.degrees(100 * 0.00035)), atol=0.02)
    editor.press("ControlOrMeta+Shift+z")
    np.testing.assert_array_equal(editor.places(), twice)


def test_absent_points_go_along_and_stay_absent(editor):
    editor.click(7)
    editor.press("o", "o")
    assert editor.state(7) == "absent"
    editor.press("w", "Shift+ArrowRight", "Escape")
    np.testing.assert_allclose(editor.places()[:7] - PLACES[:7], [[10, 0]] * 7, atol=0.01)
    assert editor.state(7) == "absent"
    editor.press("ControlOrMeta+z")
    np.testing.assert_array_equal(editor.places(), PLACES)


def test_with_the_tool_one_finger_moves_it_and_two_turn_and_scale_it(app, open_phone, editor_on):
    phone = editor_on(open_phone(app.url))
    phone.root.locator(".fkd-photo").scroll_into_view_if_needed()
    phone.button("whole").tap()
    x, y = phone.on_screen((400, 300))
    phone.touch("touchStart", (x, y))
    for step in range(1, 6):
        phone.touch("touchMove", (x - 4 * step, y))
    phone.touch("touchEnd")
    shift = np.array([-20 / phone.scale(), 0])
    np.testing.assert_allclose(phone.places() - PLACES, [shift] * len(PLACES), atol=0.5)

    middle = np.array(phone.on_screen(tuple(phone.places().mean(axis=0))))
    before = phone.places()
    phone.touch("touchStart", tuple(middle - [40, 0]), tuple(middle + [40, 0]))
    for step in range(1, 7):
        arm = (40 + 4 * step) * np.array([np.cos(np.radians(5 * step)), np.sin(np.radians(5 * step))])
        phone.touch("touchMove", tuple(middle - arm), tuple(middle + arm))
    phone.touch("touchEnd")
    np.testing.assert_allclose(phone.places(), turned(before, 30, 64 / 40), atol=1.5)
    phone.button("undo").tap()
    np.testing.assert_array_equal(phone.places(), before)
    phone.button("undo").tap()
    np.testing.assert_array_equal(phone.places(), PLACES)


def test_flipping_swaps_the_names_and_leaves_the_places(editor):
    editor.click(0, button="right")
    editor.press("x")
    swapped = PLACES.copy()
    for one, other in FLIP_PAIRS:
        swapped[[one, other]] = PLACES[[other, one]]
    np.testing.assert_array_equal(editor.places(), swapped)
    assert editor.states() == ["moved", "occluded", "moved", "moved", "confirmed", "moved", "moved", "confirmed"]
    editor.button("undo").click()
    np.testing.assert_array_equal(editor.places(), PLACES)
    assert editor.states() == ["occluded", *["untouched"] * 7]
    editor.button("flip").click()
    editor.button("flip").click()
    np.testing.assert_array_equal(editor.places(), PLACES)
    assert editor.state(0) == "occluded"
