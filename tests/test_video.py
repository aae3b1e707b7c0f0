"""A clip goes in; an MP4, a table and the frames to look at come out."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PIL import Image

from fkd.cli import main
from fkd.clips import read_clip
from fkd.doubts import DoubtfulFrame
from fkd.errors import ImageError
from fkd.video import annotate_clip
from tests.clips import SIZE, face_at, path_of, write_clip

N = 24


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """The face on its path; in frames 12 and 13 it is hidden."""
    frames = [face_at(*place) for place in path_of(N)]
    frames[12] = frames[13] = face_at(400, 0)
    return write_clip(tmp_path_factory.mktemp("clip") / "walk.mp4", frames)


@pytest.fixture(scope="module")
def done(clip, predictor, tmp_path_factory):
    out, told = tmp_path_factory.mktemp("out"), []
    result = annotate_clip(
        clip, out, predictor, queue=out / "queue", progress=lambda share, what: told.append((share, what))
    )
    return result, told


def test_the_video_reads_back_with_as_many_frames_and_the_same_times(done, clip):
    result, _ = done
    before, after = list(read_clip(clip)), list(read_clip(result.video))
    assert len(after) == len(before) == result.frames == N
    assert [round(frame.time_s, 3) for frame in after] == [round(frame.time_s, 3) for frame in before]
    assert after[0].image.shape == before[0].image.shape == (SIZE[1], SIZE[0], 3)
    changed = np.abs(after[5].image.astype(int) - before[5].image).max(axis=2) > 60
    rows, columns = np.nonzero(changed)
    x, y = path_of(N)[5]
    assert changed.sum() > 100 and columns.min() > x and rows.min() > y  # points on the face, nothing elsewhere


def test_the_table_has_every_frame_and_the_path(done, predictor):
    result, _ = done
    with result.table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = predictor.scheme.names
    context = ["frame", "time_s", "face", "box_x0", "box_y0", "box_x1", "box_y1", "confidence", "doubt"]
    assert list(rows[0]) == context + [f"{name}_{part}" for name in names for part in ("x", "y", "confidence")]
    assert sorted({int(row["frame"]) for row in rows}) == list(range(N))
    with_face = {int(row["frame"]): row for row in rows if row["face"]}
    assert {row["face"] for row in with_face.values()} == {"1"} and result.n_faces == 1
    tip = np.array([[float(with_face[i]["nose_tip_x"]), float(with_face[i]["nose_tip_y"])] for i in range(10)])
    assert np.abs((tip - path_of(N)[:10]) - (tip - path_of(N)[:10]).mean(axis=0)).max() < 2.0
    for row in with_face.values():
        assert float(row["box_x0"]) < float(row["nose_tip_x"]) < float(row["box_x1"])
        assert 0 <= float(row["confidence"]) <= 1
    empty = next((row for row in rows if not row["face"]), None)
    assert empty is None or not any(list(empty.values())[2:])


def test_the_frames_where_the_face_is_hidden_are_offered_as_they_are_in_the_clip(done, clip):
    result, _ = done
    assert result.doubtful and all(isinstance(frame, DoubtfulFrame) for frame in result.doubtful)
    assert {frame.frame for frame in result.doubtful} & {11, 12}
    assert [path.name for path in result.queued] == [f"walk_{frame.frame:06d}.png" for frame in result.doubtful]
    frames = list(read_clip(clip))
    for frame, path in zip(result.doubtful, result.queued, strict=True):
        with Image.open(path) as picture:
            assert np.array_equal(np.asarray(picture), frames[frame.frame].image)


def test_progress_only_grows_and_ends_at_one(done):
    _, told = done
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("content", [b"", b"no video at all", b"\x1a\x45\xdf\xa3" + bytes(400)])
def test_a_file_that_is_no_video_is_a_sentence(tmp_path, capsys, content):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    assert main(["video", str(path), "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.startswith("fkd: clip.mp4 ")
    assert not (tmp_path / "out").exists()


def test_the_clip_itself_is_never_written_over(clip, predictor):
    before = clip.read_bytes()
    with pytest.raises(ImageError, match="is the clip itself"):
        annotate_clip(clip, clip.parent, predictor)
    assert clip.read_bytes() == before
