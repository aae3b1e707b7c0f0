"""The sound of a clip, in the video that is made of it."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from fkd.clips import ClipWriter, read_clip
from tests.clips import add_sound, face_at, write_clip

RATE = 22_050
BEGINS_S, LENGTH_S = 0.6, 2.0


@pytest.fixture(scope="module")
def silent(tmp_path_factory) -> Path:
    """Fifty pictures in two seconds."""
    return write_clip(tmp_path_factory.mktemp("silent") / "clip.mp4", [face_at(x, 10) for x in range(50)])


def tone(rate: int = RATE) -> np.ndarray:
    time_s = np.arange(round(LENGTH_S * rate)) / rate
    return np.where(time_s >= BEGINS_S, 0.5 * np.sin(2 * np.pi * 440 * time_s), 0.0)


def written_anew(clip: Path, path: Path) -> Path:
    with ClipWriter(path, 320, 240, sound_of=clip) as writer:
        for frame in read_clip(clip):
            writer.write(frame.image, frame.time_s)
    return path


def heard(path: Path) -> tuple[np.ndarray, int]:
    with av.open(str(path)) as container:
        (stream,) = container.streams.audio
        assert stream.codec_context.name == "aac"  # what every browser plays
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)]), stream.rate


@pytest.mark.parametrize(("name", "codec"), [("a.mov", "pcm_s16le"), ("a.mp4", "aac"), ("a.mkv", "flac")])
def test_it_is_heard_when_it_was_heard_in_the_clip(silent, tmp_path, name, codec):
    clip = add_sound(silent, tmp_path / name, codec, tone(), RATE)
    samples, rate = heard(written_anew(clip, tmp_path / "out.mp4"))
    assert len(samples) / rate == pytest.approx(LENGTH_S, abs=0.1)
    loud = np.abs(samples) > 0.1
    assert np.flatnonzero(loud)[0] / rate == pytest.approx(BEGINS_S, abs=0.02)
    crossings = np.count_nonzero(np.diff(np.signbit(samples[round(0.8 * rate) : round(1.8 * rate)])))
    assert crossings == pytest.approx(2 * 440, abs=4)


def test_pictures_stay_as_many_and_when_they_were(silent, tmp_path):
    clip = add_sound(silent, tmp_path / "a.mp4", "aac", tone(), RATE)
    times = [frame.time_s for frame in read_clip(written_anew(clip, tmp_path / "out.mp4"))]
    assert times == pytest.approx([0.04 * number for number in range(50)], abs=1e-3)


def test_sound_and_pictures_lie_side_by_side_in_the_file(silent, tmp_path):
    clip = add_sound(silent, tmp_path / "a.mp4", "aac", tone(), RATE)
    with av.open(str(written_anew(clip, tmp_path / "out.mp4"))) as container:
        kinds = [packet.stream.type for packet in container.demux() if packet.size]
    middle = kinds[len(kinds) // 4 : 3 * len(kinds) // 4]
    assert middle.count("video") > 10 and middle.count("audio") > 10


def test_a_silent_clip_stays_silent(silent, tmp_path):
    with av.open(str(written_anew(silent, tmp_path / "out.mp4"))) as container:
        assert not container.streams.audio


def test_damaged_sound_ends_where_it_can_no_longer_be_read(silent, tmp_path):
    clip = add_sound(silent, tmp_path / "a.ts", "aac", tone(), RATE)
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    samples, rate = heard(written_anew(clip, tmp_path / "out.mp4"))
    assert 0.1 < len(samples) / rate < LENGTH_S - 0.1


def test_sound_that_changes_its_kind_on_the_way_goes_on(silent, tmp_path):
    parts = [add_sound(silent, tmp_path / f"{rate}.ts", "aac", tone(rate), rate) for rate in (RATE, 2 * RATE)]
    clip = tmp_path / "joined.ts"
    clip.write_bytes(b"".join(part.read_bytes() for part in parts))
    samples, rate = heard(written_anew(clip, tmp_path / "out.mp4"))
    assert np.abs(samples[round((BEGINS_S + 0.5) * rate) :][: rate // 2]).max() > 0.3
    assert len(samples) / rate > 0.9 * LENGTH_S
