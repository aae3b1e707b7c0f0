"""The keypoint editor alone, in a real Chromium: gestures, keys, merging with the server's answers."""

from __future__ import annotations

import numpy as np
import pytest

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect

pytestmark = pytest.mark.browser


@pytest.fixture
def editor(editor_app, open_desktop, editor_on):
    return editor_on(open_desktop(editor_app.url))


def show(editor, name: str, faces: int = 1) -> None:
    editor.page.get_by_role("button", name=name, exact=True).click()
    expect(editor.root.locator("[data-face]")).to_have_count(faces)
    editor.root.scroll_into_view_if_needed()


def test_points_sit_on_the_centres_of_pixels(editor):
    assert editor.root.locator(".fkd-svg").get_attribute("viewBox") == "-0.5 -0.5 512 600"
    glyph = editor.point(17).bounding_box()
    centre = (glyph["x"] + glyph["width"] / 2, glyph["y"] + glyph["height"] / 2)
    assert centre == pytest.approx(editor.on_screen(editor.place(17)), abs=0.1)


@pytest.mark.parametrize("zoomed", [False, True])
def test_a_drag_moves_the_point_by_what_the_mouse_moved(editor, zoomed):
    if zoomed:
        editor.zoom_in(5, at_least=3)
    x, y = editor.place(5)
    others = [editor.place(index) for index in (4, 6)]
    editor.drag(5, 31, -22, grab=(3, -4))

    assert editor.place(5) == pytest.approx((x + 31 / editor.scale(), y - 22 / editor.scale()), abs=0.5)
    assert editor.state(5) == "moved"
    assert [editor.place(index) for index in (4, 6)] == others
    editor.unsaved(1)


def test_zooming_keeps_the_place_under_the_mouse_and_the_size_of_points(editor):
    size = editor.point(30).bounding_box()["width"]
    x, y = map(int, editor.on_screen(editor.place(5)))  # wheel events carry whole pixels, rounded down
    place = editor.in_image((x, y))
    editor.zoom_in(5, at_least=4)
    assert editor.on_screen(place) == pytest.approx((x, y), abs=0.5)
    assert editor.point(30).bounding_box()["width"] == pytest.approx(size, abs=0.2)


def test_a_click_selects_and_moves_nothing(editor):
    posted = []
    editor.page.on("request", lambda request: posted.append(request) if "queue/join" in request.url else None)
    places = editor.places()
    x, y = editor.on_screen(places[12])
    editor.page.mouse.move(x + 2, y + 1)
    editor.page.mouse.down()
    editor.page.mouse.move(x + 3, y + 2)  # a hand that trembles
    editor.page.mouse.up()

    expect(editor.root.locator(".fkd-point-text")).to_contain_text("12 · p12")
    np.testing.assert_array_equal(editor.places(), places)
    assert editor.state(12) == "untouched"
    with editor.page.expect_request("**/queue/join*"):
        editor.press("ArrowRight")
    assert len(posted) == 1  # the click posted nothing
    assert '"rev":1' in posted[0].post_data
    assert len(posted[0].post_data) < 1000


def test_keys_nudge_walk_and_undo(editor):
    editor.click(20)
    x, y = editor.place(20)
    editor.press("ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowUp")
    assert editor.place(20) == pytest.approx((x + 2, y - 9), abs=0.02)
    editor.press("Control+z")
    assert editor.place(20) == pytest.approx((x + 2, y + 1), abs=0.02)
    editor.press("Control+z", "Control+z", "Control+z", "Control+z")
    assert (editor.place(20), editor.state(20)) == ((x, y), "untouched")
    editor.unsaved(0)
    editor.press("Control+Shift+z", "Control+y")
    assert editor.place(20) == pytest.approx((x + 2, y), abs=0.02)

    editor.press("Tab", "Enter")
    assert editor.state(21) == "confirmed"
    editor.press("Shift+Tab", "r")
    assert (editor.place(20), editor.state(20)) == ((x, y), "untouched")
    editor.press("Escape")
    assert editor.page.evaluate("document.activeElement === document.body")


