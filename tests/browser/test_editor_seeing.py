"""Seeing better: a dark photo made brighter, points out of the way, the least certain first, the list of all keys."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import fkd.ui.editor
from tests.browser.editing_app import CERTAINTY, NAMES, PLACES, editing_app

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


def shown(editor) -> str:
    return editor.root.locator(".fkd-photo-svg").evaluate("node => getComputedStyle(node).filter")


def test_keys_and_sliders_make_the_photo_brighter_and_reset_it(editor):
    slider = editor.root.locator('[data-light="brightness"]')
    editor.click(4)
    editor.press("b", "b", "Shift+k")
    assert shown(editor) == f"brightness({1.15**2:.5g}) contrast({1 / 1.15:.6g})"
    expect(slider).to_be_hidden()
    editor.button("light").click()
    expect(slider).to_have_value("0.4")
    slider.fill("1")
    assert shown(editor).startswith("brightness(2)")
    editor.button("reset-light").click()
    assert shown(editor) == "none"
    editor.press("Escape")
    expect(slider).to_be_hidden()
    editor.unsaved(0)


def test_points_are_hidden_while_the_key_or_the_button_is_held(editor):
    editor.click(4)
    editor.page.keyboard.down("h")
    expect(editor.point(4)).to_be_hidden()
    expect(editor.root.locator(".fkd-photo")).to_be_visible()
    editor.page.keyboard.up("h")
    expect(editor.point(4)).to_be_visible()

    button = editor.button("peek").bounding_box()
    editor.page.mouse.move(button["x"] + 10, button["y"] + 10)
    editor.page.mouse.down()
    expect(editor.point(4)).to_be_hidden()
    editor.page.mouse.move(5, 5)
    editor.page.mouse.up()
    expect(editor.point(4)).to_be_visible()


def walked(editor, key: str, count: int) -> list[str]:
    names = []
    for _ in range(count):
        editor.press(key)
        names.append(editor.root.locator(".fkd-point-text").text_content().split(" · ")[1])
    return names


def test_tab_walks_in_order_or_the_least_certain_first(editor):
    editor.click(0)
    assert walked(editor, "Tab", 3) == NAMES[1:4]
    editor.press("t")
    expect(editor.button("walk")).to_have_attribute("aria-pressed", "true")
    editor.click(5)  # the least certain
    by_certainty = [NAMES[index] for index in np.argsort(CERTAINTY)]
    assert walked(editor, "Tab", 7) == by_certainty[1:]
    assert walked(editor, "Shift+Tab", 7) == by_certainty[-2::-1]
    editor.press("Shift+Tab")
    assert not editor.page.evaluate("document.activeElement.classList.contains('fkd-stage')")


def test_the_next_photo_opens_as_the_last_one_was_fitted(editor):
    view = editor.root.locator(".fkd-svg")
    whole = view.get_attribute("viewBox")
    again = editor.page.get_by_role("button", name="open again")

    def opened_anew():
        editor.click(4)
        again.click()
        expect(editor.root.locator(".fkd-ring-selected")).to_be_hidden()  # nothing is selected in another photo

    editor.click(4)
    editor.press("+")
    opened_anew()
    expect(view).to_have_attribute("viewBox", whole)
    editor.click(4)
    editor.press("v")
    fitted = view.get_attribute("viewBox")
    assert fitted != whole
    editor.press("-")
    opened_anew()
    expect(view).to_have_attribute("viewBox", fitted)
    editor.button("next-face").click()  # the other face is gone to just so
    expect(view).not_to_have_attribute("viewBox", fitted)
    expect(editor.point(0)).to_be_in_viewport()
    editor.button("fit-photo").click()
    opened_anew()
    expect(view).to_have_attribute("viewBox", whole)


def test_colours_go_by_confidence_or_by_state_and_the_legend_says_which(editor):
    def colour(index):
        return editor.point(index).locator(".fkd-glyph").evaluate("node => getComputedStyle(node).fill")

    editor.click(4)
    editor.press("Enter", "Tab", "ArrowRight")
    assert len({colour(index) for index in range(len(PLACES))}) == len(PLACES)
    expect(editor.button("colours")).to_have_text("Colour: confidence")
    editor.press("c")
    expect(editor.button("colours")).to_have_text("Colour: state")
    assert len({colour(0), colour(4), colour(5)}) == 3 and colour(0) == colour(1)


def test_the_help_lists_every_key(editor):
    script = (Path(fkd.ui.editor.__file__).parent / "keys.js").read_text(encoding="utf-8")
    table = script[script.index("const KEY_ACTIONS") : script.index("const SHIFT_ACTIONS")]
    keys = set(re.findall(r"^ +'?([^ ':]+)'?: \(\)", table, flags=re.MULTILINE)) - {"="}  # the plus without Shift
    assert len(keys) > 15
    editor.button("help").click()
    listed = {text.lower() for text in editor.root.locator(".fkd-help kbd").all_text_contents()}
    assert {key.lower() for key in keys} <= listed
    assert {"shift b", "shift k", "shift delete", "ctrl z", "ctrl s", "ctrl a", "tab", "alt", "shift"} <= listed


def test_a_finger_takes_the_grip_below_a_point(app, open_phone, editor_on):
    phone = editor_on(open_phone(app.url))
    phone.root.locator(".fkd-photo").scroll_into_view_if_needed()
    grip = phone.root.locator(".fkd-grip circle")
    expect(grip).to_be_hidden()
    x, y = phone.on_screen(phone.place(4))
    phone.touch("touchStart", (x, y))
    phone.touch("touchEnd")
    held = grip.bounding_box()
    x, y = held["x"] + held["width"] / 2, held["y"] + held["height"] / 2
    below = y - phone.on_screen(phone.place(4))[1]
    assert 45 < below < 65
    phone.touch("touchStart", (x, y))
    for step in range(1, 6):
        phone.touch("touchMove", (x + 6 * step, y - 2 * step))
    expect(phone.root.locator(".fkd-loupe")).to_be_visible()
    phone.touch("touchEnd")
    expected = PLACES[4] + np.array([30, -10]) / phone.scale()
    np.testing.assert_allclose(phone.place(4), expected, atol=0.5)
    assert [phone.state(index) for index in (4, 7)] == ["moved", "untouched"]
