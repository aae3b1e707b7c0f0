"""How long twenty faces take in the queue: ``python -m tests.browser.timed_queue``, with the machine to itself.

Starts the app on variants of one portrait, corrects each by keyboard and mouse, and prints the actions and milliseconds
a face, and how long it takes from the key to points that can be edited. No test: it measures, and asserts no times.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.apps import running_app
from tests.browser.conftest import CHROMIUM_ARGUMENTS, Editor, find_chromium
from tests.pictures import portrait, rotated

FACES = 20
NOSE_TIP = 30
WAIT_MS = 120_000

# From the key that was pressed last to another photo with its points in the editor, its picture decoded.
_WATCH_JS = """() => {
  const photo = document.querySelector('.fkd-photo');
  window.editableMs = [];
  let pressed = 0;
  document.addEventListener('keydown', () => { pressed = performance.now(); }, true);
  new MutationObserver(async () => {
    const since = pressed;
    const picture = new Image();
    picture.src = photo.getAttribute('href');
    await picture.decode();
    requestAnimationFrame(() => window.editableMs.push(performance.now() - since));
  }).observe(photo, { attributes: true, attributeFilter: ['href'] });
}"""


def main() -> None:
    """Correct the faces and print what it took."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        photos = Path(folder) / "photos"
        photos.mkdir()
        for number in range(FACES):
            turned = rotated(portrait(), 1.5 * number - 15)
            Image.fromarray(turned).save(photos / f"portrait-{number:02}.jpg", quality=92)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1366, "height": 900})
        with running_app(Path(folder), "--photos", str(photos)) as app:
            page.goto(app.url)
            face_ms, actions = correct_all(page)
            rows = list(app.store.current())
        editable_ms = page.evaluate("window.editableMs")
        browser.close()
    moved = [np.array(row.states) == "moved" for row in rows]
    assert len(rows) == FACES and all(states.sum() == 2 for states in moved), "not every correction was saved"
    print(f"{FACES} faces, {actions / FACES:.1f} actions a face (a drag or a key is one)")
    print(f"{statistics.mean(face_ms):.0f} ms a face (median {statistics.median(face_ms):.0f})")
    nine_of_ten_ms = np.quantile(editable_ms, 0.9)
    print(
        f"{statistics.median(editable_ms):.0f} ms from the key to points that can be edited "
        f"(9 of 10 within {nine_of_ten_ms:.0f} ms)"
    )


def correct_all(page: Page) -> tuple[list[float], int]:
    """Milliseconds of each face, and how many actions all of them took.

    Of each face, the nose is dragged, the point after it is nudged by three pixels, and then it is saved.
    """
    panel = page.get_by_test_id("fkd-queue")
    expect(panel.locator('[data-shown="all"] b')).to_have_text(str(FACES), timeout=WAIT_MS)
    expect(panel.locator(".fkd-queue-waiting")).to_have_text("", timeout=WAIT_MS)
    panel.locator('[data-step="next"]').click()
    editor = Editor(page)
    page.evaluate(_WATCH_JS)
    page.wait_for_timeout(1500)  # as a person looks at the first face
    face_ms, actions = [], 0
    for number in range(FACES):
        picture = page.locator(".fkd-photo").get_attribute("href")
        started_ms = page.evaluate("performance.now()")
        editor.drag(NOSE_TIP, 10, -6)
        keys = ["Tab", *["ArrowDown"] * 3, "s"]
        editor.press(*keys)
        actions += 1 + len(keys)
        if number < FACES - 1:
            expect(page.locator(".fkd-photo")).not_to_have_attribute("href", picture, timeout=WAIT_MS)
        else:
            expect(panel.locator('[data-shown="corrected"] b')).to_have_text(str(FACES), timeout=WAIT_MS)
        face_ms.append(page.evaluate("performance.now()") - started_ms)
    return face_ms, actions


if __name__ == "__main__":
    main()
