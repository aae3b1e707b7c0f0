"""Clips that come in through the page."""

from __future__ import annotations

import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from fkd.errors import ImageError
from fkd.ui import video_desk
from fkd.ui.video_desk import DOUBTFUL_COLUMNS, VideoDesk, doubtful_rows, offer_of, summary
from tests.clips import face_at, write_clip


@pytest.fixture
def desk(predictor, monkeypatch):
    monkeypatch.setattr(video_desk, "KEPT", 1)
    return VideoDesk(SimpleNamespace(predictor=lambda scheme: predictor))


def test_a_clip_gives_results_and_the_doubtful_frames_as_a_zip_for_the_queue(desk, tmp_path):
    frames = [face_at(100 + 3 * i, 40) for i in range(16)]
    frames[6] = frames[7] = face_at(400, 0)
    clip = write_clip(tmp_path / "walk.mp4", frames)
    result, packed = desk.follow(clip, "ibug68", lambda share, what: None)
    assert result.video.is_file() and result.table.is_file() and result.frames == 16
    rows = doubtful_rows(result)
    assert rows and all(len(row) == len(DOUBTFUL_COLUMNS) for row in rows)
    with zipfile.ZipFile(packed) as archive:
        assert sorted(archive.namelist()) == sorted(f"walk_{row[0]:06d}.png" for row in rows)
    frames_to_look_at = "1 frame" if len(rows) == 1 else f"{len(rows)} frames"
    assert summary(result) == f"16 frames, 1 face. To look at: {frames_to_look_at}."
    assert offer_of(result) == ("Correct this frame" if len(rows) == 1 else f"Correct these {len(rows)} frames")
    again, _ = desk.follow(write_clip(tmp_path / "next.mp4", frames[:2]), "ibug68", lambda share, what: None)
    assert again.video.is_file() and not result.video.exists()  # one is kept here


def test_no_clip_and_a_broken_one_are_sentences_and_leave_nothing(desk, tmp_path):
    with pytest.raises(ImageError, match="Add a video first"):
        desk.follow(None, "ibug68", lambda share, what: None)
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    with pytest.raises(ImageError, match=r"bad\.mp4 is no video"):
        desk.follow(tmp_path / "bad.mp4", "ibug68", lambda share, what: None)
    assert list(Path(desk._temporary.name).iterdir()) == []
