"""The queue in a person's hands: on a phone, by keys alone, and while the connection is lost."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.queue_steps import SLOW_MS, Queue, variants
from tests.pictures import portrait, resized, saved

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

NOSE_TIP = 30


def test_on_a_phone_the_steps_are_in_sight_wherever_one_is(app, open_phone, tmp_path):
    page = open_phone(app.url)
    queue = Queue(page)
    queue.add(*variants(tmp_path, 2, seed=21))
    queue.step("next").tap()
    first = queue.opened()
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    for step in ("back", "save", "next"):
        expect(queue.step(step)).to_be_in_viewport(ratio=1)
    queue.step("save").tap()
    queue.opened(first)
    expect(page.locator(".fkd-stage")).to_be_in_viewport()  # the face comes to the person
    expect(queue.count("corrected")).to_have_text("1", timeout=SLOW_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_keys_alone_lead_to_the_first_point(app, open_desktop, editor_on, tmp_path):
    page = open_desktop(app.url)
    queue = Queue(page)
    queue.add(*variants(tmp_path, 1, seed=22))
    page.keyboard.press("f")
    queue.opened()
    editor = editor_on(page)
    x, y = editor.place(0)
    editor.press("Tab", "ArrowDown", "ArrowRight", "ArrowRight")
    assert editor.place(0) == pytest.approx((x + 2, y + 1))
    expect(queue.count("all")).to_have_text("1")


def test_save_and_next_goes_through_the_faces_of_a_photo(app, open_desktop, editor_on, tmp_path):
    known = len(list(app.store.read())) if app.store.path.exists() else 0
    page = open_desktop(app.url)
    queue = Queue(page)
    queue.add(saved(tmp_path / "three.jpg", np.hstack([resized(portrait(), 300)] * 3)))
    page.keyboard.press("f")
    queue.opened()
    editor = editor_on(page)
    expect(editor.root.locator("[data-face]")).to_have_count(3)
    selected = editor.root.locator(".fkd-face-selected")
    while selected.get_attribute("data-number") != "2":
        editor.button("next-face").click()
    page.keyboard.press("s")
    expect(selected).to_have_attribute("data-number", "3")
    editor.press("]", "Shift+Delete")  # the first one is none
    expect(selected).to_have_attribute("data-number", "2")
    page.keyboard.press("s")
    expect(selected).to_have_attribute("data-number", "3")
    page.keyboard.press("s")
    expect(queue.waiting).to_have_text("Nothing left to label", timeout=SLOW_MS)
    expect(selected).to_have_attribute("data-saved", "true", timeout=SLOW_MS)
    rows = list(app.store.read())[known:]
    assert len(rows) == 2 and rows[1].box_xyxy[0] - rows[0].box_xyxy[0] == pytest.approx(256, abs=30)


def test_a_lease_is_renewed_by_work_in_the_editor(app, open_desktop, editor_on, tmp_path):
    page = open_desktop(app.url)
    queue = Queue(page)
    queue.add(*variants(tmp_path, 1, seed=23))
    queue.press("next")
    queue.opened()
    # The photo may have been at hand, and shown before the server's answer. Until then there is no lease to renew.
    expect(queue.root).to_have_attribute("data-open", "true", timeout=SLOW_MS)
    editor = editor_on(page)
    renewal = page.evaluate(
        "window.gradio_config.dependencies.find(({ targets }) => targets.some(([, event]) => event === 'renew')).id"
    )
    with page.expect_request(lambda request: f'"fn_index":{renewal},' in (request.post_data or ""), timeout=SLOW_MS):
        editor.click(NOSE_TIP)


def test_without_a_connection_nobody_is_sent_to_another_photo(app, open_desktop, editor_on, tmp_path):
    page = open_desktop(app.url)
    queue = Queue(page)
    queue.add(*variants(tmp_path, 2, seed=24))
    queue.press("next")
    first = queue.opened()
    editor = editor_on(page)
    editor.drag(NOSE_TIP, 14, 11)
    moved = editor.place(NOSE_TIP)
    steps = []
    page.on("request", lambda request: '"back"' in (request.post_data or "") and steps.append(request))
    page.route("**/app_id", lambda route: route.abort())
    expect(editor.root).to_have_attribute("data-connection", "lost", timeout=SLOW_MS)
    page.keyboard.press("s")
    expect(editor.root.locator(".fkd-hint")).to_contain_text("Not saved: there is no connection")
    page.unroute("**/app_id")
    expect(editor.root).to_have_attribute("data-connection", "up", timeout=SLOW_MS)
    assert steps == [] and queue.name.inner_text() == first and editor.place(NOSE_TIP) == moved
    page.keyboard.press("s")
    queue.opened(first)
    assert len(steps) == 1
