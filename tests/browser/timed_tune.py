"""What a fine-tune takes from who predicts meanwhile: ``python -m tests.browser.timed_tune``, on a quiet machine.

Starts the app with three corrected faces, asks for predictions, starts a thorough fine-tune from the page, and asks
again while it trains. No test: it measures, and asserts no times.
"""

from __future__ import annotations

import re
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from gradio_client import Client, handle_file
from playwright.sync_api import expect, sync_playwright

from fkd.predictor import KeypointPredictor
from tests.browser.apps import running_app
from tests.browser.conftest import CHROMIUM_ARGUMENTS, find_chromium
from tests.corrected_faces import save_correction
from tests.pictures import astronaut, portrait, saved

PREDICTIONS = 40
WAIT_MS = 120_000


def main() -> None:
    """Print how long a prediction took, idle and while the app trained."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        correct_three(folder / "annotations")
        photo = saved(folder / "portrait.jpg", portrait(), quality=92)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1366, "height": 900})
        with running_app(folder) as app:
            client = Client(app.url, verbose=False)
            prediction_ms(client, photo, 5)
            idle_ms = prediction_ms(client, photo, PREDICTIONS)
            page.goto(app.url)
            page.get_by_role("tab", name="Fine-tune").click()
            page.get_by_label("Thorough").check()
            page.locator("#fkd-tune-start").click()
            step = page.locator("#fkd-tune-progress").get_by_text(re.compile(r"step \d+ of 150"))
            expect(step).to_be_visible(timeout=WAIT_MS)
            first = step.inner_text()
            busy_ms = prediction_ms(client, photo, PREDICTIONS)
            last = step.inner_text()
        browser.close()
    print(f"the fine-tune went from “{first}” to “{last}”")
    for when, took_ms in (("idle", idle_ms), ("while it trains", busy_ms)):
        print(
            f"{when}: {statistics.median(took_ms):.0f} ms a photo at the median "
            f"(9 of 10 within {np.quantile(took_ms, 0.9):.0f} ms)"
        )


def correct_three(annotations: Path) -> None:
    """Three pictures whose faces stand elsewhere than the shipped weights say."""
    predictor = KeypointPredictor.from_pretrained("ibug68", device="cpu")
    for picture in (portrait(), astronaut(), np.ascontiguousarray(portrait()[:, ::-1])):
        points = predictor(picture)[0].points
        save_correction(annotations, picture, points, points + 3)


def prediction_ms(client: Client, photo: Path, count: int) -> list[float]:
    """Ask the app for the points of a photo, one time after the other."""
    took_ms = []
    for _ in range(count):
        start_s = time.perf_counter()
        client.predict(handle_file(str(photo)), "ibug68", api_name="/predict")
        took_ms.append(1e3 * (time.perf_counter() - start_s))
    return took_ms


if __name__ == "__main__":
    main()
