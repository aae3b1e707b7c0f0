"""What people put into the photo box: what is refused in a sentence, and what must work however odd it is."""

from __future__ import annotations

import pytest

from tests.browser.app_steps import save, upload
from tests.pictures import UNUSABLE, UNUSUAL, portrait, write_video_start

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser


def test_what_is_no_usable_picture_is_refused_in_a_sentence_and_the_app_goes_on(app, open_desktop, editor_on, photo):
    page = open_desktop(app.url)
    for name, (write, words) in UNUSABLE.items():
        path = app.folder / name
        write(path)
        upload(page, path)
        toast = page.locator(".toast-body").filter(has_text=name)
        expect(toast).to_be_visible(timeout=20_000)
        expect(toast).to_contain_text(words)
        page.get_by_test_id("status-tracker").get_by_label("Clear").click()
        page.get_by_label("Remove Image").click()
        toast.locator(".toast-close").click()
        expect(toast).to_be_hidden()
    upload(page, photo(portrait(), "after.jpg"))
    editor_on(page)


def test_a_video_is_refused_by_its_name(app, open_desktop):
    page = open_desktop(app.url)
    write_video_start(app.folder / "film.mp4", "mp4")
    upload(page, app.folder / "film.mp4")
    expect(page.locator(".toast-body")).to_contain_text("Invalid file type: film.mp4. Only image/* allowed.")


@pytest.mark.parametrize("name", UNUSUAL)
def test_an_unusual_picture_works_like_any_other(app, open_desktop, editor_on, name):
    UNUSUAL[name](app.folder / name)
    page = open_desktop(app.url)
    upload(page, app.folder / name)
    editor = editor_on(page)
    expect(page.locator("#fkd-status")).to_contain_text(f"1 face in {name} (512 × 600 px)")
    assert (
        editor.root.locator(".fkd-photo").evaluate(
            "photo => new Promise((shown) => { const copy = new Image(); copy.onload = () => shown(copy.naturalWidth);"
            " copy.src = photo.getAttribute('href'); })"
        )
        == 512
    )
    editor.drag(30, 12, -9)
    save(editor, page)
    (row,) = app.store.tail(1)
    assert row.states[30] == "moved" and app.store.image_path(row).is_file()


def test_a_hostile_file_name_runs_nothing(app, open_desktop, editor_on, photo):
    page = open_desktop(app.url)
    upload(page, photo(portrait(), '<img src=x onerror="hacked=1">${window.hacked=2}{{constructor}}.png'))
    save(editor_on(page), page)
    assert page.evaluate("window.hacked") is None