def test_reset_face_is_one_step_that_can_be_undone(editor):
    editor.drag(3, 20, 20)
    editor.drag(40, -20, 10)
    moved = editor.place(3)
    editor.button("reset-face").click()
    editor.unsaved(0)
    editor.button("undo").click()
    editor.unsaved(2)
    assert editor.place(3) == moved
    editor.button("redo").click()
    editor.unsaved(0)


def test_a_point_cycles_through_occluded_and_absent(editor_app, editor):
    place = editor.place(8)
    editor.click(8, button="right")
    assert editor.state(8) == "occluded"
    editor.click(8, button="right")
    assert (editor.state(8), editor.place(8)) == ("absent", place)
    editor.press("Control+s")
    expect(editor.root.locator(".fkd-status")).to_have_text("Saved")
    assert np.isnan(editor_app.saves[-1].points[8]).all()
    assert np.isfinite(np.delete(editor_app.saves[-1].points, 8, axis=0)).all()
    editor.press("o")
    assert (editor.state(8), editor.place(8)) == ("untouched", place)


def test_a_point_that_was_not_predicted_can_be_placed(editor):
    show(editor, "two", faces=2)
    editor.button("next-face").click()
    assert editor.state(0) == "absent"
    editor.drag(0, 15, -25)
    assert editor.state(0) == "moved"
    editor.press("Control+z")
    assert editor.state(0) == "absent"


def test_double_click_confirms(editor):
    editor.page.mouse.dblclick(*editor.on_screen(editor.place(30)))
    assert editor.state(30) == "confirmed"


def test_a_click_on_another_face_selects_it(editor):
    show(editor, "two", faces=2)
    expect(editor.root.locator(".fkd-face-count")).to_have_text("1 / 2")
    editor.page.mouse.click(*editor.on_screen((410, 480)))
    expect(editor.root.locator(".fkd-face-count")).to_have_text("2 / 2")
    assert editor.place(17)[1] > 400


def test_a_late_answer_keeps_what_was_dragged_since(editor_app, editor):
    editor_app.gate.clear()
    editor.drag(10, 12, 0)
    editor.button("save").click()
    expect(editor.root.locator(".fkd-status")).to_contain_text("Saving")
    editor.drag(11, 0, 30)
    dragged = editor.place(11)
    x, y = editor.on_screen(editor.place(12))
    editor.page.mouse.move(x, y)
    editor.page.mouse.down()
    editor.page.mouse.move(x - 25, y, steps=3)
    held = editor.place(12)
    editor_app.gate.set()
    expect(editor.page.get_by_label("said")).to_have_value("saved 1")
    assert editor.place(12) == held  # merged only after the drag
    editor.page.mouse.move(x - 40, y)
    editor.page.mouse.up()

    expect(editor.root.locator(".fkd-status")).to_contain_text("2 points changed, not saved")
    assert editor.place(11) == dragged
    assert editor.place(12)[0] == pytest.approx(held[0] - 15 / editor.scale(), abs=0.5)
    assert [editor.state(index) for index in (10, 11, 12)] == ["moved"] * 3
    editor.press("Control+z", "Control+z", "Control+z")
    assert editor.state(10) == "untouched"  # the history is still whole


def test_of_two_saves_on_their_way_the_answered_one_counts(editor_app, editor):
    editor_app.refused.add(2)
    editor_app.gate.clear()
    editor.drag(10, 12, 0)
    editor.button("save").click()
    expect(editor.root.locator(".fkd-status")).to_contain_text("Saving")
    editor.drag(11, 0, 30)
    editor.button("save").click()
    expect(editor.root.locator(".fkd-status")).to_contain_text("Saving")
    editor_app.gate.set()
    expect(editor.page.get_by_label("said")).to_have_value("saved 1")
    expect(editor.page.get_by_text("refused 2")).to_be_visible()

    editor.unsaved(1)
    expect(editor.root.locator(".fkd-status")).to_have_text("1 point changed, not saved")
    editor.button("save").click()
    expect(editor.root.locator(".fkd-status")).to_have_text("Saved")
    assert [edit.states[11] for edit in editor_app.saves] == ["untouched", "moved", "moved"]


