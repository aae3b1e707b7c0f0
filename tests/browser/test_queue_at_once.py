"""The next photo of the queue is on the screen when it is asked for, and the server's word on it comes after that."""

from __future__ import annotations

import time
import zlib

import numpy as np
import pytest

from fkd.image_store import stored_name
from tests.browser.apps import running_app
from tests.browser.queue_steps import SLOW_MS, Queue, variants

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

NOSE_TIP = 30
# The page's clock goes by so much as the panel waits for an answer.
LATER_JS = "(now => { performance.now = () => now() + 6000; })(performance.now.bind(performance))"


@pytest.fixture
def queue(app, open_desktop, tmp_path, request):
    """A queue of three photos, the first of them open, the second at hand."""
    page = open_desktop(app.url)
    queue = Queue(page)
    queue.add(*variants(tmp_path, 3, seed=1 + zlib.crc32(request.node.name.encode()) % 200))
    queue.press("next")
    queue.first = queue.opened()
    queue.at_hand()
    return queue


def held_back(page, part: str) -> list:
    """Requests that contain `part` wait in this list, to be continued or answered, until the route is taken away."""
    held = []
    page.route(
        "**/gradio_api/**",
        lambda route: held.append(route) if part in (route.request.post_data or "") else route.continue_(),
    )
    return held


def first(page, held: list):
    """The first of the requests that wait. The page may have gone on before the browser tells of it."""
    until = time.monotonic() + SLOW_MS / 1000
    while not held and time.monotonic() < until:
        page.wait_for_timeout(10)
    return held[0]


def left_before_the_answer(queue, editor) -> tuple[list, tuple[float, float], str]:
    """Drag, save and go on: the saves that wait, where the point was left, and the name of the photo that is shown."""
    saves = held_back(queue.page, '"states"')
    editor.drag(NOSE_TIP, 12, -9)
    moved = editor.place(NOSE_TIP)
    queue.page.keyboard.press("s")
    return saves, moved, queue.opened(queue.first)


def assert_newest(app, picture, moved: tuple[float, float]) -> None:
    """The last row is of this picture, and has the point where it was left."""
    newest = list(app.store.read())[-1]
    assert newest.image == f"images/{stored_name(picture)}"
    assert np.abs(newest.corrected_xy[NOSE_TIP] - moved).max() < 0.02


def test_it_is_shown_before_the_server_has_answered(app, queue, editor_on):
    page, editor = queue.page, editor_on(queue.page)
    steps = held_back(page, '"back"')
    editor.drag(NOSE_TIP, 12, -9)
    page.keyboard.press("s")
    second = queue.opened(queue.first)
    editor.drag(NOSE_TIP, 5, 4)
    moved = editor.place(NOSE_TIP)
    page.keyboard.press("s")  # done when the server has heard of the first one
    assert len(steps) == 1 and editor.place(NOSE_TIP) == moved
    first(page, steps).continue_()
    page.unroute("**/gradio_api/**")
    queue.opened(second)
    expect(queue.count("corrected")).to_have_text("2", timeout=SLOW_MS)
    assert_newest(app, queue.paths[second], moved)


def test_who_goes_on_when_the_server_is_late_keeps_what_they_moved(app, queue, editor_on):
    page, editor = queue.page, editor_on(queue.page)
    steps = held_back(page, '"back"')
    page.keyboard.press("f")
    second = queue.opened(queue.first)
    editor.drag(NOSE_TIP, 5, 4)
    moved = editor.place(NOSE_TIP)
    page.evaluate(LATER_JS)
    with page.expect_request(lambda request: '"back"' in (request.post_data or "")):
        page.keyboard.press("s")
    assert editor.place(NOSE_TIP) == moved
    assert len(steps) == 2
    for step in steps[::-1]:
        step.continue_()
    page.unroute("**/gradio_api/**")
    third = queue.opened(second)
    assert third != queue.first
    expect(queue.count("corrected")).to_have_text("1", timeout=SLOW_MS)
    assert_newest(app, queue.paths[second], moved)


