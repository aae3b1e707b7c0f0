"""The copies of open photos: how many are kept, and what a failure leaves behind."""

from __future__ import annotations

import errno

import pytest
from PIL import Image

from fkd import CorrectionsError, ImageError
from fkd.ui import photos as photos_module
from fkd.ui.photos import OpenPhotos
from tests.pictures import faceless


@pytest.fixture
def photos() -> OpenPhotos:
    return OpenPhotos()


@pytest.fixture
def coffee(tmp_path):
    Image.fromarray(faceless()).save(tmp_path / "coffee.png")
    return tmp_path / "coffee.png"


def nobody(image):
    """A predictor that finds no face."""
    return []


def test_all_copies_together_stay_below_a_size(photos, monkeypatch, coffee):
    first, second = (photos.open(coffee, nobody) for _ in range(2))
    assert second.size_bytes == sum(path.stat().st_size for path in second.display.parent.iterdir())
    monkeypatch.setattr(photos_module, "MAX_BYTES", 2 * second.size_bytes)
    third = photos.open(coffee, nobody)
    assert sorted(photos.folder.iterdir()) == sorted([second.display.parent, third.display.parent])
    with pytest.raises(CorrectionsError):
        photos.get(first.doc_id)


def test_the_newest_photo_stays_however_large_it_is(photos, monkeypatch, coffee):
    photos.open(coffee, nobody)
    monkeypatch.setattr(photos_module, "MAX_BYTES", 1)
    newest = photos.open(coffee, nobody)
    assert photos.get(newest.doc_id).original.is_file()
    assert list(photos.folder.iterdir()) == [newest.original.parent]


@pytest.mark.parametrize("full", ["shutil.copyfile", "PIL.Image.Image.save"])
def test_a_full_disk_is_a_sentence_and_leaves_nothing_behind(photos, monkeypatch, coffee, full):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(full, fail)
    with pytest.raises(ImageError, match="coffee.png cannot be opened.*No space left on device.*Make room"):
        photos.open(coffee, nobody)
    assert list(photos.folder.iterdir()) == []


def test_a_prediction_that_fails_leaves_no_copy_behind(photos, coffee):
    def predictor(image):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        photos.open(coffee, predictor)
    assert list(photos.folder.iterdir()) == []
