"""Which corrected picture a labelled face is in, although the store keeps photos without their metadata."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fkd.formats import LabelledFace
from fkd.image_store import store_image
from tests.pictures import portrait
from training import same_picture
from training.same_picture import SamePictures


def camera_photo(path: Path, pixels: np.ndarray, orientation: int = 1) -> Path:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Camera", orientation
    Image.fromarray(pixels).save(path, quality=92, exif=exif)
    return path


def face_in(image) -> LabelledFace:
    return LabelledFace(image, np.ones((15, 2)), group="base/1")


@pytest.fixture
def photos(tmp_path) -> dict[str, Path]:
    plain = tmp_path / "plain.jpg"
    Image.fromarray(portrait()[:400]).save(plain, quality=92)
    return {
        "plain": plain,
        "with metadata": camera_photo(tmp_path / "camera.jpg", portrait()),
        "on its side": camera_photo(tmp_path / "side.jpg", portrait()[:, :300], orientation=6),
    }


@pytest.mark.parametrize("kind", ["plain", "with metadata", "on its side"])
def test_a_photo_is_the_corrected_picture_that_it_was_stored_as(photos, tmp_path, kind):
    images = {name: f"images/{store_image(path, tmp_path / 'images')}" for name, path in photos.items()}
    sizes_px = {image: Image.open(tmp_path / image).size for image in images.values()}
    pictures = SamePictures(sizes_px)
    assert pictures.of(face_in(photos[kind])) == images[kind]
    assert pictures.among([face_in(photos[kind]), face_in(tmp_path / images[kind])]) == {images[kind]}


def test_another_photo_of_the_same_size_is_none_of_them(tmp_path):
    image = store_image(camera_photo(tmp_path / "one.jpg", portrait()), tmp_path)
    other = camera_photo(tmp_path / "two.jpg", portrait()[:, ::-1])
    pictures = SamePictures({image: portrait().shape[1::-1]})
    assert pictures.of(face_in(other)) == "" and pictures.of(face_in(portrait())) == ""


def test_only_photos_of_the_size_of_a_corrected_one_are_decoded(photos, tmp_path, monkeypatch):
    decoded = []
    monkeypatch.setattr(same_picture, "stored_name", lambda path: decoded.append(path) or "x.jpg")
    pictures = SamePictures({"images/x.jpg": portrait().shape[1::-1]})
    assert pictures.among(map(face_in, photos.values())) == {"images/x.jpg"}
    assert decoded == [photos["with metadata"]]


def test_a_damaged_photo_of_the_base_is_none_of_them(tmp_path):
    path = camera_photo(tmp_path / "cut.jpg", portrait())
    path.write_bytes(path.read_bytes()[:3000])
    assert SamePictures({"images/x.jpg": portrait().shape[1::-1]}).of(face_in(path)) == ""
    (tmp_path / "none.jpg").write_text("nothing")
    assert SamePictures({"images/x.jpg": (10, 10)}).of(face_in(tmp_path / "none.jpg")) == ""
