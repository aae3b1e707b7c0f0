"""A face that is none is removed, a save is taken back, and both can be undone."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.editing_app import editing_app

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser


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
    editor = editor_on(open_desktop(app.url))
    faces(editor, 2)
    editor.root.scroll_into_view_if_needed()
    return editor


def faces(editor, count: int) -> None:
    expect(editor.root.locator("[data-face]")).to_have_count(count)


def save(editor) -> None:
    editor.button("save").click()
    expect(editor.root.locator(".fkd-status")).to_have_text("Saved")


def test_a_removed_face_comes_back_with_its_edits(editor, app):
    editor.drag(4, 20, 10)
    moved = editor.place(4)
    editor.press("Shift+Delete")
    faces(editor, 1)
    editor.unsaved(0)
    assert editor.place(4)[0] > 300  # the other face
    editor.drag(4, 10, 0)
    save(editor)  # the answer still has the removed face in it
    faces(editor, 1)
    assert [row.face_id for row in app.server.rows] == ["b"]

    editor.press("ControlOrMeta+z", "ControlOrMeta+z")  # the drag, then the removal
    faces(editor, 2)
    assert editor.place(4) == moved
    editor.press("ControlOrMeta+z")
    editor.unsaved(1)  # of the other face, whose drag is saved and undone
    editor.press("ControlOrMeta+Shift+z", "ControlOrMeta+Shift+z")
    faces(editor, 1)
    assert app.server.undone == []


def test_removing_the_last_face_leaves_the_photo_and_can_be_undone(editor):
    editor.button("remove-face").click()
    editor.button("remove-face").click()
    faces(editor, 0)
    expect(editor.button("remove-face")).to_be_disabled()
    editor.button("undo").click()
    editor.button("undo").click()
    faces(editor, 2)
    editor.button("redo").click()
    faces(editor, 1)


def test_removing_a_saved_face_takes_its_save_back(editor, app):
    save(editor)
    editor.button("remove-face").click()
    expect(editor.root.locator(".fkd-hint")).to_contain_text("Face 1 removed, its save taken back")
    editor.press("ControlOrMeta+z")
    faces(editor, 2)
    expect(editor.root.locator(".fkd-status")).to_have_text("No changes")
    assert app.server.undone == ["a"]
    expect(editor.root.locator('[data-face="0"]')).to_have_attribute("data-saved", "false")
    save(editor)
    assert len(app.server.rows) == 2


def test_undo_save_keeps_the_points_and_the_save_before_counts_again(editor, app):
    expect(editor.button("undo-save")).to_be_hidden()
    editor.drag(4, 20, 10)
    save(editor)
    editor.drag(5, -20, 10)
    save(editor)
    shown = [editor.place(4), editor.place(5)]
    editor.button("undo-save").click()
    editor.unsaved(1)  # point 5; the save before has point 4
    expect(editor.root.locator(".fkd-status")).to_contain_text("1 point changed")
    editor.button("undo-save").click()
    editor.unsaved(2)
    expect(editor.button("undo-save")).to_be_hidden()
    expect(editor.root.locator('[data-face="0"]')).to_have_attribute("data-saved", "false")
    assert [editor.place(4), editor.place(5)] == shown
    assert app.server.undone == ["a", "a"]
    save(editor)
    np.testing.assert_allclose(app.server.rows[-1].points[[4, 5]], shown, atol=0.01)


def test_an_undo_that_is_refused_leaves_the_face_saved(editor, app):
    save(editor)
    app.server.known.clear()
    editor.button("undo-save").click()
    expect(editor.page.get_by_text("not known here")).to_be_visible()
    expect(editor.root.locator(".fkd-status")).to_have_text("Saved")
    expect(editor.button("undo-save")).to_be_visible()
