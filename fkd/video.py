"""A clip with its faces' keypoints: tracked, calmed, drawn, in a table, and the frames that a person should look at."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fkd.clips import ClipWriter, count_frames, read_clip
from fkd.doubts import DoubtfulFrame, doubts_of_track, most_doubtful
from fkd.drawing import draw_faces
from fkd.durable import write_whole
from fkd.errors import ImageError
from fkd.faces import FaceDetector
from fkd.predictor import KeypointPredictor
from fkd.schemes import Scheme
from fkd.smoothing import smoothed
from fkd.tracking import VISIBLE, FaceTracker

__all__ = ["VideoResult", "annotate_clip"]

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class VideoResult:
    """What became of a clip.

    Attributes:
        video: the MP4 with the points drawn on it and the clip's sound; table: the CSV of all frames.
        frames: how many there are; n_faces: how many different faces were followed.
        doubtful: the frames to look at, the most doubtful of every stretch.
        queued: the files of these frames, if they were asked for.
    """

    video: Path
    table: Path
    frames: int
    n_faces: int
    doubtful: tuple[DoubtfulFrame, ...]
    queued: tuple[Path, ...]


@dataclass(eq=False)
class _FaceTrack:
    """One face through the clip: frame numbers, points (N, K, 2) px, confidence (N, K), and a doubt a frame."""

    frames: list[int]
    points: np.ndarray
    confidence: np.ndarray
    calm: np.ndarray
    doubts: list[tuple[str, float]]


def annotate_clip(
    clip: str | os.PathLike,
    out: Path,
    predictor: KeypointPredictor,
    *,
    queue: Path | None = None,
    detector: FaceDetector | None = None,
    progress: Progress = lambda share, what: None,
) -> VideoResult:
    """Follow the faces of a clip and write ``<name>.mp4`` and ``<name>.csv`` into a folder, which is made.

    The table has a row a face a frame, and one with empty cells for a frame without any face. Its columns: frame (from
    0), time_s, face, box_x0 … box_y1 (around the points), confidence (the mean), doubt (why a person should look; or
    empty), then x, y and confidence of every point. Points are calmed (:func:`fkd.smoothing.smoothed`), in pixels of
    the upright frame.

    Args:
        queue: a folder for the doubtful frames as they are in the clip, PNG files to open in the app.
        progress: is told the share that is done and what is being done.

    Raises:
        ImageError: if the clip cannot be read, or something cannot be written.
    """
    clip = Path(clip)
    table, video = out / f"{clip.stem}.csv", out / f"{clip.stem}.mp4"
    if video.exists() and clip.exists() and video.samefile(clip):
        raise ImageError(f"{video} is the clip itself; choose another folder.")
    times_s, tracks = _followed(clip, FaceTracker(predictor, detector), progress, predictor.scheme)
    doubtful = most_doubtful({face_id: (track.frames, track.doubts) for face_id, track in tracks.items()}, times_s)
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_whole(table, _table(times_s, tracks, predictor.scheme))
        if queue is not None:
            queue.mkdir(parents=True, exist_ok=True)
        wanted = {frame.frame for frame in doubtful} if queue is not None else set()
        queued = _draw(clip, video, tracks, predictor.scheme, queue, wanted, progress, len(times_s))
    except OSError as error:
        raise ImageError(f"{out} cannot be written to ({error.strerror or error}).") from error
    return VideoResult(video, table, len(times_s), len(tracks), tuple(doubtful), tuple(queued))


def _followed(
    clip: Path, tracker: FaceTracker, progress: Progress, scheme: Scheme
) -> tuple[np.ndarray, dict[int, _FaceTrack]]:
    """The times of the frames (N,), and the faces by their id."""
    expected = max(count_frames(clip), 1)
    times_s: list[float] = []
    seen: dict[int, list[tuple[int, np.ndarray, np.ndarray]]] = {}
    for frame in read_clip(clip):
        times_s.append(frame.time_s)
        for face in tracker.step(frame.image):
            seen.setdefault(face.face_id, []).append((frame.number, face.points, face.confidence))
        progress(min(0.75 * len(times_s) / expected, 0.75), "Following the faces")
    times = np.array(times_s)
    followed = {
        face_id: rows
        for face_id, rows in sorted(seen.items())
        if max(float(confidence.mean()) for _, _, confidence in rows) >= VISIBLE
    }
    return times, {face_id: _track(rows, times, scheme) for face_id, rows in followed.items()}


def _track(rows: list[tuple[int, np.ndarray, np.ndarray]], times_s: np.ndarray, scheme: Scheme) -> _FaceTrack:
    frames = [number for number, _, _ in rows]
    points, confidence = (np.array(part) for part in list(zip(*rows, strict=True))[1:])
    left, right = scheme.outer_eye_corners
    eyes_px = np.linalg.norm(points[:, left] - points[:, right], axis=1)  # (N,)
    calm = smoothed(points, times_s[frames], float(np.median(eyes_px)))
    return _FaceTrack(frames, points, confidence, calm, doubts_of_track(frames, points, confidence, eyes_px))


def _by_frame(tracks: dict[int, _FaceTrack]) -> dict[int, list[tuple[int, np.ndarray, np.ndarray, str]]]:
    """The faces of each frame: id, calm points, confidence, doubt."""
    faces: dict[int, list] = {}
    for face_id, track in tracks.items():
        for index, number in enumerate(track.frames):
            row = (face_id, track.calm[index], track.confidence[index], track.doubts[index][0])
            faces.setdefault(number, []).append(row)
    return faces


def _table(times_s: np.ndarray, tracks: dict[int, _FaceTrack], scheme: Scheme) -> bytes:
    text, faces = io.StringIO(), _by_frame(tracks)
    table = csv.writer(text, lineterminator="\n")
    columns = [f"{name}_{part}" for name in scheme.names for part in ("x", "y", "confidence")]
    context = ["frame", "time_s", "face", "box_x0", "box_y0", "box_x1", "box_y1", "confidence", "doubt"]
    table.writerow([*context, *columns])
    for number, time_s in enumerate(times_s.tolist()):
        start = [number, f"{time_s:.4f}"]
        if number not in faces:
            table.writerow([*start, *[""] * (len(context) - 2 + len(columns))])
        for face_id, points, confidence, doubt in faces.get(number, ()):
            box = [f"{v:.2f}" for v in (*points.min(axis=0), *points.max(axis=0))]
            rows = zip(points, confidence, strict=True)
            cells = [cell for (x, y), sure in rows for cell in (f"{x:.2f}", f"{y:.2f}", f"{sure:.4f}")]
            table.writerow([*start, face_id, *box, f"{confidence.mean():.4f}", doubt, *cells])
    return text.getvalue().encode("utf-8")


def _draw(
    clip: Path,
    video: Path,
    tracks: dict[int, _FaceTrack],
    scheme: Scheme,
    queue: Path | None,
    wanted: set[int],
    progress: Progress,
    n_frames: int,
) -> list[Path]:
    """Write the MP4, and on the way the frames that are wanted for the queue."""
    faces, queued = _by_frame(tracks), []
    frames = read_clip(clip)
    first = next(frames)
    height, width = first.image.shape[:2]
    with ClipWriter(video, width, height, sound_of=clip) as writer:
        for frame in chain([first], frames):
            if frame.number in wanted:
                path = queue / f"{clip.stem}_{frame.number:06d}.png"
                Image.fromarray(frame.image).save(path)
                queued.append(path)
            writer.write(_drawn(frame.image, faces.get(frame.number, []), scheme), frame.time_s)
            progress(0.75 + 0.25 * (frame.number + 1) / n_frames, "Writing the video")
    return queued


def _drawn(image: np.ndarray, faces: list[tuple], scheme: Scheme) -> np.ndarray:
    """A copy of a frame with points, skeletons and the numbers of the faces."""
    points, confidence = [face[1] for face in faces], [face[2] for face in faces]
    picture = draw_faces(image, points, scheme.edges, confidence=confidence, finer=2)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    for face_id, calm, _, _ in faces:
        x, y = calm.min(axis=0) - (0, 20)
        at, black = (max(x, 1), max(y, 1)), (0, 0, 0)
        pen.text(at, str(face_id), fill=(255, 255, 255), font=font, stroke_width=2, stroke_fill=black)
    return np.asarray(picture)
