"""What a frame costs: ``python -m tests.browser.timed_views``, with the machine to itself.

Starts the app, drags a point of a face with 68 while the rest settles, and prints what a frame of that costs the page;
then holds a moving face before the camera, and prints how many frames a second get their points. No test: it measures,
and asserts no times.
"""

from __future__ import annotations

import io
import math
import statistics
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.apps import running_app
from tests.browser.conftest import CHROMIUM_ARGUMENTS, Editor, find_chromium
from tests.pictures import portrait, saved

JAW = 3
CAMERA_SIZE = (640, 480)
CAMERA_FRAMES = 40
LIVE_SECONDS = 10
WAIT_MS = 120_000

# In every frame the pointer moves once; a message sent in it comes when the frame was laid out and painted.
_DRAG_JS = """([x, y]) => new Promise((done) => {
  const stage = document.querySelector('[data-testid=fkd-editor] .fkd-stage');
  const channel = new MessageChannel();
  const costs = [];
  let since = 0;
  channel.port1.onmessage = () => {
    costs.push(performance.now() - since);
    if (costs.length < 200) requestAnimationFrame(frame);
    else done(costs);
  };
  function frame() {
    since = performance.now();
    const at = { clientX: x + 15 * Math.sin(costs.length / 7), clientY: y + 15 * Math.cos(costs.length / 7) };
    stage.dispatchEvent(new PointerEvent('pointermove', { pointerId: 1, pointerType: 'mouse', bubbles: true, ...at }));
    channel.port2.postMessage(0);
  }
  requestAnimationFrame(frame);
})"""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        camera = [
            "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={moving_face(Path(folder) / 'camera.mjpeg')}",
        ]  # fmt: skip
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*CHROMIUM_ARGUMENTS, *camera])
        page = browser.new_page(viewport={"width": 1366, "height": 900})
        with running_app(Path(folder)) as app:
            page.goto(app.url)
            page.locator("input[type=file]").first.set_input_files(saved(Path(folder) / "portrait.png", portrait()))
            costs = dragging(page)
            print(
                f"{statistics.median(costs):.1f} ms a frame while a point is dragged and the rest settles "
                f"(95 of 100 within {np.quantile(costs, 0.95):.1f} ms)"
            )
            print(f"{live(page):.1f} frames a second of the camera with points on them")
        browser.close()


def moving_face(path: Path) -> Path:
    """A clip of a face that sways, as Chromium takes it for a camera."""
    face, (width, height) = Image.fromarray(portrait()), CAMERA_SIZE
    face.thumbnail(CAMERA_SIZE)
    with path.open("wb") as file:
        for number in range(CAMERA_FRAMES):
            shown, picture = Image.new("RGB", CAMERA_SIZE, (90, 90, 90)), io.BytesIO()
            angle = 2 * math.pi * number / CAMERA_FRAMES
            at = (width - face.width) // 2 + round(60 * math.sin(angle)), (height - face.height) // 2
            shown.paste(face, at)
            shown.save(picture, "JPEG", quality=90)
            file.write(picture.getvalue())
    return path


def dragging(page: Page) -> list[float]:
    """Milliseconds of the page's main thread a frame: script, layout and painting."""
    editor = Editor(page)
    expect(editor.button("settle")).to_be_visible()
    page.wait_for_timeout(1500)
    x, y = editor.on_screen(editor.place(JAW))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 9, y)
    page.evaluate(_DRAG_JS, [x, y])  # the browser compiles what is run often
    costs = page.evaluate(_DRAG_JS, [x, y])
    settled = editor.states().count("settled")
    page.mouse.up()
    assert settled > 30, f"only {settled} points settled"
    return costs


def live(page: Page) -> float:
    """Frames a second, over the last thirty."""
    page.get_by_role("tab", name="Video").click()
    page.locator("#fkd-live").get_by_text("Live: the camera").click()
    view = page.get_by_test_id("fkd-live")
    view.get_by_role("button", name="Start the camera").click()
    expect(view.get_by_role("status")).to_contain_text("1 face", timeout=WAIT_MS)
    page.wait_for_timeout(1000 * LIVE_SECONDS)
    return float(view.get_attribute("data-rate"))


if __name__ == "__main__":
    main()