def test_a_save_carries_exactly_what_is_seen(editor_app, editor):
    editor.drag(2, 14, 9)
    editor.page.evaluate(
        "document.querySelector('[data-testid=fkd-editor]').dispatchEvent(new CustomEvent('fkd-save'))"
    )
    expect(editor.root.locator(".fkd-status")).to_have_text("Saved")
    expect(editor.root.locator('[data-face="0"]')).to_have_attribute("data-saved", "true")
    (saved,) = editor_app.saves
    np.testing.assert_allclose(saved.points, editor.places(), atol=1e-9)
    assert saved.states[2] == "moved"
    editor.unsaved(0)


def test_leaving_with_unsaved_edits_asks(editor):
    editor.drag(2, 14, 9)
    asked = []
    editor.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    editor.page.reload(wait_until="domcontentloaded")
    assert asked == ["beforeunload"]


def test_a_drawn_box_asks_for_a_face_which_is_then_selected(editor_app, editor):
    editor.drag(2, 14, 9)
    kept = editor.place(2)
    editor.button("add-face").click()
    editor.page.mouse.move(*editor.on_screen((330, 420)))
    editor.page.mouse.down()
    editor.page.mouse.move(*editor.on_screen((460, 590)), steps=4)
    editor.page.mouse.up()

    expect(editor.root.locator(".fkd-face-count")).to_have_text("2 / 2")
    np.testing.assert_allclose(editor_app.boxes[0].box_xyxy, [330, 420, 460, 590], atol=0.5)
    editor.button("previous-face").click()
    assert (editor.place(2), editor.state(2)) == (kept, "moved")


def test_a_new_photo_starts_afresh_and_none_shows_the_placeholder(editor):
    editor.drag(2, 14, 9)
    editor.press("ControlOrMeta+z")
    show(editor, "two", faces=2)
    editor.unsaved(0)
    expect(editor.button("undo")).to_be_disabled()
    editor.page.get_by_role("button", name="nothing").click()
    expect(editor.root.get_by_text("No photo yet")).to_be_visible()


def test_names_are_text(editor_app, editor):
    show(editor, "hostile")
    editor.page.mouse.move(*editor.on_screen(editor.place(40)))
    expect(editor.root.locator(".fkd-label")).to_contain_text(editor_app.hostile)
    editor.click(40)
    expect(editor.root.locator(".fkd-point-text")).to_contain_text(editor_app.hostile)
    assert editor.root.locator("img").count() == 0
    assert editor.page.evaluate("window.hacked") is None


def test_the_help_opens_and_closes(editor):
    editor.click(4)
    editor.press("?")
    expect(editor.root.get_by_role("dialog")).to_be_visible()
    editor.press("Escape", "ArrowRight")
    expect(editor.root.get_by_role("dialog")).to_be_hidden()
    assert editor.state(4) == "moved"


def test_a_finger_drags_with_a_loupe_and_two_fingers_zoom(editor_app, open_phone, editor_on):
    phone = editor_on(open_phone(editor_app.url))
    phone.root.scroll_into_view_if_needed()
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 360
    before = phone.place(34)
    x, y = phone.on_screen(before)
    phone.touch("touchStart", (x, y))
    for step in range(1, 7):
        phone.touch("touchMove", (x + 5 * step, y + 3 * step))
    expect(phone.root.locator(".fkd-loupe")).to_be_visible()
    phone.touch("touchCancel")  # the system takes over: the drag ends where it was

    expect(phone.root.locator(".fkd-loupe")).to_be_hidden()
    moved = (before[0] + 30 / phone.scale(), before[1] + 18 / phone.scale())
    assert phone.place(34) == pytest.approx(moved, abs=0.5)
    phone.unsaved(1)

    scale = phone.scale()
    x, y = phone.on_screen((256, 500))
    phone.touch("touchStart", (x - 20, y), (x + 20, y))
    for step in range(1, 7):
        phone.touch("touchMove", (x - 20 - 5 * step, y), (x + 20 + 5 * step, y))
    phone.touch("touchEnd")
    assert phone.scale() == pytest.approx(scale * 2.5, rel=0.05)
    assert phone.place(34) == pytest.approx(moved, abs=0.5)
    for button in phone.root.locator("button:visible").all():
        size = button.bounding_box()
        assert min(size["width"], size["height"]) >= 36
