"""A Chromium to drive, pages in it (a desktop with a mouse, a small phone with touch), and two apps to open."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from gradio.data_classes import FileData
from PIL import Image

import fkd.ui
from fkd.ui.editor import EditorDocument, EditorFace, KeypointEditor, parse_box, parse_face_edit, point_lists
from tests.browser.apps import free_port, running_app
from tests.browser.settling_document import settling

playwright_api = pytest.importorskip("playwright.sync_api")

PHOTO = Path(next(iter(fkd.ui.__path__))) / "assets" / "grace_hopper.jpg"
WIDTH, HEIGHT, N_POINTS = 512, 600, 68
HOSTILE = '<img src=x onerror="window.hacked = 1">${window.hacked = 2}{{constructor}}'
FAILED_JS = "() => document.querySelector('[data-testid=fkd-editor]').dispatchEvent(new CustomEvent('fkd-failed'))"
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def find_chromium() -> str | None:
    """The Chromium to use, None for the one that Playwright brings itself."""
    named = os.environ.get("FKD_CHROMIUM")
    if named:
        return named
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next((path for path in found if path), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    with playwright_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
        except playwright_api.Error as error:
            pytest.fail(f"No Chromium to drive: {error.message.splitlines()[0]} Install one, or set FKD_CHROMIUM.")
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium) -> Iterator[Callable]:
    """Open a page of a local app; it fails the test on any uncaught error and reaches nothing but the local app."""
    contexts = []
    errors = []

    def open_at(url: str, **context_options):
        context = chromium.new_context(**context_options)
        contexts.append(context)
        context.route(lambda address: "127.0.0.1" not in address, lambda route: route.abort())
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(error))
        page.goto(url, wait_until="domcontentloaded")
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def open_desktop(open_page) -> Callable:
    return lambda url: open_page(url, viewport={"width": 1100, "height": 950})


@pytest.fixture
def open_phone(open_page) -> Callable:
    return lambda url: open_page(
        url, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, device_scale_factor=2
    )


class Editor:
    """The editor on a page, as a person handles it. Places are image pixels."""

    def __init__(self, page):
        self.page = page
        self._touches = None
        self.root = page.get_by_test_id("fkd-editor")
        self.root.locator("[data-point]").last.wait_for()

    def point(self, index: int):
        return self.root.locator(f'[data-point="{index}"]')

    def place(self, index: int) -> tuple[float, float]:
        point = self.point(index)
        return float(point.get_attribute("data-x")), float(point.get_attribute("data-y"))

    def state(self, index: int) -> str:
        return self.point(index).get_attribute("data-state")

    def button(self, action: str):
        return self.root.locator(f'[data-action="{action}"]')

    def scale(self) -> float:
        """Screen pixels per image pixel, measured on the photo."""
        width = float(self.root.locator(".fkd-photo").get_attribute("width"))
        return self.root.locator(".fkd-photo").bounding_box()["width"] / width

    def on_screen(self, place: tuple[float, float]) -> tuple[float, float]:
        """Where a place of the image is on the page; (0, 0) is the centre of the top-left pixel."""
        photo = self.root.locator(".fkd-photo").bounding_box()
        return photo["x"] + (place[0] + 0.5) * self.scale(), photo["y"] + (place[1] + 0.5) * self.scale()

    def in_image(self, place: tuple[float, float]) -> tuple[float, float]:
        photo = self.root.locator(".fkd-photo").bounding_box()
        return (place[0] - photo["x"]) / self.scale() - 0.5, (place[1] - photo["y"]) / self.scale() - 0.5

    def drag(self, index: int, dx: float, dy: float, grab: tuple[float, float] = (0, 0)) -> None:
        """Drag a point by screen pixels, taking hold of it beside its centre."""
        x, y = self.on_screen(self.place(index))
        x, y = x + grab[0], y + grab[1]
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + dx, y + dy, steps=5)
        self.page.mouse.up()

    def zoom_in(self, index: int, at_least: float) -> None:
        """Turn the wheel over a point until an image pixel is ``at_least`` that many screen pixels wide."""
        self.page.mouse.move(*self.on_screen(self.place(index)))
        while self.scale() < at_least:
            before = self.root.locator(".fkd-svg").get_attribute("viewBox")
            self.page.mouse.wheel(0, -300)
            playwright_api.expect(self.root.locator(".fkd-svg")).not_to_have_attribute("viewBox", before)

    def click(self, index: int, **options) -> None:
        self.page.mouse.click(*self.on_screen(self.place(index)), **options)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def unsaved(self, count: int) -> None:
        playwright_api.expect(self.root).to_have_attribute("data-unsaved", str(count))

    def touch(self, kind: str, *places: tuple[float, float]) -> None:
        """``kind``: touchStart, touchMove, touchEnd or touchCancel; ``places``: the fingers, in screen pixels."""
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
        if self._touches is None:
            self._touches = self.page.context.new_cdp_session(self.page)
        self._touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


@pytest.fixture
def editor_on() -> Callable[..., Editor]:
    """The editor on a page that has one, once it shows points."""
    return Editor


def make_face(face_id: str, centre: tuple[float, float], radius: float, first_missing: bool = False) -> EditorFace:
    """A ring of points; with ``first_missing``, point 0 was not predicted."""
    turn = np.linspace(0, 2 * np.pi, N_POINTS, endpoint=False)
    points = np.stack([centre[0] + radius * np.cos(turn), centre[1] + 1.2 * radius * np.sin(turn)], axis=1)
    if first_missing:
        points[0] = np.nan
    lists = point_lists(points.round(2))
    return EditorFace(
        face_id=face_id,
        box_xyxy=[*(np.array(centre) - 1.3 * radius), *(np.array(centre) + 1.3 * radius)],
        predicted=lists,
        points=lists,
        confidence=list(np.linspace(0, 1, N_POINTS)),
        states=["untouched" if point else "absent" for point in lists],
    )


@pytest.fixture(scope="module")
def editor_app(tmp_path_factory) -> Iterator[SimpleNamespace]:
    """An app with nothing but the editor. ``gate`` holds back the answers to saves while it is cleared.

    ``refused`` holds the numbers of the saves that fail, of 1, 2, ….
    """
    photo = tmp_path_factory.mktemp("photo") / PHOTO.name
    shutil.copy(PHOTO, photo)  # Gradio serves files of the temporary folder
    seen = SimpleNamespace(saves=[], refused=set(), boxes=[], kept=[], gate=threading.Event(), url="", hostile=HOSTILE)
    seen.gate.set()

    def document(doc_id: str = "one", names: list[str] | None = None, rev: int = 0) -> EditorDocument:
        faces = [make_face("a", (230, 190), 90)]
        if doc_id == "two":
            faces.append(make_face("b", (410, 480), 60, first_missing=True))
        return EditorDocument(
            image=FileData(path=str(photo)), width=WIDTH, height=HEIGHT, doc_id=doc_id, rev=rev, scheme=HOSTILE,
            photo_name=f"{doc_id}.jpg", names=names or [f"p{index}" for index in range(N_POINTS)],
            edges=[(index, index + 1) for index in range(N_POINTS - 1)], faces=faces,
        )  # fmt: skip

    def save(event: gr.EventData):
        edit = parse_face_edit(event._data, N_POINTS, WIDTH, HEIGHT)
        seen.saves.append(edit)
        number = len(seen.saves)
        assert seen.gate.wait(20)
        if number in seen.refused:
            raise gr.Error(f"refused {number}", print_exception=False)
        answer = document(edit.doc_id, rev=edit.rev)
        for face in answer.faces:
            if face.face_id == edit.face_id:
                face.saved_id, face.saved_rev = f"row {number}", edit.rev
        return answer, f"saved {number}"

    def add_face(event: gr.EventData):
        box = parse_box(event._data, WIDTH, HEIGHT)
        seen.boxes.append(box)
        answer = document(box.doc_id, rev=box.rev)
        x1, y1, x2, y2 = box.box_xyxy
        answer.faces.append(make_face("new", ((x1 + x2) / 2, (y1 + y2) / 2), (x2 - x1) / 2.6))
        return answer, "added"

    def keep(event: gr.EventData):
        seen.kept.append(event._data["doc_id"])

    with gr.Blocks() as demo:
        editor = KeypointEditor(document())
        said = gr.Textbox(label="said")
        for name, make in {
            "one": document,
            "two": lambda: document("two"),
            "settling": lambda: settling(document("settling")),
            "hostile": lambda: document("hostile", names=[HOSTILE] * N_POINTS),
            "nothing": lambda: None,
        }.items():
            gr.Button(name).click(make, None, editor, show_progress="hidden")
        answered = {"outputs": [editor, said], "trigger_mode": "multiple", "show_progress": "hidden"}
        editor.save(save, None, concurrency_limit=None, **answered).failure(None, js=FAILED_JS)
        editor.keep(keep, None, None)
        editor.add_face(add_face, None, **answered)
        editor.edit(lambda: None, None, None, trigger_mode="multiple")
    port = free_port()
    demo.launch(
        server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, inbrowser=False, run_history=False,
        quiet=True, ssr_mode=False,
    )  # fmt: skip
    seen.url = f"http://127.0.0.1:{port}/"
    yield seen
    seen.gate.set()
    demo.close()


@pytest.fixture(scope="session")
def app(tmp_path_factory) -> Iterator[SimpleNamespace]:
    """``python app.py`` in a process of its own, with an empty annotations folder."""
    with running_app(tmp_path_factory.mktemp("app")) as app:
        yield app


@pytest.fixture
def photo(app):
    """Write a picture to a file and return its path."""

    def write(image: np.ndarray, name: str = "photo.jpg") -> Path:
        path = app.folder / name
        Image.fromarray(image).save(path, quality=92)
        return path

    return write
