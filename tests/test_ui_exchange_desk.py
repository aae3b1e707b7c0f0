"""What the page hands out in other tools' formats, and what it takes in."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from fkd.correction_store import CorrectionStore
from fkd.errors import DataError
from fkd.exchange import FORMATS
from fkd.ui import exchange_desk
from fkd.ui.exchange_desk import ExchangeDesk
from tests.exchanged import corrected


def exported(tmp_path: Path, form: str = "coco") -> Path:
    """A zip of three faces in two pictures; in one a point is missing, if the format can say so."""
    there = ExchangeDesk(corrected(tmp_path, missing=form != "pts"))
    return Path(shutil.copy(there.zip_of(form, "kaggle15")[0], tmp_path))


@pytest.fixture
def here(tmp_path):
    """An app without any corrections yet."""
    return ExchangeDesk(CorrectionStore(tmp_path / "here"))


def faces_in(tmp_path: Path) -> int:
    store = CorrectionStore(tmp_path / "here")
    return len(list(store.current())) if store.path.exists() else 0


def test_an_export_is_a_zip_with_pictures_and_labels_and_says_what_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(exchange_desk, "KEPT", 1)
    desk = ExchangeDesk(corrected(tmp_path))
    first, sentence = desk.zip_of("coco", "kaggle15")
    assert sentence == "3 faces exported as COCO keypoints JSON."
    with zipfile.ZipFile(first) as archive:
        names = archive.namelist()
    assert Path(first).name == "fkd-coco.zip" and "annotations.json" in names
    assert sum(name.endswith(".png") for name in names) == 2
    second, sentence = desk.zip_of("dlib", "kaggle15")
    assert Path(second).is_file() and not Path(first).exists()
    assert "whole pixels" in sentence and "1 are written as seen" in sentence


def test_an_export_of_nothing_or_in_no_format_is_a_sentence(here):
    with pytest.raises(DataError, match="There are no corrections of ibug68"):
        here.zip_of("coco", "ibug68")
    with pytest.raises(DataError, match="there is none"):
        here.zip_of("../etc", "ibug68")
    with pytest.raises(DataError, match="there is none"):
        here.take_in([], "../etc", "ibug68", "")
    assert list(Path(here._temporary.name).iterdir()) == []


@pytest.mark.parametrize("form", FORMATS)
def test_a_zip_of_every_format_comes_in(tmp_path, here, form):
    packed = exported(tmp_path, form)
    sentence = here.take_in([packed], form, "kaggle15", "Ada")
    assert sentence.startswith(f"{FORMATS[form].TITLE}: 3 faces added")
    assert {row.annotator for row in CorrectionStore(tmp_path / "here").current()} == {"Ada"}
    assert "0 faces added" in here.take_in([packed], form, "kaggle15", "Ada")
    assert list(Path(here._temporary.name).iterdir()) == []


def test_loose_files_come_in_whatever_the_labels_are_called(tmp_path, here):
    shutil.unpack_archive(exported(tmp_path), tmp_path / "out")
    (tmp_path / "out" / "predictions.json").unlink()
    labels = (tmp_path / "out" / "annotations.json").rename(tmp_path / "out" / "person_keypoints.json")
    here.take_in([labels, *(tmp_path / "out" / "images").iterdir()], "coco", "kaggle15", "")
    assert faces_in(tmp_path) == 3


def test_a_folder_inside_a_zip_comes_in(tmp_path, here):
    shutil.unpack_archive(exported(tmp_path, "yolo"), tmp_path / "out" / "faces")
    packed = shutil.make_archive(str(tmp_path / "faces"), "zip", tmp_path / "out")
    here.take_in([packed], "yolo", "kaggle15", "")
    assert faces_in(tmp_path) == 3


def test_a_data_set_cannot_point_at_pictures_of_the_server(tmp_path, here):
    shutil.unpack_archive(exported(tmp_path, "yolo"), tmp_path / "out")
    settings = tmp_path / "out" / "data.yaml"
    settings.write_text(settings.read_text().replace("images/train", f"{tmp_path}/out/images/train"))
    with pytest.raises(DataError, match="which is not in"):
        here.take_in([settings], "yolo", "kaggle15", "")
    assert faces_in(tmp_path) == 0


@pytest.mark.parametrize("name", ["../evil.jpg", "/evil.jpg", "a\\..\\..\\evil.jpg", "C:\\evil.jpg"])
def test_a_zip_that_leads_out_of_itself_is_refused(tmp_path, here, name):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(name, b"evil")
    with pytest.raises(DataError, match="leads out of the zip"):
        here.take_in([tmp_path / "bad.zip"], "coco", "kaggle15", "")
    assert not list(tmp_path.rglob("evil.jpg"))


def test_a_zip_that_unpacks_to_too_much_is_refused_while_it_does(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", bytes(3_000_000))
    (tmp_path / "into").mkdir()
    with pytest.raises(DataError, match="too large"):
        exchange_desk.unpacked([tmp_path / "bomb.zip"], tmp_path / "into", max_bytes=2_000_000)
    assert sum(path.stat().st_size for path in (tmp_path / "into").iterdir()) <= 2_000_000


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut off"])
def test_a_damaged_zip_is_a_sentence(tmp_path, here, content):
    (tmp_path / "bad.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"“bad\.zip” cannot be unpacked"):
        here.take_in([tmp_path / "bad.zip"], "coco", "kaggle15", "")


def test_pictures_without_labels_are_told_of(tmp_path, here):
    (tmp_path / "a.jpg").write_bytes(b"a")
    with pytest.raises(DataError, match=r"There is no annotations\.json among these files"):
        here.take_in([tmp_path / "a.jpg"], "coco", "kaggle15", "")
