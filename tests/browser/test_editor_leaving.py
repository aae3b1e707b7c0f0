"""Another photo comes while points are not saved: nothing is lost unless the person says so."""

from __future__ import annotations

import pytest

expect = pytest.importorskip("playwright.sync_api").expect

pytestmark = pytest.mark.browser


@pytest.fixture
def editor(editor_app, open_desktop, editor_on):
    return editor_on(open_desktop(editor_app.url))


def choose(editor, name: str) -> None:
    """Open another document from outside the editor."""
    editor.page.get_by_role("button", name=name, exact=True).click()


def bar(editor):
    return editor.root.get_by_role("alert")


def faces(editor, count: int) -> None:
    expect(editor.root.locator("[data-face]")).to_have_count(count)


def start_saving(editor_app, editor) -> None:
    """Drag a point and save; the answer waits for the gate."""
    editor_app.gate.clear()
    editor.drag(10, 12, 0)
    editor.button("save").click()
    expect(editor.root.locator(".fkd-status")).to_contain_text("Saving")


@pytest.mark.parametrize("name", ["two", "nothing"])
def test_keep_editing_loses_nothing(editor_app, editor, name):
    editor.drag(2, 14, 9)
    editor.drag(3, 14, 9)
    moved = editor.place(2)
    choose(editor, name)
    expect(bar(editor)).to_contain_text("2 points in one.jpg are not saved.")
    editor.button("leave-keep").click()

    expect(bar(editor)).to_be_hidden()
    faces(editor, 1)
    editor.unsaved(2)
    assert editor.place(2) == moved
    editor.press("ControlOrMeta+z")
    editor.unsaved(1)
    editor.button("save").click()
    expect(editor.root.locator(".fkd-status")).to_have_text("Saved")
    assert [edit.doc_id for edit in editor_app.saves] == editor_app.kept == ["one"]
    choose(editor, "two")  # all is saved: no question
    faces(editor, 2)
    expect(bar(editor)).to_be_hidden()


def test_discard_goes_on_at_once(editor_app, editor):
    editor.drag(2, 14, 9)
    choose(editor, "two")
    expect(bar(editor)).to_contain_text("1 point in one.jpg is not saved.")
    faces(editor, 1)
    editor.button("leave-discard").click()
    faces(editor, 2)
    editor.unsaved(0)
    expect(editor.button("undo")).to_be_disabled()
    expect(bar(editor)).to_be_hidden()
    assert editor_app.saves == []


def test_discard_for_no_photo_shows_the_placeholder(editor):
    editor.drag(2, 14, 9)
    choose(editor, "nothing")
    editor.button("leave-discard").click()
    expect(editor.root.get_by_text("No photo yet")).to_be_visible()


def test_save_and_go_on_saves_every_changed_face_first(editor_app, editor):
    choose(editor, "two")
    faces(editor, 2)
    editor.root.scroll_into_view_if_needed()
    editor.drag(2, 14, 9)
    editor.button("next-face").click()
    editor.drag(30, 9, 9)
    choose(editor, "one")
    expect(bar(editor)).to_contain_text("2 points in two.jpg are not saved.")
    editor_app.gate.clear()
    editor.button("leave-save").click()
    expect(bar(editor)).to_contain_text("Saving 2 points in two.jpg before going on")
    faces(editor, 2)  # until both are saved
    editor_app.gate.set()
    faces(editor, 1)
    editor.unsaved(0)
    assert {(edit.doc_id, edit.face_id) for edit in editor_app.saves} == {("two", "a"), ("two", "b")}
    editor.drag(2, 5, 5)
    editor.button("save").click()
    expect(editor.root.locator(".fkd-status")).to_have_text("Saved")
    assert editor_app.saves[-1].doc_id == "one"


def test_a_save_that_fails_keeps_the_photo_and_asks_again(editor_app, editor):
    editor_app.refused.add(1)
    editor.drag(2, 14, 9)
    choose(editor, "two")
    editor.button("leave-save").click()
    expect(editor.page.get_by_text("refused 1")).to_be_visible()
    editor.page.locator(".toast-close").click()
    expect(bar(editor)).to_contain_text("1 point in one.jpg is not saved.")
    faces(editor, 1)
    editor.unsaved(1)
    editor.button("leave-save").click()
    faces(editor, 2)
    assert len(editor_app.saves) == 2


def test_a_photo_that_is_being_saved_is_left_when_it_is_saved(editor_app, editor):
    start_saving(editor_app, editor)
    choose(editor, "two")
    expect(bar(editor)).to_contain_text("Saving 1 point in one.jpg before going on")
    faces(editor, 1)
    editor_app.gate.set()
    faces(editor, 2)
    assert len(editor_app.saves) == 1


def test_what_was_dragged_since_the_save_is_asked_about(editor_app, editor):
    start_saving(editor_app, editor)
    choose(editor, "two")
    expect(bar(editor)).to_be_visible()
    editor.drag(20, 12, 0)
    editor_app.gate.set()
    expect(editor.page.get_by_label("said")).to_have_value("saved 1")
    editor.unsaved(1)
    faces(editor, 1)
    expect(bar(editor)).to_contain_text("1 point in one.jpg")


def test_an_answer_for_a_photo_that_was_left_does_not_bring_it_back(editor_app, editor):
    start_saving(editor_app, editor)
    choose(editor, "two")
    editor.button("leave-discard").click()
    faces(editor, 2)
    editor.drag(30, 12, 0)
    editor_app.gate.set()
    expect(editor.page.get_by_label("said")).to_have_value("saved 1")
    editor.press("ArrowRight")
    faces(editor, 2)
    editor.unsaved(1)


def test_on_a_phone_the_bar_comes_into_view(editor_app, open_phone, editor_on):
    phone = editor_on(open_phone(editor_app.url))
    phone.root.scroll_into_view_if_needed()
    phone.drag(34, 20, 20)
    choose(phone, "two")
    expect(bar(phone)).to_be_in_viewport(ratio=1)
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 360
    for button in bar(phone).locator("button").all():
        assert button.bounding_box()["height"] >= 36
    phone.button("leave-discard").tap()
    faces(phone, 2)
