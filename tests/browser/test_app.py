"""The whole app, as a person uses it: a photo goes in, wrong points are dragged right, and the rows are in the CSV."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fkd.corrections import Correction
from tests.browser.app_steps import save, upload
from tests.pictures import PORTRAIT_LANDMARKS, astronaut, portrait

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

CHIN, NOSE_TIP = 8, 30


def newest(app) -> Correction:
    return app.store.tail(1)[0]


def drag_and_save(app, page, editor, index: int, dx: float, dy: float) -> tuple[np.ndarray, Correction]:
    """Drag a point by screen pixels and save: where it must be now in image pixels, and the row."""
    before, scale = np.array(editor.place(index)), editor.scale()
    editor.drag(index, dx, dy)
    save(editor, page)
    row = newest(app)
    np.testing.assert_allclose(row.predicted_xy[index], before, atol=0.02)
    return before + np.array([dx, dy]) / scale, row


def test_the_example_is_one_click_away_and_its_points_lie_on_the_face(app, open_desktop, editor_on):
    page = open_desktop(app.url)
    page.get_by_text("grace_hopper").or_(page.locator(".gallery-item")).first.click()
    editor = editor_on(page)
    places = editor.places()
    eyes_nose_mouth = np.array(
        [*(places[i : i + 6].mean(axis=0) for i in (36, 42)), places[30], places[48], places[54]]
    )
    eye_distance = np.linalg.norm(PORTRAIT_LANDMARKS[1] - PORTRAIT_LANDMARKS[0])
    assert np.linalg.norm(eyes_nose_mouth - PORTRAIT_LANDMARKS, axis=1).max() < 0.15 * eye_distance
    expect(page.locator("#fkd-status")).to_contain_text("1 face")


def test_a_dragged_point_is_in_the_csv_to_half_a_pixel(app, open_desktop, editor_on, photo):
    page = open_desktop(app.url)
    page.get_by_label("Your name").fill("=Ada")
    upload(page, photo(portrait(), "first.jpg"))
    editor = editor_on(page)
    editor.button("settle").click()  # off: the others stay
    expected, row = drag_and_save(app, page, editor, NOSE_TIP, 23, -14)
    assert np.abs(row.corrected_xy[NOSE_TIP] - expected).max() < 0.5
    others = [index for index in range(68) if index != NOSE_TIP]
    np.testing.assert_array_equal(row.corrected_xy[others], row.predicted_xy[others])
    assert row.states[NOSE_TIP] == "moved" and {row.states[index] for index in others} == {"untouched"}
    assert (row.image_width, row.image_height, row.scheme, row.annotator) == (512, 600, "ibug68", "=Ada")
    assert app.store.image_path(row).is_file()
    expect(page.locator("#fkd-status")).to_contain_text("corrections.csv")
    expect(page.locator("#fkd-table")).to_contain_text("=Ada")


def test_points_that_settle_are_saved_as_shown_and_are_nobodys_label(app, open_desktop, editor_on, photo):
    page, path = open_desktop(app.url), photo(portrait(), "settles.jpg")
    upload(page, path)
    editor = editor_on(page)
    predicted = editor.places()
    editor.drag(NOSE_TIP, 23, -14)
    nose = editor.place(NOSE_TIP)
    editor.drag(CHIN, 5, 20)
    assert editor.place(NOSE_TIP) == nose
    shown = editor.places()
    save(editor, page)

    row = newest(app)
    followed = np.abs(shown - predicted).max(axis=1) > 0.02
    assert followed.sum() > 60
    np.testing.assert_allclose(row.corrected_xy, shown, atol=0.01)
    np.testing.assert_allclose(row.predicted_xy, predicted, atol=0.01)
    assert {row.states[index] for index in (NOSE_TIP, CHIN)} == {"moved"}
    others = set(range(68)) - {NOSE_TIP, CHIN}
    assert {row.states[index] for index in others if followed[index]} == {"settled"}
    assert {row.states[index] for index in others} <= {"settled", "untouched"}
    expect(page.locator("#fkd-status")).to_contain_text("with 2 points corrected")

    other = open_desktop(app.url)
    upload(other, path)
    again = editor_on(other)
    np.testing.assert_allclose(again.places(), shown, atol=0.01)
    assert again.state(NOSE_TIP) == "moved"
    again.unsaved(0)


def test_zoomed_in_as_well_and_saving_again_supersedes(app, open_desktop, editor_on, photo):
    page = open_desktop(app.url)
    upload(page, photo(portrait(), "zoomed.jpg"))
    editor = editor_on(page)
    editor.zoom_in(NOSE_TIP, at_least=4)
    expected, row = drag_and_save(app, page, editor, NOSE_TIP, -50, 37)
    assert np.abs(row.corrected_xy[NOSE_TIP] - expected).max() < 0.5
    editor.press("ControlOrMeta+z")
    editor.unsaved(1)
    editor.button("save").click()
    editor.unsaved(0)
    again = newest(app)
    assert again.supersedes == row.id and set(again.states) == {"untouched"}


def test_a_reload_brings_the_photo_and_what_was_not_saved_back(app, open_desktop, editor_on, photo):
    page = open_desktop(app.url)
    page.on("dialog", lambda dialog: dialog.accept())  # “leave this page?”
    page.get_by_label("15 keypoints").check()
    page.get_by_label("Your name").first.fill("Ada")
    upload(page, photo(portrait(), "reloaded.jpg"))
    editor = editor_on(page)
    save(editor, page)
    editor.drag(10, 12, 9)
    moved = editor.places()
    page.reload(wait_until="domcontentloaded")

    editor = editor_on(page)
    expect(page.locator("#fkd-status")).to_contain_text("1 face in reloaded.jpg")
    editor.unsaved(1)
    np.testing.assert_array_equal(editor.places(), moved)
    expect(page.get_by_label("15 keypoints")).to_be_checked()
    save(editor, page)
    row = newest(app)
    assert row.scheme == "kaggle15" and row.supersedes and row.annotator == "Ada"
    np.testing.assert_allclose(row.corrected_xy, moved, atol=0.01)
    page.get_by_label("68 landmarks").check()  # the photo box is empty, but the photo is open
    expect(editor.root.locator("[data-point]")).to_have_count(68, timeout=20_000)
    expect(page.locator("#fkd-status")).to_contain_text("1 face in reloaded.jpg")


def test_a_photo_4000_pixels_wide(app, open_desktop, editor_on, photo):
    wide = np.array(Image.fromarray(portrait()).resize((4000, 4688), Image.Resampling.BICUBIC))
    page = open_desktop(app.url)
    upload(page, photo(wide, "wide.jpg"))
    editor = editor_on(page)
    expected, row = drag_and_save(app, page, editor, NOSE_TIP, 20, 10)
    assert (row.image_width, row.image_height) == (4000, 4688)
    assert np.abs(row.corrected_xy[NOSE_TIP] - expected).max() < 0.5
    assert np.linalg.norm(row.corrected_xy[NOSE_TIP] - row.predicted_xy[NOSE_TIP]) > 50  # 20 on the screen


def test_the_second_of_two_faces(app, open_desktop, editor_on, photo):
    both = np.concatenate([portrait()[:512], astronaut()], axis=1)
    page = open_desktop(app.url)
    upload(page, photo(both, "two.jpg"))
    editor = editor_on(page)
    expect(page.locator("#fkd-status")).to_contain_text("2 faces")
    editor.button("next-face").click()
    assert editor.place(NOSE_TIP)[0] > 512
    expected, row = drag_and_save(app, page, editor, NOSE_TIP, 15, 15)
    assert np.abs(row.corrected_xy[NOSE_TIP] - expected).max() < 0.5
    assert row.box_xyxy[0] > 512
    expect(editor.root.locator('[data-face="1"]')).to_have_attribute("data-saved", "true")


def test_a_photo_without_a_face_says_so_and_a_box_adds_one(app, open_desktop, editor_on, photo):
    hidden = np.full((600, 512, 3), 120, np.uint8)
    page = open_desktop(app.url)
    upload(page, photo(hidden, "empty.png"))
    expect(page.locator("#fkd-status")).to_contain_text("No face found in empty.png", timeout=30_000)
    page.locator('[data-action="add-face"]').click()
    box = page.locator(".fkd-photo").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.6, steps=5)
    page.mouse.up()
    editor = editor_on(page)
    save(editor, page)
    row = newest(app)
    np.testing.assert_allclose(row.box_xyxy, [0.3 * 512, 0.2 * 600, 0.7 * 512, 0.6 * 600], atol=2)


def test_a_finger_on_a_phone_drags_and_saves(app, open_phone, editor_on, photo):
    page = open_phone(app.url)
    upload(page, photo(portrait(), "phone.jpg"))
    editor = editor_on(page)
    editor.root.locator(".fkd-photo").scroll_into_view_if_needed()
    before, scale = np.array(editor.place(NOSE_TIP)), editor.scale()
    x, y = editor.on_screen(tuple(before))
    editor.touch("touchStart", (x, y))
    for step in range(1, 6):
        editor.touch("touchMove", (x + 6 * step, y + 4 * step))
    editor.touch("touchEnd")
    save(editor, page)
    assert np.abs(newest(app).corrected_xy[NOSE_TIP] - (before + np.array([30, 20]) / scale)).max() < 0.5
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_other_scheme_shows_its_own_points(app, open_desktop, editor_on, photo):
    page = open_desktop(app.url)
    page.get_by_label("15 keypoints").check()
    upload(page, photo(portrait(), "fifteen.jpg"))
    editor = editor_on(page)
    expect(editor.root.locator("[data-point]")).to_have_count(15)
    _, row = drag_and_save(app, page, editor, 10, 8, 8)
    assert row.scheme == "kaggle15" and len(row.states) == 15


def test_the_other_scheme_waits_for_unsaved_points(app, open_desktop, editor_on, photo):
    page = open_desktop(app.url)
    upload(page, photo(portrait(), "waits.jpg"))
    editor = editor_on(page)
    editor.drag(NOSE_TIP, 15, 15)
    moved = editor.place(NOSE_TIP)
    page.get_by_label("15 keypoints").check()
    expect(editor.root.get_by_role("alert")).to_contain_text("1 point in waits.jpg is not saved.", timeout=20_000)
    editor.button("leave-keep").click()
    expect(page.locator("#fkd-status")).to_contain_text("Still editing waits.jpg with 68 keypoints.")
    editor.unsaved(1)

    page.get_by_label("68 landmarks").check()  # that is what is being edited
    page.get_by_label("15 keypoints").check()
    expect(editor.root.get_by_role("alert")).to_be_visible(timeout=20_000)
    page.get_by_label("68 landmarks").check()  # and back, while it is asked about
    expect(editor.root.get_by_role("alert")).to_be_hidden(timeout=20_000)
    editor.unsaved(1)
    assert editor.place(NOSE_TIP) == moved
    expect(page.locator("#fkd-status")).to_contain_text("Still editing waits.jpg with 68 keypoints.")
    page.get_by_label("15 keypoints").check()
    expect(editor.root.get_by_role("alert")).to_be_visible(timeout=20_000)
    editor.button("leave-save").click()
    expect(editor.root.locator("[data-point]")).to_have_count(15)
    row = newest(app)
    assert row.scheme == "ibug68" and np.abs(row.corrected_xy[NOSE_TIP] - moved).max() < 0.5


def test_a_table_that_cannot_be_shown_makes_no_save_fail(app, open_desktop, editor_on, photo):
    page = open_desktop(app.url)
    upload(page, photo(portrait(), "table.jpg"))
    editor = editor_on(page)
    save(editor, page)
    whole = app.store.path.read_bytes()
    try:
        app.store.path.write_bytes(whole + b"a line that is no row\r\n")
        damaged = app.store.path.stat().st_size
        editor.drag(NOSE_TIP, 9, 9)
        editor.button("save").click()
        expect(page.locator(".toast-body").filter(has_text="line")).to_be_visible(timeout=20_000)
        editor.unsaved(0)
        expect(page.locator("#fkd-status")).to_contain_text("Saved face 1 with 1 point corrected")
        assert app.store.path.stat().st_size > damaged
    finally:
        app.store.path.write_bytes(whole)


def test_the_csv_can_be_downloaded(app, open_desktop, editor_on, photo):
    page = open_desktop(app.url)
    upload(page, photo(portrait(), "for-download.jpg"))
    save(editor_on(page), page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the corrections as CSV").click()
    with Path(waiting.value.path()).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert waiting.value.suggested_filename == "corrections.csv"
    assert rows[-1]["id"] == newest(app).id
