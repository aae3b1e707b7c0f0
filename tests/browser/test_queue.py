"""The queue, as annotators use it: many photos go in, and one after the other is corrected by keyboard and mouse."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.app_steps import save, upload
from tests.browser.apps import running_app
from tests.browser.queue_steps import SLOW_MS, Queue, variants

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

NOSE_TIP = 30


@pytest.fixture(scope="module")
def shared_app(tmp_path_factory):
    """An app that offers three photos of its operator's to everybody."""
    folder = tmp_path_factory.mktemp("shared")
    variants(folder / "photos", 3, seed=7)
    with running_app(folder, "--photos", str(folder / "photos")) as app:
        yield app


def rows_since(app, known: int) -> list:
    return list(app.store.read())[known:] if app.store.path.exists() else []


def test_save_and_next_through_ten_photos(app, open_desktop, editor_on, tmp_path):
    known = len(rows_since(app, 0))
    page = open_desktop(app.url)
    queue = Queue(page)
    queue.add(*variants(tmp_path, 10, seed=1))
    expect(queue.count("unlabelled")).to_have_text("10")
    queue.press("next")
    name, names, places = "", [], []
    for number in range(10):
        name = queue.opened(name)
        names.append(name)
        editor = editor_on(page)
        if number % 2:  # every other one is right as it is
            editor.drag(NOSE_TIP, 12, -9)
        places.append(editor.place(NOSE_TIP))
        page.keyboard.press("s" if number < 5 else "Control+Enter")
    expect(queue.count("unlabelled")).to_have_text("0", timeout=SLOW_MS)
    expect(queue.count("corrected")).to_have_text("10")
    expect(queue.waiting).to_have_text("Nothing left to label")
    editor_on(page).unsaved(0)
    rows = rows_since(app, known)
    assert len(rows) == 10 and len(set(names)) == 10
    for number, (row, place) in enumerate(zip(rows, places, strict=True)):
        assert np.abs(row.corrected_xy[NOSE_TIP] - place).max() < 0.02
        assert row.states[NOSE_TIP] == ("moved" if number % 2 else "untouched")
    assert len({row.image for row in rows}) == 10


def test_a_bad_file_among_many(app, open_desktop, editor_on, tmp_path):
    (tmp_path / "notes.jpg").write_text("no picture")
    page = open_desktop(app.url)
    queue = Queue(page)
    queue.add(*variants(tmp_path, 2, seed=2), tmp_path / "notes.jpg")
    expect(queue.count("all")).to_have_text("2")
    problems = queue.root.locator(".fkd-queue-problems")
    expect(problems.locator("summary")).to_have_text("1 file was left out")
    problems.locator("summary").click()
    expect(problems.locator("li")).to_contain_text("notes.jpg")
    page.keyboard.press("f")
    queue.opened()
    editor_on(page)


def test_reopening_a_corrected_photo_shows_the_correction(app, open_desktop, editor_on, tmp_path):
    known = len(rows_since(app, 0))
    page = open_desktop(app.url)
    queue = Queue(page)
    queue.add(*variants(tmp_path, 2, seed=3))
    queue.press("next")
    first = queue.opened()
    editor = editor_on(page)
    editor.drag(NOSE_TIP, 14, 11)
    moved = editor.place(NOSE_TIP)
    page.keyboard.press("s")
    queue.opened(first)
    page.keyboard.press("d")
    expect(queue.name).to_have_text(first, timeout=SLOW_MS)
    expect(page.locator("#fkd-status")).to_contain_text("1 was saved before", timeout=SLOW_MS)
    assert np.abs(np.array(editor.place(NOSE_TIP)) - moved).max() < 0.02 and editor.state(NOSE_TIP) == "moved"
    expect(editor.root.locator('[data-face="0"]')).to_have_attribute("data-saved", "true")
    editor.drag(NOSE_TIP, -5, 0)
    page.keyboard.press("Control+s")
    expect(page.locator("#fkd-status")).to_contain_text("Saved face 1 with 1 point corrected", timeout=SLOW_MS)
    rows = rows_since(app, known)
    assert [row.supersedes for row in rows] == ["", rows[0].id]


def test_two_browsers_at_once_get_different_photos(shared_app, open_desktop):
    pages = [open_desktop(shared_app.url) for _ in range(2)]
    queues = [Queue(page) for page in pages]
    for queue in queues:
        expect(queue.page.locator("#fkd-status")).to_contain_text("3 photos to correct", timeout=SLOW_MS)
        expect(queue.waiting).to_have_text("", timeout=SLOW_MS)
        expect(queue.count("all")).to_have_text("3", timeout=SLOW_MS)
    names = []
    for queue in queues:
        queue.press("next")
        names.append(queue.opened())
    assert names[0] != names[1]
    pages[1].keyboard.press("f")
    names.append(queues[1].opened(names[1]))
    assert len(set(names)) == 3
    pages[0].keyboard.press("f")  # the other two are taken: one is open, and of the other the points may not be saved
    expect(pages[0].locator("#fkd-status")).to_contain_text("open in other windows", timeout=SLOW_MS)
    assert queues[0].name.inner_text() == names[0]