def test_a_save_that_fails_when_its_photo_was_left_is_told_and_can_be_repeated(app, queue, editor_on):
    page, editor = queue.page, editor_on(queue.page)
    saves, moved, second = left_before_the_answer(queue, editor)
    told = editor.root.locator(".fkd-left")
    expect(told).to_be_hidden()
    first(page, saves).fulfill(status=500, body="{}")
    expect(told).to_contain_text(f"{queue.first} was not saved. Its points are kept in this browser", timeout=SLOW_MS)
    page.unroute("**/gradio_api/**")
    page.keyboard.press("d")
    queue.opened(second)
    expect(told).to_be_hidden()
    editor.button("restore").click()
    assert np.abs(np.array(editor.place(NOSE_TIP)) - moved).max() < 0.02
    page.keyboard.press("s")
    expect(queue.count("corrected")).to_have_text("1", timeout=SLOW_MS)
    assert_newest(app, queue.paths[queue.first], moved)


def test_who_goes_back_before_the_save_is_answered_finds_what_they_did(app, queue, editor_on):
    page, editor = queue.page, editor_on(queue.page)
    saves, moved, second = left_before_the_answer(queue, editor)
    page.keyboard.press("d")
    queue.opened(second)
    assert np.abs(np.array(editor.place(NOSE_TIP)) - moved).max() < 0.02
    first(page, saves).continue_()
    page.unroute("**/gradio_api/**")
    expect(queue.count("corrected")).to_have_text("1", timeout=SLOW_MS)
    expect(editor.root.locator(".fkd-status")).to_have_text("Saved", timeout=SLOW_MS)
    assert np.abs(np.array(editor.place(NOSE_TIP)) - moved).max() < 0.02


def test_a_flag_is_of_the_photo_on_the_screen(queue):
    page, flag = queue.page, queue.root.locator("[data-flag]")
    steps = held_back(page, '"back"')
    page.keyboard.press("f")
    second = queue.opened(queue.first)
    page.keyboard.press("q")
    first(page, steps).continue_()
    page.unroute("**/gradio_api/**")
    expect(flag).to_have_attribute("aria-pressed", "true", timeout=SLOW_MS)
    assert queue.name.inner_text() == second
    page.keyboard.press("d")
    queue.opened(second)
    expect(flag).to_have_attribute("aria-pressed", "false", timeout=SLOW_MS)


def test_nothing_is_kept_of_a_save_that_was_answered_when_its_photo_was_left(queue, editor_on):
    page, editor = queue.page, editor_on(queue.page)
    saves = held_back(page, '"states"')
    editor.drag(NOSE_TIP, 12, -9)
    page.keyboard.press("s")
    second = queue.opened(queue.first)
    drafts = "Object.keys(localStorage).filter((key) => key.startsWith('fkd-draft:')).length"
    assert page.evaluate(drafts) == 1
    first(page, saves).continue_()
    page.unroute("**/gradio_api/**")
    expect(queue.count("corrected")).to_have_text("1", timeout=SLOW_MS)
    page.wait_for_function(f"{drafts} === 0", timeout=SLOW_MS)
    expect(editor.root.locator(".fkd-left")).to_be_hidden()
    assert queue.name.inner_text() == second


def test_who_was_slower_is_back_where_they_were(open_desktop, editor_on, tmp_path):
    paths = variants(tmp_path / "photos", 2, seed=9)
    with running_app(tmp_path, "--photos", str(tmp_path / "photos")) as app:
        pages = [open_desktop(app.url) for _ in range(2)]
        queues = [Queue(page) for page in pages]
        names = []
        for queue in queues:
            expect(queue.count("all")).to_have_text("2", timeout=SLOW_MS)
            expect(queue.waiting).to_have_text("", timeout=SLOW_MS)
            queue.press("next")
            names.append(queue.opened())
            if queue is queues[0]:
                queue.at_hand()
        assert names[0] != names[1]  # what the first one has at hand comes last for others, but it comes
        pages[0].keyboard.press("f")
        expect(pages[0].locator("#fkd-status")).to_contain_text("open in other windows", timeout=SLOW_MS)
        expect(queues[0].name).to_have_text(names[0])
        pages[0].keyboard.press("s")
        expect(queues[0].count("corrected")).to_have_text("1", timeout=SLOW_MS)
        left = next(path for path in paths if path.name == names[0])
        assert [row.image for row in app.store.read()] == [f"images/{stored_name(left)}"]
