"""From three wrong faces to better weights that serve, and back: as a person does it, who never saw a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from fkd.registry import Registry
from fkd.ui.tuning import PACES
from fkd.versions import OVERRIDDEN, PROMOTED, ROLLED_BACK
from tests.browser.app_steps import save, upload
from tests.browser.apps import running_app
from tests.corrected_faces import save_correction
from tests.pictures import astronaut, portrait, saved

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

CHIN, NOSE_TIP, LOWER_LIP = 8, 30, 57
TRAINING_MS = 600_000  # some twenty seconds where nothing else runs
# The sentence above the photo may have a line more or less now, and a page that is scrolled makes up for that later.
AT_REST = """async () => {
  const photo = document.querySelector('.fkd-photo');
  const place = () => JSON.stringify(photo.getBoundingClientRect());
  for (let before = '', still = 0; still < 5; ) {
    await new Promise(requestAnimationFrame);
    const now = place();
    still = now === before ? still + 1 : 0;
    before = now;
  }
}"""


@pytest.fixture(scope="module")
def tuned_app(tmp_path_factory) -> Iterator:
    with running_app(tmp_path_factory.mktemp("tuned")) as app:
        yield app


def correct(page, editor_on, path) -> None:
    """Open a photo, drag three points of its face down, and save it."""
    shown = page.locator(".fkd-photo")
    before = shown.get_attribute("href")
    upload(page, path)
    expect(page.locator("#fkd-status")).to_contain_text(f"1 face in {path.name}", timeout=30_000)
    expect(shown).not_to_have_attribute("href", before or "")
    page.evaluate("scrollTo(0, 0)")
    editor = editor_on(page)
    for point in (CHIN, NOSE_TIP, LOWER_LIP):
        page.evaluate(AT_REST)
        editor.drag(point, 5, 12)
        expect(editor.point(point)).to_have_attribute("data-state", "moved")
    save(editor, page)


def fine_tune_tab(page) -> None:
    page.get_by_role("tab", name="Fine-tune").click()


def test_three_wrong_faces_become_a_version_that_serves_and_one_click_takes_it_back(
    tuned_app, open_desktop, editor_on, tmp_path
):
    page = open_desktop(tuned_app.url)
    fine_tune_tab(page)
    expect(page.locator("#fkd-tune-preview")).to_contain_text("There are no corrections yet", timeout=30_000)
    versions = page.locator("#fkd-tune-versions")
    expect(versions).to_contain_text("serves ibug68.", timeout=30_000)
    shipped = re.search(r"(\S+) serves ibug68\.", versions.inner_text())[1]

    page.get_by_role("tab", name="Correct").click()
    close = np.array(Image.fromarray(astronaut()[:300, 96:352]).resize((512, 600)))
    pictures = {"a.jpg": portrait(), "b.jpg": np.ascontiguousarray(portrait()[:, ::-1]), "c.jpg": close}
    for name, pixels in pictures.items():
        correct(page, editor_on, saved(tmp_path / name, pixels, quality=92))

    fine_tune_tab(page)
    preview, status = page.locator("#fkd-tune-preview"), page.locator("#fkd-tune-status")
    expect(preview).to_contain_text("3corrected faces to learn from")
    expect(preview).to_contain_text("9 moved")
    page.get_by_label("Quick").check()
    page.locator("#fkd-tune").get_by_label("Your name").fill("Ada")
    page.locator("#fkd-tune-start").click()
    expect(status).to_contain_text("The fine-tune has started")
    expect(page.locator("#fkd-tune-start")).to_be_disabled()

    progress = page.locator("#fkd-tune-progress")
    expect(progress).to_contain_text(re.compile(rf"step \d+ of {PACES['quick'].steps}"), timeout=TRAINING_MS)
    page.reload(wait_until="domcontentloaded")  # whoever opens the page again sees the same run
    fine_tune_tab(page)
    expect(progress.get_by_role("progressbar")).to_be_visible(timeout=30_000)
    expect(progress).to_contain_text("is registered", timeout=TRAINING_MS)
    for curve in ("error on corrections learnt from", "loss"):
        expect(progress.get_by_role("img", name=re.compile(f"^{curve}"))).to_be_visible()

    result = page.locator("#fkd-tune-result")
    expect(result).to_contain_text("The gate cannot decide: a person has to.")  # nothing is held out of three faces
    expect(result.locator("td", has_text="corrections learnt from")).to_be_visible()
    expect(page.locator("#fkd-tune-picture img")).to_be_visible()
    expect(versions).to_contain_text(f"{shipped} serves ibug68.")
    (version,) = Registry(tuned_app.runs).versions().values()
    assert version.who == "Ada" and len(version.corrections) == 3 and version.measured[-1].n == 3

    reason = page.get_by_label("Why it is to serve although the gate refused it")
    if reason.is_visible():
        reason.fill("the beards are better")
    page.locator("#fkd-tune-promote").click()
    expect(versions).to_contain_text(f"{version.version} serves ibug68.", timeout=30_000)
    expect(versions.locator('[data-status="serves"]')).to_be_visible()

    page.locator("#fkd-tune-rollback").click()
    expect(versions).to_contain_text(f"{shipped} serves ibug68.", timeout=30_000)
    expect(status).to_contain_text(f"{version.version} no longer serves ibug68")
    history = [event.event for event in Registry(tuned_app.runs).history()]
    assert history in ([PROMOTED, ROLLED_BACK], [OVERRIDDEN, ROLLED_BACK])


def test_a_cancel_keeps_what_serves(tuned_app, open_desktop):
    points = np.random.default_rng(0).uniform(170, 350, (15, 2))
    save_correction(tuned_app.folder / "annotations", portrait(), points + 2, points, scheme="kaggle15")
    page = open_desktop(tuned_app.url)
    fine_tune_tab(page)
    page.locator("#fkd-tune").get_by_label("15 keypoints").check()
    serving = page.locator("#fkd-tune-versions .tune-serving")
    expect(serving).to_contain_text("serves kaggle15", timeout=30_000)
    before = serving.inner_text()
    page.locator("#fkd-tune-start").click()
    expect(page.locator("#fkd-tune-status")).to_contain_text("has started", timeout=30_000)
    page.locator("#fkd-tune-cancel").click()
    expect(page.locator("#fkd-tune-progress")).to_contain_text("Cancelled", timeout=60_000)
    expect(page.locator("#fkd-tune-start")).to_be_enabled()
    expect(serving).to_have_text(before)
    assert all(version.scheme != "kaggle15" for version in Registry(tuned_app.runs).versions().values())
