"""What a person does with the queue, as test modules share it, and photos to put into it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pictures import portrait

__all__ = ["SLOW_MS", "Queue", "variants"]

expect = pytest.importorskip("playwright.sync_api").expect

SLOW_MS = 60_000


def variants(folder: Path, count: int, seed: int) -> list[Path]:
    """So many pictures of one portrait, each a little darker than the one before; no two seeds make the same one."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        dark = portrait() * (1 - 0.03 * number)
        dark[0, :16] = seed + 10 * number
        paths.append(folder / f"face-{seed}-{number}.jpg")
        Image.fromarray(dark.astype(np.uint8)).save(paths[-1], quality=92)
    return paths


class Queue:
    """The queue's panel on a page, as a person handles it."""

    def __init__(self, page):
        self.page = page
        self.root = page.get_by_test_id("fkd-queue")
        self.name = self.root.locator(".fkd-queue-name")
        self.waiting = self.root.locator(".fkd-queue-waiting")
        self.paths: dict[str, Path] = {}  # of what was added, by name
        self._picture = ""  # that the editor showed last

    def add(self, *paths: Path) -> None:
        """Put files into the box, and wait until every one of them was predicted."""
        self.paths |= {path.name: path for path in paths}
        self.page.locator("#fkd-queue-files input[type=file]").set_input_files(paths)
        expect(self.root).to_be_visible(timeout=SLOW_MS)
        expect(self.waiting).to_have_text("", timeout=SLOW_MS)

    def count(self, shown: str):
        return self.root.locator(f'[data-shown="{shown}"] b')

    def step(self, step: str):
        return self.root.locator(f'[data-step="{step}"]')

    def at_hand(self) -> None:
        """Wait until the browser has what comes next."""
        expect(self.root).to_have_attribute("data-ready", "true", timeout=SLOW_MS)

    def press(self, step: str) -> None:
        self.step(step).click()

    def opened(self, known: str = "") -> str:
        """The name of the photo that is open, once it is another one and the editor shows it."""
        expect(self.name).not_to_have_text(known or re.compile("^$"), timeout=SLOW_MS)
        expect(self.name).not_to_have_text("")
        photo = self.page.locator(".fkd-photo")
        expect(photo).not_to_have_attribute("href", self._picture, timeout=SLOW_MS)
        self._picture = photo.get_attribute("href")
        return self.name.inner_text()
