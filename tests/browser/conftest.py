"""A Chromium to drive, pages in it (a desktop with a mouse, a small phone with touch), and two apps to open."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.browser.apps import running_app
from tests.browser.bare_app import BareApp, bare_app

playwright_api = pytest.importorskip("playwright.sync_api")
playwright_api.expect.set_options(timeout=20_000)  # the machine may be slow, and busy

# Nothing but the local app is reached. (To intercept its requests would do as well, but turns the browser's cache off.)
ONLY_HERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", ONLY_HERE]
DESKTOP = {"viewport": {"width": 1100, "height": 950}}


def find_chromium() -> str | None:
    """The Chromium to use, None for the one that Playwright brings itself."""
    named = os.environ.get("FKD_CHROMIUM")
    if named:
        return named
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next((path for path in found if path), None)


@pytest.fixture(scope="session")
def playwright() -> Iterator:
    with playwright_api.sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(playwright) -> Iterator:
    with chromium_to_drive(playwright.chromium.launch) as browser:
        yield browser


@pytest.fixture(scope="session")
def profile(playwright, tmp_path_factory) -> Iterator:
    """A browser that keeps the app's scripts, read and compiled, from test to test: a page opens in half the time."""
    folder = tmp_path_factory.mktemp("profile")
    with chromium_to_drive(playwright.chromium.launch_persistent_context, user_data_dir=folder, **DESKTOP) as profile:
        yield profile


@contextmanager
def chromium_to_drive(launch: Callable, **options) -> Iterator:
    try:
        browser = launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS, **options)
    except playwright_api.Error as error:
        pytest.fail(f"No Chromium to drive: {error.message.splitlines()[0]} Install one, or set FKD_CHROMIUM.")
    yield browser
    browser.close()


@pytest.fixture
def errors() -> Iterator[list]:
    """What scripts of the pages did not catch: it fails the test."""
    errors = []
    yield errors
    assert errors == []


@pytest.fixture
def open_page(chromium, errors) -> Iterator[Callable]:
    """Open a page of a local app in a browser that knows nothing yet; it reaches nothing but the local app."""
    contexts = []

    def open_at(url: str, **context_options):
        contexts.append(chromium.new_context(**context_options))
        return opened(contexts[-1], url, errors)

    yield open_at
    for context in contexts:
        context.close()


def opened(context, url: str, errors: list):
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(error))
    page.goto(url, wait_until="domcontentloaded")
    return page


@pytest.fixture
def open_desktop(profile, open_page, errors) -> Iterator[Callable]:
    """Open a page with a mouse; each time in another browser, as far as the app can tell."""
    blank, origins = profile.pages[0], []

    def open_at(url: str):
        if origins:
            return open_page(url, **DESKTOP)
        origins.append("/".join(url.split("/")[:3]))
        return opened(profile, url, errors)

    yield open_at
    for page in profile.pages[1:]:
        page.close()
    profile.clear_cookies()
    session = profile.new_cdp_session(blank)
    for origin in origins:
        session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "local_storage,indexeddb"})
    session.detach()


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
        # Styles and fonts that come late move what the mouse is to be put on.
        page.wait_for_load_state("load")
        page.evaluate("() => document.fonts.ready.then(() => true)")

    def point(self, index: int):
        return self.root.locator(f'[data-point="{index}"]')

    def place(self, index: int) -> tuple[float, float]:
        point = self.point(index)
        return float(point.get_attribute("data-x")), float(point.get_attribute("data-y"))

    def places(self) -> np.ndarray:
        """Where all points are, (K, 2)."""
        read = "nodes => nodes.map(node => [Number(node.dataset.x), Number(node.dataset.y)])"
        return np.array(self.root.locator("[data-point]").evaluate_all(read))

    def states(self) -> list[str]:
        return self.root.locator("[data-point]").evaluate_all("nodes => nodes.map(node => node.dataset.state)")

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

    def bring_into_view(self) -> None:
        """Scroll to the photo, once nothing moves it any more: a button that is pressed may leave it behind."""
        self.root.locator(".fkd-stage").scroll_into_view_if_needed()

    def drag(self, index: int, dx: float, dy: float, grab: tuple[float, float] = (0, 0)) -> None:
        """Drag a point by screen pixels, taking hold of it beside its centre."""
        self.bring_into_view()
        x, y = self.on_screen(self.place(index))
        x, y = x + grab[0], y + grab[1]
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + dx, y + dy, steps=5)
        self.page.mouse.up()

    def zoom_in(self, index: int, at_least: float) -> None:
        """Turn the wheel over a point until an image pixel is ``at_least`` that many screen pixels wide."""
        self.bring_into_view()
        self.page.mouse.move(*self.on_screen(self.place(index)))
        while self.scale() < at_least:
            before = self.root.locator(".fkd-svg").get_attribute("viewBox")
            self.page.mouse.wheel(0, -300)
            playwright_api.expect(self.root.locator(".fkd-svg")).not_to_have_attribute("viewBox", before)

    def click(self, index: int, **options) -> None:
        self.bring_into_view()
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


@pytest.fixture(scope="session")
def running_bare_app(tmp_path_factory) -> Iterator[BareApp]:
    with bare_app(tmp_path_factory.mktemp("bare")) as running:
        yield running


@pytest.fixture
def editor_app(running_bare_app) -> Iterator[BareApp]:
    """An app with nothing but the editor, which remembers nothing of other tests."""
    running_bare_app.forget()
    yield running_bare_app
    running_bare_app.gate.set()


@pytest.fixture(scope="session")
def app(tmp_path_factory) -> Iterator[SimpleNamespace]:
    """``python app.py`` in a process of its own, with an empty annotations folder."""
    with running_app(tmp_path_factory.mktemp("app")) as app:
        app.written = []
        yield app


@pytest.fixture
def photo(app):
    """Write a picture to a file and return its path. Each is another photo, of which nothing was saved yet."""

    def write(image: np.ndarray, name: str = "photo.jpg") -> Path:
        image = image.copy()
        image[:8, :8] = len(app.written)  # in the corner, as large as a block of JPEG
        path = app.folder / name
        Image.fromarray(image).save(path, quality=92)
        app.written.append(path)
        return path

    return write
