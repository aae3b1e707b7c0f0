"""The whole app is killed while somebody edits, and started again: nothing that they did is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fkd.correction_store import CorrectionStore
from tests.browser.apps import ROOT, free_port, until_open

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

PHOTO = ROOT / "fkd" / "ui" / "assets" / "grace_hopper.jpg"
NOSE_TIP, EYE = 30, 36


class KillableApp:
    """``python app.py`` on one port, killed and started again as often as wanted."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.store = CorrectionStore(folder / "annotations")
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        named = ["--annotations", str(self.store.folder), "--runs", str(self.folder / "runs")]
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "app.py", "--port", str(self.port), "--device", "cpu", *named],
                cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        until_open(self.url, self.process, self.folder / "log")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)


@pytest.fixture
def app(tmp_path):
    app = KillableApp(tmp_path)
    app.start()
    yield app
    app.kill()


def add_photo(page) -> None:
    page.locator("input[type=file]").first.set_input_files(PHOTO)


def save(editor, page) -> None:
    editor.button("save").click()
    expect(page.locator("#fkd-status")).to_contain_text("Saved face", timeout=30_000)
    editor.unsaved(0)


def test_a_server_killed_in_mid_edit_costs_nothing(app, open_desktop, editor_on):
    page = open_desktop(app.url)
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    add_photo(page)
    editor = editor_on(page)
    editor.root.scroll_into_view_if_needed()
    editor.drag(NOSE_TIP, 14, 9)
    app.kill()
    lost = editor.root.locator(".fkd-lost")
    expect(lost).to_contain_text("Connection lost. Your points are kept in this browser", timeout=60_000)
    editor.drag(EYE, -9, 5)
    editor.unsaved(2)
    moved = [editor.place(NOSE_TIP), editor.place(EYE)]
    app.start()

    page.reload(wait_until="domcontentloaded")  # as Gradio does by itself, if it noticed: then for a second time
    assert asked == []
    add_photo(page)
    editor = editor_on(page)
    expect(editor.root.locator(".fkd-restore")).to_contain_text("2 unsaved points of this photo", timeout=30_000)
    editor.button("restore").click()
    editor.unsaved(2)
    save(editor, page)
    (row,) = app.store.current()
    np.testing.assert_allclose(row.corrected_xy[[NOSE_TIP, EYE]], moved, atol=0.01)
    assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('fkd-draft:'))") == []
