"""Keeping pictures: which bytes are stored, under which name, and what is left out."""

from __future__ import annotations

import os
import stat
import sys
import threading

import numpy as np
import pytest
from PIL import Image, ImageCms

from fkd.errors import ImageError
from fkd.image_store import store_image, stored_name
from fkd.images import read_image
from tests.pictures import (
    PORTRAIT_PATH,
    mean_difference,
    saved,
    small,
    write_truncated_jpeg,
)


def test_a_plain_jpeg_and_png_are_kept_byte_for_byte(tmp_path):
    rgb, grey = small(), small()[..., 0]
    for path in (
        saved(tmp_path / "a.jpg", rgb),
        saved(tmp_path / "a.png", rgb),
        saved(tmp_path / "grey.jpg", grey, progressive=True, dpi=(300, 300)),
        saved(
            tmp_path / "grey.png", grey, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        ),
    ):
        name = store_image(path, tmp_path / "kept")
        assert (tmp_path / "kept" / name).read_bytes() == path.read_bytes()
        assert len(name) == 32 + 4
        assert name.endswith(path.suffix)


def test_the_same_picture_is_kept_once(tmp_path):
    first = store_image(PORTRAIT_PATH, tmp_path)
    written = (tmp_path / first).stat().st_mtime_ns
    assert store_image(PORTRAIT_PATH, tmp_path) == first
    assert store_image(tmp_path / first, tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == [first]
    assert (tmp_path / first).stat().st_mtime_ns == written


def test_the_name_of_a_picture_is_known_without_storing_it(tmp_path):
    phone = saved(tmp_path / "phone.jpg", small(), exif=gps_exif(), quality=95)
    for path in (PORTRAIT_PATH, phone):
        name = stored_name(path)
        assert not (tmp_path / "kept" / name).exists()
        assert store_image(path, tmp_path / "kept") == name


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be flushed there")
def test_the_picture_and_the_names_that_lead_to_it_are_on_the_disk_before_the_row(tmp_path, monkeypatch):
    synced = []
    real_fsync = os.fsync

    def fsync(descriptor):
        synced.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store_image(PORTRAIT_PATH, tmp_path / "kept")
    assert synced == ["folder", "file", "folder"]
    store_image(PORTRAIT_PATH, tmp_path / "kept")
    assert synced[3:] == ["folder"], "another process may have put it there a moment ago"


def gps_exif(orientation: int = 6) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "a description that is nobody's business"
    exif.get_ifd(0x8825)[2] = (51.0, 30.0, 0.0)
    return exif


def test_a_phone_photo_is_kept_upright_and_without_its_metadata(tmp_path):
    path = saved(tmp_path / "phone.jpg", small(), exif=gps_exif(), quality=95)
    name = store_image(path, tmp_path / "kept")
    with Image.open(tmp_path / "kept" / name) as kept:
        assert not kept.getexif()
        assert kept.layer[0][1:3] == (1, 1), "chroma is subsampled"
    assert b"business" not in (tmp_path / "kept" / name).read_bytes()
    np.testing.assert_allclose(read_image(tmp_path / "kept" / name), read_image(path), atol=40)
    assert read_image(tmp_path / "kept" / name).shape == (102, 120, 3)
    assert store_image(path, tmp_path / "kept") == name


def test_messages_hidden_in_a_jpeg_or_png_are_not_kept(tmp_path):
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("Author", "a secret")
    plain = saved(tmp_path / "plain.jpg", small()).read_bytes()
    (tmp_path / "appended.jpg").write_bytes(plain + b"a secret film behind the picture")
    plain = saved(tmp_path / "plain.png", small()).read_bytes()
    (tmp_path / "appended.png").write_bytes(plain + b"\0\0\0\x08pHYsa secret1234")
    sources = (
        saved(tmp_path / "comment.jpg", small(), comment="a secret"),
        saved(tmp_path / "xmp.jpg", small(), xmp=b"<x>a secret</x>"),
        saved(tmp_path / "text.png", small(), pnginfo=text),
        tmp_path / "appended.jpg",
        tmp_path / "appended.png",
    )
    for path in sources:
        assert b"a secret" in path.read_bytes()
        assert b"a secret" not in (tmp_path / store_image(path, tmp_path)).read_bytes(), path.name


@pytest.mark.parametrize("kind", ["webp", "gif", "bmp", "cmyk.jpg", "rgba.png", "16.png"])
def test_everything_else_is_kept_as_plain_rgb_of_the_same_size(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    picture = Image.fromarray(small())
    if kind == "16.png":
        picture = Image.fromarray(small()[..., 0].astype(np.uint16) * 257)
    if kind in ("cmyk.jpg", "rgba.png"):
        picture = picture.convert(kind[:4].upper())
    picture.save(path)
    name = store_image(path, tmp_path / "kept")
    assert name.endswith(".jpg" if kind == "cmyk.jpg" else ".png")
    original, kept = read_image(path), read_image(tmp_path / "kept" / name)
    assert kept.shape == original.shape
    assert mean_difference(kept, original) < (3 if kind == "cmyk.jpg" else 1e-9)
    with Image.open(tmp_path / "kept" / name) as stored:
        assert stored.mode == "RGB"


def test_nothing_is_kept_of_a_bad_picture(tmp_path):
    with pytest.raises(ImageError, match="damaged"):
        store_image(write_truncated_jpeg(tmp_path / "half.jpg"), tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_a_failed_write_leaves_no_part_behind(tmp_path, monkeypatch):
    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(ImageError, match="No space left") as caught:
        store_image(PORTRAIT_PATH, tmp_path / "kept")
    assert str(tmp_path) not in str(caught.value)
    assert list((tmp_path / "kept").iterdir()) == []


def test_many_at_once_store_one_whole_file(tmp_path):
    path = saved(tmp_path / "phone.jpg", small(), exif=gps_exif())
    names = []
    threads = [threading.Thread(target=lambda: names.append(store_image(path, tmp_path / "kept"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 8
    assert [file.name for file in (tmp_path / "kept").iterdir()] == [names[0]] == list(set(names))
