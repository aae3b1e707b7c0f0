"""Videos read upright and whole, and written so that they read back."""

from __future__ import annotations

import struct

import av
import numpy as np
import pytest

from fkd.clips import ClipWriter, count_frames, read_clip
from fkd.errors import ImageError
from tests.clips import face_at, write_clip
from tests.pictures import saved, small


def test_frames_come_with_numbers_and_times(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", [face_at(x, 10) for x in range(5)])
    frames = list(read_clip(clip))
    assert [frame.number for frame in frames] == [0, 1, 2, 3, 4] and count_frames(clip) == 5
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert np.abs(frames[2].image.astype(int) - face_at(2, 10)).mean() < 4


def test_a_phones_clip_is_turned_upright(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", [face_at(40, 10)] * 2)
    content = clip.read_bytes()
    at = content.index(b"tkhd") + 44  # the track's matrix
    quarter_turn = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 240 << 16, 0, 1 << 30)  # clockwise
    clip.write_bytes(content[:at] + quarter_turn + content[at + 36 :])
    first = next(iter(read_clip(clip)))
    assert first.image.shape == (320, 240, 3)
    assert np.abs(first.image.astype(int) - np.rot90(face_at(40, 10), -1)).mean() < 4


def test_a_clip_that_was_cut_off_ends_where_it_can_no_longer_be_read(tmp_path):
    clip = write_clip(tmp_path / "a.ts", [face_at(3 * x, 10) for x in range(30)])
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    assert 1 <= len(list(read_clip(clip))) < 30


@pytest.mark.parametrize(("width", "height"), [(64, 48), (65, 47)])
def test_what_is_written_reads_back(tmp_path, width, height):
    path = tmp_path / "out.mp4"
    with ClipWriter(path, width, height) as writer:
        for time_s in (0.0, 0.1, 0.5):  # phones do not keep time
            writer.write(np.full((height, width, 3), round(200 * time_s), np.uint8), time_s)
        assert not path.exists()
    frames = list(read_clip(path))
    assert [round(frame.time_s, 3) for frame in frames] == [0.0, 0.1, 0.5]
    assert frames[0].image.shape == (height + height % 2, width + width % 2, 3)
    assert frames[2].image.mean() == pytest.approx(100, abs=3)


def test_a_clip_that_counts_anew_in_the_middle_goes_on(tmp_path):
    half = write_clip(tmp_path / "half.ts", [face_at(3 * x, 10) for x in range(10)])
    (tmp_path / "joined.ts").write_bytes(2 * half.read_bytes())
    times = np.array([frame.time_s for frame in read_clip(tmp_path / "joined.ts")])
    assert len(times) == 20 and (np.diff(times) > 0).all() and times[-1] < 1.0


@pytest.mark.parametrize("size", [(96, 48), (32, 24), (48, 96)])
def test_pictures_that_change_their_size_are_made_to_fit(tmp_path, size):
    with ClipWriter(tmp_path / "out.mp4", 64, 48) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
        writer.write(np.full((size[1], size[0], 3), 200, np.uint8), 0.1)
    frames = list(read_clip(tmp_path / "out.mp4"))
    assert [frame.image.shape for frame in frames] == [(48, 64, 3)] * 2
    assert frames[1].image[:20, :20].mean() == pytest.approx(200, abs=6)


def test_what_is_written_is_what_every_browser_plays_before_it_has_all_of_it(tmp_path):
    with ClipWriter(tmp_path / "out.mp4", 64, 48) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.video[0].pix_fmt == "yuv420p"
    content = (tmp_path / "out.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_a_video_that_fails_leaves_nothing_behind(tmp_path):
    with pytest.raises(RuntimeError, match="stop"), ClipWriter(tmp_path / "out.mp4", 64, 48) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


def test_a_sound_file_and_a_missing_one_are_told_of(tmp_path):
    with pytest.raises(ImageError, match=r"nothing\.mp4 does not exist"):
        next(read_clip(tmp_path / "nothing.mp4"))
    with pytest.raises(ImageError, match="out cannot|cannot be written"), ClipWriter(tmp_path / "no" / "o.mp4", 64, 48):
        pass


def test_a_picture_counts_as_a_clip_of_one_frame(tmp_path):
    frames = list(read_clip(saved(tmp_path / "a.png", small())))
    assert len(frames) == 1 and frames[0].image.shape == small().shape
