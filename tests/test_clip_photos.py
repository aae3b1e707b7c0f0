"""Frames of a clip as photos: from the first on, far enough apart, and just as they are in the clip."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from fkd import ImageError
from fkd import clip_photos as clip_photos_module
from fkd.clip_photos import clip_photos
from fkd.clips import read_clip
from tests.clips import face_at, write_clip


def test_frames_lie_half_a_second_apart_and_are_those_of_the_clip(tmp_path):
    clip = write_clip(tmp_path / "walk.mp4", [face_at(x, 10) for x in range(27)])  # 25 a second
    photos = dict(clip_photos(clip))
    assert list(photos) == ["walk_000000.png", "walk_000013.png", "walk_000026.png"]
    frames = [frame.image for frame in read_clip(clip)]
    for number, png in zip((0, 13, 26), photos.values(), strict=True):
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), frames[number])


def test_those_of_a_long_clip_lie_further_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(clip_photos_module, "FRAMES_A_CLIP", 3)
    clip = write_clip(tmp_path / "walk.mp4", [face_at(10, 10)] * 60)
    assert [name for name, _ in clip_photos(clip)] == ["walk_000000.png", "walk_000020.png", "walk_000040.png"]


def test_what_is_no_clip_is_told_of(tmp_path):
    (tmp_path / "notes.mp4").write_text("no clip")
    with pytest.raises(ImageError, match=r"notes\.mp4 is no video"):
        list(clip_photos(tmp_path / "notes.mp4"))