def test_what_one_browser_adds_is_not_shown_in_another(app, open_desktop, tmp_path):
    page = open_desktop(app.url)
    Queue(page).add(*variants(tmp_path, 1, seed=4))
    again = page.context.new_page()  # the same person's second window shows it
    again.goto(app.url, wait_until="domcontentloaded")
    expect(Queue(again).count("all")).to_have_text("1", timeout=SLOW_MS)
    other = open_desktop(app.url)
    expect(other.get_by_test_id("fkd-editor")).to_be_visible(timeout=SLOW_MS)
    expect(other.get_by_test_id("fkd-queue")).to_be_hidden()


def test_unsaved_points_are_asked_about_and_one_can_stay(app, open_desktop, editor_on, tmp_path):
    page = open_desktop(app.url)
    queue = Queue(page)
    queue.add(*variants(tmp_path, 2, seed=5))
    queue.press("next")
    first = queue.opened()
    editor = editor_on(page)
    editor.drag(NOSE_TIP, 14, 11)
    moved = editor.place(NOSE_TIP)
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    expect(editor.root.locator(".fkd-leave")).to_contain_text(f"1 point in {first} is not saved", timeout=SLOW_MS)
    editor.button("leave-keep").click()
    expect(queue.name).to_have_text(first, timeout=SLOW_MS)
    assert editor.place(NOSE_TIP) == moved


def test_keys_are_letters_where_somebody_types(app, open_desktop, tmp_path):
    page = open_desktop(app.url)
    queue = Queue(page)
    queue.add(*variants(tmp_path, 2, seed=6))
    queue.press("next")
    first = queue.opened()
    page.get_by_label("Your name").press_sequentially("fds")
    page.get_by_label("Your name").press("Enter")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_label("Your name")).to_have_value("fds")
    queue.root.locator("[data-flag]").click()
    expect(queue.count("flagged")).to_have_text("1", timeout=SLOW_MS)
    expect(queue.name).to_have_text(first)
    assert queue.count("corrected").inner_text() == "0"
    page.keyboard.press("f")  # who has clicked in the panel has left the field
    queue.opened(first)
    expect(page.get_by_label("Your name")).to_have_value("fds")


def test_a_photo_that_was_opened_on_its_own_lies_beside_the_queue(shared_app, open_desktop, editor_on, tmp_path):
    alone = variants(tmp_path, 1, seed=9)[0]
    page = open_desktop(shared_app.url)
    queue, status = Queue(page), page.locator("#fkd-status")
    for _ in range(2):  # the same file again is a photo again
        upload(page, alone)
        expect(status).to_contain_text(f"1 face in {alone.name}", timeout=SLOW_MS)
        queue.press("next")
        name = queue.opened()
        page.get_by_label("Remove Image").click()
        editor_on(page).drag(NOSE_TIP, 12, -9)
        known = len(rows_since(shared_app, 0))
        save(editor_on(page), page)
        assert len(rows_since(shared_app, known)) == 1
        expect(queue.name).to_have_text(name)


def test_a_reload_brings_the_photo_of_the_queue_back_with_its_points(shared_app, open_desktop, editor_on):
    page, other = open_desktop(shared_app.url), open_desktop(shared_app.url)
    page.on("dialog", lambda dialog: dialog.accept())  # “leave this page?”
    queue, elsewhere = Queue(page), Queue(other)
    for window in (queue, elsewhere):
        window.root.locator('[data-shown="all"]').click()
    queue.press("next")
    first = queue.opened()
    queue.press("next")
    name = queue.opened(first)
    editor_on(page).drag(NOSE_TIP, 12, -9)
    moved = editor_on(page).place(NOSE_TIP)
    page.reload(wait_until="domcontentloaded")
    expect(queue.name).to_have_text(name, timeout=SLOW_MS)
    editor_on(page).unsaved(1)
    assert editor_on(page).place(NOSE_TIP) == moved
    elsewhere.press("next")
    assert elsewhere.opened() != name
    known = len(rows_since(shared_app, 0))
    save(editor_on(page), page)
    (row,) = rows_since(shared_app, known)
    assert np.abs(row.corrected_xy[NOSE_TIP] - moved).max() < 0.02
