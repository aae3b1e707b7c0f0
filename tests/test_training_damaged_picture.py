"""Whether a picture of the store, or one that somebody put there, can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from fkd.image_store import store_image
from tests.pictures import portrait, saved
from training import damaged_picture
from training.damaged_picture import is_damaged


@pytest.fixture
def stored(tmp_path) -> Path:
    return tmp_path / store_image(saved(tmp_path / "photo.jpg", portrait()), tmp_path)


def test_a_whole_picture_is_told_by_its_name_without_decoding_it(stored, monkeypatch):
    monkeypatch.setattr(damaged_picture, "read_image", lambda path: pytest.fail("it was decoded"))
    assert not is_damaged(stored)


def test_a_picture_by_another_name_is_decoded(tmp_path, stored):
    assert not is_damaged(stored.rename(tmp_path / "mine.jpg"))


def test_a_picture_that_was_cut_short_is_damaged_until_it_is_put_right(stored):
    content = stored.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"no picture"):
        stored.write_bytes(damaged)
        assert is_damaged(stored)
    stored.write_bytes(content)
    assert not is_damaged(stored)


def test_what_is_not_there_or_a_folder_is_damaged(tmp_path):
    assert is_damaged(tmp_path / "none.jpg") and is_damaged(tmp_path)
