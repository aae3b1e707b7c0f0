"""Several points at once: chosen with a box or one by one, dragged, nudged, confirmed, and let go of."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.editing_app import PLACES, editing_app

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

MOUTH = [5, 6, 7]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with editing_app(tmp_path_factory.mktemp("photo")) as running:
        yield running


@pytest.fixture
def editor(app, open_desktop, editor_on):
    editor = editor_on(open_desktop(app.url))
    editor.root.scroll_into_view_if_needed()
    return editor


def box(editor, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a box between two places of the image, with whatever keys are held."""
    editor.page.mouse.move(*editor.on_screen(start))
    editor.page.mouse.down()
    editor.page.mouse.move(*editor.on_screen(end), steps=4)
    editor.page.mouse.up()


def choose_mouth(editor) -> None:
    editor.page.keyboard.down("Shift")
    box(editor, (180, 230), (280, 300))
    editor.page.keyboard.up("Shift")


def chosen(editor) -> list[int]:
    nodes = editor.root.locator(".fkd-chosen").all()
    return [int(node.get_attribute("data-point")) for node in nodes]


def test_a_box_chooses_points_which_are_dragged_together(editor):
    choose_mouth(editor)
    assert chosen(editor) == MOUTH
    expect(editor.root.locator(".fkd-point-text")).to_contain_text("3 points selected")
    editor.drag(6, 40, -24)

    moved = editor.places() - PLACES
    shift = np.array([40, -24]) / editor.scale()
    np.testing.assert_allclose(moved[MOUTH], [shift] * 3, atol=0.5)
    np.testing.assert_allclose(moved[MOUTH], [moved[MOUTH[0]]] * 3, atol=0.011)  # their shape is kept
    assert (np.delete(moved, MOUTH, axis=0) == 0).all()
    editor.unsaved(3)
    editor.press("ControlOrMeta+z")
    np.testing.assert_array_equal(editor.places(), PLACES)
    editor.unsaved(0)


def test_arrows_nudge_them_and_a_held_key_is_one_step(editor):
    choose_mouth(editor)
    editor.press("Shift+ArrowUp")
    editor.page.keyboard.down("ArrowRight")
    editor.page.keyboard.down("ArrowRight")  # as a held key repeats
    editor.page.keyboard.up("ArrowRight")
    np.testing.assert_allclose((editor.places() - PLACES)[MOUTH], [[2, -10]] * 3, atol=0.01)
    editor.press("ControlOrMeta+z")
    np.testing.assert_allclose((editor.places() - PLACES)[MOUTH], [[0, -10]] * 3, atol=0.01)


def test_escape_clears_the_selection_and_keeps_the_photo_in_focus(editor):
    choose_mouth(editor)
    editor.press("Escape", "ArrowRight")
    assert chosen(editor) == []
    np.testing.assert_array_equal(editor.places(), PLACES)
    editor.press("Tab", "ArrowRight")
    assert editor.place(0) == (PLACES[0, 0] + 1, PLACES[0, 1])


def test_escape_in_mid_drag_puts_all_of_them_back(editor):
    choose_mouth(editor)
    x, y = editor.on_screen(editor.place(6))
    editor.page.mouse.move(x, y)
    editor.page.mouse.down()
    editor.page.mouse.move(x + 50, y, steps=3)
    assert editor.place(5) != tuple(PLACES[5])
    editor.press("Escape")
    editor.page.mouse.up()
    np.testing.assert_array_equal(editor.places(), PLACES)
    assert chosen(editor) == MOUTH


def test_shift_click_takes_points_in_and_out_and_keys_are_for_all_of_them(editor):
    editor.click(2)
    editor.page.keyboard.down("Shift")
    for index in (3, 4, 4):
        editor.click(index)
    editor.page.keyboard.up("Shift")
    assert chosen(editor) == [2, 3]
    editor.press("Enter")
    assert [editor.state(index) for index in (2, 3, 4)] == ["confirmed", "confirmed", "untouched"]
    editor.press("o")
    assert [editor.state(index) for index in (2, 3)] == ["occluded"] * 2
    editor.press("r")
    editor.unsaved(0)
    editor.click(4)
    assert chosen(editor) == []


def test_all_points_at_once_keep_their_shape_at_the_edge_of_reach(editor):
    editor.click(4)
    editor.press("ControlOrMeta+a")
    assert len(chosen(editor)) == len(PLACES)
    for _ in range(35):
        editor.press("Shift+ArrowUp")
    moved = editor.places()
    assert moved[:, 1].min() == pytest.approx(-0.5 - 0.25 * 600, abs=0.01)
    np.testing.assert_allclose(moved - moved[0], PLACES - PLACES[0], atol=0.011)


def test_dragging_another_point_lets_go_of_them(editor):
    choose_mouth(editor)
    editor.drag(0, -20, 0)
    assert chosen(editor) == []
    np.testing.assert_array_equal(editor.places()[1:], PLACES[1:])


def test_a_finger_chooses_with_the_tool_and_drags_them(app, open_phone, editor_on):
    phone = editor_on(open_phone(app.url))
    phone.root.locator(".fkd-photo").scroll_into_view_if_needed()
    phone.button("select").tap()
    expect(phone.root.locator(".fkd-hint")).to_contain_text("Drag a box round points")
    start, end = np.array(phone.on_screen((180, 230))), np.array(phone.on_screen((280, 300)))
    phone.touch("touchStart", tuple(start))
    for step in range(1, 6):
        phone.touch("touchMove", tuple(start + (end - start) * step / 5))
    phone.touch("touchEnd")
    assert chosen(phone) == MOUTH
    expect(phone.button("select")).to_have_attribute("aria-pressed", "false")
    x, y = phone.on_screen(phone.place(7))
    phone.touch("touchStart", (x, y))
    for step in range(1, 6):
        phone.touch("touchMove", (x + 5 * step, y))
    phone.touch("touchEnd")
    np.testing.assert_allclose((phone.places() - PLACES)[MOUTH], [[25 / phone.scale(), 0]] * 3, atol=0.5)
