"""Fix one, the rest settle: the browser's arithmetic against Python's, and what a person sees of it."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

import fkd.ui.editor
from fkd.settle import SettlePrior, settle
from fkd.ui.editor import packed_prior, point_lists

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect

pytestmark = pytest.mark.browser

SETTLE_JS = (Path(fkd.ui.editor.__file__).parent / "settle.js").read_text(encoding="utf-8")
IN_BROWSER = f"""([prior, faces]) => {{
  {SETTLE_JS}
  const read = readPrior(prior);
  return faces.map(({{predicted, spread, roll, placed}}) => settledPoints(read, predicted, spread, roll, placed));
}}"""


@pytest.mark.parametrize("n_points", [5, 68])
def test_the_browser_settles_as_python_does(chromium, n_points):
    random = np.random.default_rng(n_points)
    factor = random.normal(size=(2 * n_points, n_points))
    text = packed_prior(SettlePrior(factor @ factor.T + 0.5 * np.eye(2 * n_points)))
    triangle = np.frombuffer(base64.b64decode(text), "<f4").astype(np.float64)
    covariance = np.zeros((2 * n_points, 2 * n_points))
    covariance[np.tril_indices(2 * n_points)] = triangle
    prior = SettlePrior(covariance + np.tril(covariance, -1).T)

    faces, expected = [], []
    for share in (0.0, 0.02, 0.2, 0.5, 0.9, 1.0):
        predicted = random.uniform(0, 500, (n_points, 2))
        placed = predicted + random.normal(0, 10, (n_points, 2))
        placed[random.uniform(size=n_points) >= share] = np.nan
        predicted[random.uniform(size=n_points) < 0.05] = np.nan
        spread, roll = random.uniform(0.1, 3, n_points), random.uniform(-3, 3)
        expected.append(settle(prior, predicted, spread, roll, placed))
        faces.append(
            {"predicted": point_lists(predicted), "spread": spread.tolist(), "roll": roll,
             "placed": point_lists(placed)}
        )  # fmt: skip
    page = chromium.new_page()
    in_browser = page.evaluate(IN_BROWSER, [text, faces])
    page.close()
    for there, here in zip(in_browser, expected, strict=True):
        there = np.array([point or [np.nan, np.nan] for point in there])
        np.testing.assert_allclose(there, here, rtol=0, atol=1e-6)


@pytest.fixture
def editor(editor_app, open_desktop, editor_on):
    page = open_desktop(editor_app.url)
    editor = editor_on(page)
    page.get_by_role("button", name="settling", exact=True).click()
    expect(editor.button("settle")).to_be_visible(timeout=30_000)
    editor.root.scroll_into_view_if_needed()
    return editor


def shift(editor, index: int, before: tuple[float, float]) -> tuple[float, float]:
    after = editor.place(index)
    return after[0] - before[0], after[1] - before[1]


def test_the_rest_follows_while_a_point_is_dragged_and_one_undo_takes_it_all_back(editor):
    places = editor.places()
    x, y = editor.on_screen(places[5])
    editor.page.mouse.move(x, y)
    editor.page.mouse.down()
    editor.page.mouse.move(x + 20, y, steps=4)
    dragged = shift(editor, 5, places[5])
    assert dragged[0] == pytest.approx(20 / editor.scale(), abs=0.5)
    assert shift(editor, 40, places[40]) == pytest.approx((dragged[0] / 2, dragged[1] / 2), abs=0.02)
    editor.page.mouse.move(x + 40, y - 30, steps=4)
    editor.page.mouse.up()

    dragged = shift(editor, 5, places[5])
    assert shift(editor, 40, places[40]) == pytest.approx((dragged[0] / 2, dragged[1] / 2), abs=0.02)
    assert (editor.state(5), editor.state(40)) == ("moved", "settled")
    editor.unsaved(1)
    editor.press("Control+z")
    np.testing.assert_array_equal(editor.places(), places)
    assert editor.state(40) == "untouched"
    editor.press("Control+Shift+z")
    assert shift(editor, 40, places[40]) == pytest.approx((dragged[0] / 2, dragged[1] / 2), abs=0.02)


def test_escape_in_mid_drag_puts_everything_back(editor):
    places = editor.places()
    x, y = editor.on_screen(places[5])
    editor.page.mouse.move(x, y)
    editor.page.mouse.down()
    editor.page.mouse.move(x + 30, y + 30, steps=3)
    editor.press("Escape")
    editor.page.mouse.up()
    np.testing.assert_array_equal(editor.places(), places)
    editor.unsaved(0)


def test_what_a_person_placed_confirmed_or_marked_stays(editor):
    editor.drag(10, 25, 10)
    editor.click(20)
    editor.press("Enter")
    editor.click(30)
    editor.press("o")
    kept = {index: editor.place(index) for index in (10, 20, 30)}
    free = editor.place(40)
    editor.drag(50, -40, -20)

    assert {index: editor.place(index) for index in kept} == kept
    assert [editor.state(index) for index in (10, 20, 30, 50)] == ["moved", "confirmed", "occluded", "moved"]
    assert editor.place(40) != free
    editor.unsaved(4)


def test_nudges_settle_too_and_held_keys_are_one_step(editor):
    places = editor.places()
    editor.click(7)
    editor.page.keyboard.down("ArrowRight")
    editor.page.keyboard.down("ArrowRight")  # as a held key repeats
    editor.page.keyboard.up("ArrowRight")
    assert shift(editor, 7, places[7]) == pytest.approx((2, 0), abs=0.01)
    assert shift(editor, 8, places[8]) == pytest.approx((1, 0), abs=0.01)
    editor.press("Control+z")
    np.testing.assert_array_equal(editor.places(), places)


def test_a_settled_point_that_was_hidden_for_a_while_is_no_label(editor):
    editor.drag(10, 40, 0)
    editor.click(20)
    editor.press("o", "o")
    assert editor.state(20) == "absent"
    editor.press("o")
    assert editor.state(20) == "settled"


def test_the_switch_takes_settling_back_and_is_remembered(editor, editor_app, editor_on):
    untouched = editor.place(40)
    editor.drag(5, 30, 0)
    settled = editor.place(40)
    assert settled != untouched
    editor.page.keyboard.press("g")
    assert editor.place(40) == untouched and editor.state(40) == "untouched"
    expect(editor.button("settle")).to_have_attribute("aria-pressed", "false")
    editor.drag(15, 30, 0)
    assert editor.place(40) == untouched
    editor.press("Control+z", "Control+z")
    assert editor.place(40) == settled

    editor.page.once("dialog", lambda dialog: dialog.accept())
    editor.page.goto(editor_app.url)
    again = editor_on(editor.page)
    editor.page.get_by_role("button", name="settling", exact=True).click()
    expect(again.button("settle")).to_have_attribute("aria-pressed", "false")


def test_a_save_says_which_points_settled(editor, editor_app):
    editor.drag(5, 30, 0)
    editor.button("save").click()
    editor.unsaved(0)
    saved = editor_app.saves[-1]
    assert saved.states[5] == "moved" and set(saved.states[6:]) == {"settled"}
    assert saved.points[40] == pytest.approx(editor.place(40), abs=0.01)


def test_without_a_prior_nothing_settles(editor_app, open_desktop, editor_on):
    editor = editor_on(open_desktop(editor_app.url))
    expect(editor.button("settle")).to_be_hidden()
    other = editor.place(6)
    editor.drag(5, 30, 0)
    assert editor.place(6) == other and editor.state(6) == "untouched"
