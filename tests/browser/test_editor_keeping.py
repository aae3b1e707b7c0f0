"""Unsaved points outlive a reload, a lost connection and a server that was restarted."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.browser.editing_app import editing_app

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

DRAFTS = "Object.keys(localStorage).filter(key => key.startsWith('fkd-draft:'))"
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with editing_app(tmp_path_factory.mktemp("photo")) as running:
        yield running


@pytest.fixture
def app(running):
    running.server.forget()
    return running


@pytest.fixture
def editor(app, open_desktop, editor_on):
    page = open_desktop(app.url)
    page.on("dialog", lambda dialog: dialog.accept())  # “leave this page?”
    return opened(editor_on(page))


def opened(editor):
    faces(editor, 2)
    editor.root.scroll_into_view_if_needed()
    return editor


def faces(editor, count: int) -> None:
    expect(editor.root.locator("[data-face]")).to_have_count(count)


def reload(editor, app, editor_on):
    editor.page.goto(app.url, wait_until="domcontentloaded")
    return editor_on(editor.page)


def save(editor) -> None:
    editor.button("save").click()
    expect(editor.root.locator(".fkd-status")).to_have_text("Saved", timeout=20_000)


def offer(editor):
    return editor.root.locator(".fkd-restore")


def lost(editor):
    return editor.root.locator(".fkd-lost")


def test_a_reload_offers_unsaved_points_and_gives_them_back(editor, app, editor_on):
    editor.drag(4, 20, 10)
    editor.click(5)
    editor.press("o", "Tab", "Enter")
    before = [(editor.place(index), editor.state(index)) for index in range(8)]
    editor = reload(editor, app, editor_on)
    expect(offer(editor)).to_contain_text("3 unsaved points of this photo from a moment ago.")
    editor.unsaved(0)  # offered, not done
    editor.button("restore").click()
    editor.unsaved(3)
    assert [(editor.place(index), editor.state(index)) for index in range(8)] == before
    expect(offer(editor)).to_be_hidden()
    editor.press("ControlOrMeta+z")
    editor.unsaved(0)
    editor.press("ControlOrMeta+Shift+z")
    save(editor)
    assert editor.page.evaluate(DRAFTS) == []
    expect(offer(reload(editor, app, editor_on))).to_be_hidden()


def test_points_only_are_kept_and_forgetting_forgets(editor, app, editor_on):
    editor.drag(4, 20, 10)
    (key,) = editor.page.evaluate(DRAFTS)
    kept = json.loads(editor.page.evaluate("key => localStorage.getItem(key)", key))
    assert set(kept) == {"time", "faces"} and set(kept["faces"][0]) == {"box", "points", "states"}
    assert len(json.dumps(kept)) < 1000 and "photo.jpg" not in key
    editor = reload(editor, app, editor_on)
    editor.button("forget").click()
    expect(offer(editor)).to_be_hidden()
    assert editor.page.evaluate(DRAFTS) == []


def test_undoing_everything_leaves_nothing_to_restore(editor):
    editor.drag(4, 20, 10)
    assert len(editor.page.evaluate(DRAFTS)) == 1
    editor.press("ControlOrMeta+z")
    assert editor.page.evaluate(DRAFTS) == []


def test_an_offer_outlives_edits_of_another_face(editor, app, editor_on):
    editor.drag(4, 20, 10)
    moved = editor.place(4)
    editor = opened(reload(editor, app, editor_on))
    editor.button("next-face").click()
    editor.drag(4, 10, 10)
    editor = opened(reload(editor, app, editor_on))
    expect(offer(editor)).to_contain_text("2 unsaved points")
    editor.button("restore").click()
    assert editor.place(4) == moved
    editor.unsaved(2)


def test_of_two_faces_that_overlap_the_right_one_gets_its_points_back(editor, app, editor_on):
    def both(editor):
        editor.page.get_by_role("button", name="open again").click()
        expect(editor.root.locator(".fkd-box").nth(1)).to_have_attribute("x", "200")
        return editor

    app.server.shifts["b"] = (25.0, 0.0)  # its box holds most of a's
    both(editor).button("next-face").click()
    before = editor.place(4)
    editor.drag(4, 20, 10)
    moved = editor.place(4)
    editor = both(reload(editor, app, editor_on))
    editor.button("restore").click()
    editor.unsaved(1)
    editor.button("next-face").click()
    assert editor.place(4) == moved != before


def test_old_and_too_many_drafts_go(editor, app, editor_on):
    editor.page.evaluate(
        """day => {
          for (let n = 0; n < 60; n += 1) {
            localStorage.setItem('fkd-draft:eight:' + n, JSON.stringify({ time: Date.now() - n * 60000, faces: [] }));
          }
          localStorage.setItem('fkd-draft:old', JSON.stringify({ time: Date.now() - 15 * day, faces: [] }));
          localStorage.setItem('fkd-draft:eight:images/abc.jpg', '{"time": 1');
          localStorage.setItem('another', 'stays');
        }""",
        DAY_MS,
    )
    editor = opened(reload(editor, app, editor_on))
    kept = editor.page.evaluate(DRAFTS)
    assert sorted(kept) == sorted(f"fkd-draft:eight:{number}" for number in range(50))
    assert editor.page.evaluate("localStorage.getItem('another')") == "stays"
    expect(offer(editor)).to_be_hidden()


def test_a_face_that_was_drawn_is_found_again_and_gets_its_points(editor, app, editor_on):
    editor.button("add-face").click()
    editor.page.mouse.move(*editor.on_screen((20, 380)))
    editor.page.mouse.down()
    editor.page.mouse.move(*editor.on_screen((130, 545)), steps=4)
    editor.page.mouse.up()
    faces(editor, 3)
    editor.drag(4, 15, 15)
    moved = editor.place(4)
    app.server.shifts.popitem()  # the server forgets it
    editor = opened(reload(editor, app, editor_on))
    editor.button("restore").click()
    faces(editor, 3)
    editor.unsaved(1)
    expect(editor.root.locator(".fkd-face-count")).to_have_text("3 / 3")
    np.testing.assert_allclose(editor.place(4), moved, atol=0.02)


def test_a_lost_connection_is_said_and_saving_works_when_it_is_back(editor, app):
    editor.drag(4, 20, 10)
    moved = editor.place(4)
    app.stop()
    expect(lost(editor)).to_contain_text("Connection lost. Your points are kept in this browser", timeout=30_000)
    editor.button("save").click()
    expect(editor.root.locator(".fkd-hint")).to_contain_text("Not saved: there is no connection")
    editor.drag(5, -20, 10)  # work goes on
    app.start()
    expect(lost(editor)).to_be_hidden(timeout=30_000)
    editor.unsaved(2)
    assert editor.place(4) == moved
    save(editor)
    np.testing.assert_allclose(app.server.rows[-1].points[4], moved, atol=0.01)


def test_after_a_lost_connection_the_page_is_reloaded_without_a_question(editor, app, editor_on):
    """As Gradio does it: once, and it does nothing any more if that is refused."""
    asked = []
    editor.page.on("dialog", lambda dialog: asked.append(dialog.type))
    editor.drag(4, 20, 10)
    moved = editor.place(4)
    app.stop()
    expect(lost(editor)).to_be_visible(timeout=30_000)
    app.start()
    expect(lost(editor)).to_be_hidden(timeout=30_000)
    editor = reload(editor, app, editor_on)
    assert asked == []
    editor.button("restore").click()
    np.testing.assert_allclose(editor.place(4), moved, atol=0.02)


def test_a_restarted_server_gets_the_photo_again_and_the_points_come_along(editor, app):
    editor.drag(4, 20, 10)
    moved = editor.place(4)
    editor.button("next-face").click()
    editor.button("remove-face").click()
    app.stop()
    app.start(forget=True)
    expect(lost(editor)).to_contain_text("was restarted and does not know this photo any more", timeout=30_000)
    editor.button("save").click()
    expect(editor.page.get_by_text("not known here")).to_be_visible(timeout=20_000)
    editor.unsaved(1)
    assert editor.place(4) == moved
    editor.page.get_by_role("button", name="open again").click()
    expect(lost(editor)).to_be_hidden(timeout=20_000)
    expect(editor.root.locator(".fkd-hint")).to_contain_text("Your unsaved points came along")
    faces(editor, 1)
    editor.unsaved(1)
    assert editor.place(4) == moved
    save(editor)
    assert app.server.rows[-1].face_id == "a"
