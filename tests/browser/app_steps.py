"""What a person does on the page around the editor, as test modules share it."""

from __future__ import annotations

from pathlib import Path

import pytest

__all__ = ["save", "upload"]

expect = pytest.importorskip("playwright.sync_api").expect


def upload(page, path: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(path)


def save(editor, page) -> None:
    """Press “Save face” and wait until the page says that it is saved."""
    editor.button("save").click()
    expect(page.locator("#fkd-status")).to_contain_text("Saved face", timeout=20_000)
    editor.unsaved(0)
