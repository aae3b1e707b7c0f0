"""Strangers, annotators and owners at one app, each in a browser of their own."""

from __future__ import annotations

import pytest

from fkd.ui.limits import PHOTOS, SAVES, STRANGERS, Allowance
from fkd.ui.rights import Right, Rules
from tests.browser.app_steps import save, upload
from tests.pictures import PORTRAIT_PATH
from tests.served_app import served

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

KEY, PASSWORD = "k3y-of-the-link", "the owner's secret"
HOSTILE = '<img src=x onerror="window.hacked=1">${window.hacked=2}=1+1'
PLENTY = Allowance(1000, 1000)
OWNERS = set(Right) - {Right.LOOK, Right.PREDICT, Right.FOLLOW, Right.SAVE}


@pytest.fixture(scope="module")
def public_app(tmp_path_factory):
    rules = Rules(saving="link", public=True, owner_password=PASSWORD, link_key=KEY)
    allowances = STRANGERS | {PHOTOS: PLENTY, SAVES: PLENTY}
    with served(tmp_path_factory.mktemp("public"), rules, allowances=allowances) as app:
        yield app


def owners_things(page):
    return [
        page.get_by_role("tab", name="Fine-tune"), page.locator("#fkd-latest"), page.locator("#fkd-download"),
        page.locator("#fkd-push"),
    ]  # fmt: skip


def test_a_stranger_predicts_and_edits_and_is_told_why_nothing_is_saved(public_app, open_desktop, editor_on):
    page = open_desktop(public_app.url)
    expect(page.locator("#fkd-hub-status")).to_contain_text("Saving needs the link for annotators", timeout=20_000)
    upload(page, PORTRAIT_PATH)
    editor = editor_on(page)
    editor.drag(10, 20, 10)
    place = editor.place(10)
    editor.button("save").click()
    expect(page.locator(".toast-body")).to_contain_text("Saving needs the link for annotators")
    assert editor.place(10) == place  # the work stays on the screen
    editor.unsaved(1)
    assert list(public_app.store.read()) == []
    for thing in owners_things(page):
        expect(thing).to_be_hidden()


def test_an_annotator_saves_by_the_link_and_the_owner_sees_it(public_app, open_desktop, editor_on):
    page = open_desktop(f"{public_app.url}/?key={KEY}")
    assert "key" not in page.url
    page.get_by_label("Your name").first.fill(HOSTILE)
    upload(page, PORTRAIT_PATH)
    editor = editor_on(page)
    editor.drag(10, 20, 10)
    save(editor, page)
    (row,) = public_app.store.tail(1)
    assert row.annotator == HOSTILE and row.states[10] == "moved"
    for thing in owners_things(page):
        expect(thing).to_be_hidden()
    assert KEY not in page.evaluate("document.cookie")  # no script can read it

    owner = open_desktop(public_app.url)
    owner.get_by_role("button", name="For the owner").click()
    owner.get_by_label("Owner’s password").fill(PASSWORD)
    owner.get_by_role("button", name="Enter").click()
    expect(owner.get_by_role("tab", name="Fine-tune")).to_be_visible(timeout=20_000)
    owner.get_by_role("button", name="Latest corrections").click()
    expect(owner.locator("#fkd-table")).to_contain_text(HOSTILE)
    expect(owner.get_by_role("button", name="For the owner")).to_be_hidden()
    assert owner.evaluate("window.hacked") is None


def test_a_wrong_password_is_told_and_opens_nothing(public_app, open_desktop):
    page = open_desktop(public_app.url)
    page.get_by_role("button", name="For the owner").click()
    page.get_by_label("Owner’s password").fill("guessed")
    page.get_by_role("button", name="Enter").click()
    expect(page.locator("body")).to_contain_text("That is not the owner's password")
    page.go_back()
    page.locator("#fkd-status").wait_for()
    for thing in owners_things(page):
        expect(thing).to_be_hidden()


def test_whoever_sits_at_a_local_app_has_all_of_it_and_no_password_to_give(tmp_path, open_desktop):
    with served(tmp_path) as app:
        page = open_desktop(app.url)
        expect(page.get_by_role("tab", name="Fine-tune")).to_be_visible(timeout=20_000)
        expect(page.locator("#fkd-latest")).to_be_visible()
        expect(page.get_by_role("button", name="For the owner")).to_be_hidden()


# What a page of the app may ask for in somebody's browser, cookies and all, and the statuses that it gets.
ASKED_JS = """async addresses => {
  const statuses = []
  for (const address of addresses) statuses.push((await fetch(address)).status)
  return statuses
}"""
JOIN_JS = """async ([fn_index, data]) => {
  const body = JSON.stringify({ data, fn_index, session_hash: "somebody-else", event_data: null })
  const headers = { "Content-Type": "application/json" }
  await fetch("gradio_api/queue/join", { method: "POST", headers, body })
  const answer = await (await fetch("gradio_api/queue/data?session_hash=somebody-else")).text()
  return answer.split("\\n").find(line => line.includes("process_completed"))
}"""


def test_an_annotator_cannot_reach_by_hand_what_the_page_does_not_show(public_app, open_desktop, editor_on):
    page = open_desktop(f"{public_app.url}/?key={KEY}")
    upload(page, PORTRAIT_PATH)
    editor = editor_on(page)
    editor.drag(10, 20, 10)
    save(editor, page)
    kept = next((public_app.folder / "annotations" / "images").iterdir())
    files = [public_app.store.path, kept, public_app.folder / "weights" / "model.safetensors"]
    files += [photo.original for photo in public_app.desk.photos._photos.values()]  # other people's uploads, too
    up = "..%2f" * 20
    addresses = [f"gradio_api/file={way}{file}" for file in files for way in ("", "/tmp/gradio/../../", up)]
    statuses = page.evaluate(ASKED_JS, addresses)
    assert len(statuses) >= 12 and set(statuses) <= {403, 404}, list(zip(addresses, statuses, strict=True))
    tried = 0
    for number, event in public_app.page.fns.items():
        right = getattr(event.fn, "right", None)
        if right in OWNERS:
            answer = page.evaluate(JOIN_JS, [number, [None] * len(event.inputs)])
            assert "Only an owner of this app may" in answer, event.name
            tried += 1
    assert tried > 12
