"""Which frames of a clip a person should look at: points jump, the network is unsure, or a face is lost for a while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

__all__ = ["DoubtfulFrame", "doubts_of_track", "most_doubtful"]

# In eye distances: how far the points are, on the mean, from halfway between the frames beside them.
JUMP = 0.05
JUMP_RATIO = 5.0  # and how many times as far as is usual for the track
UNSURE = 0.4  # mean confidence
UNSURE_RATIO = 0.75  # of what is usual for the track
LOST = 2.0  # severity of a face that is not there for a while, and then is again
STRETCH_S = 1.0  # one frame of so long a stretch is enough: its neighbours show the same


class DoubtfulFrame(NamedTuple):
    """A frame to look at: number from 0, time, the face's id, why, and how much.

    ``why`` is "jumps", "unsure" or "lost"; of ``severity``, 1 is the limit, and more is worse.
    """

    frame: int
    time_s: float
    face_id: int
    why: str
    severity: float


def doubts_of_track(
    frames: Sequence[int], points_xy: np.ndarray, confidence: np.ndarray, eyes_px: np.ndarray
) -> list[tuple[str, float]]:
    """For every frame of a face's track why it is doubtful ("jumps", "unsure", or "" if it is not), and how much.

    Args:
        frames: N numbers of frames, rising.
        points_xy: (N, K, 2) px, as predicted.
        confidence: (N, K).
        eyes_px: (N,) the distances between the outer eye corners.
    """
    jumps = _jumps(frames, points_xy, float(np.median(eyes_px)))
    jump_limit = max(JUMP, JUMP_RATIO * float(np.median(jumps)))
    mean = confidence.mean(axis=1)
    unsure_limit = max(UNSURE, UNSURE_RATIO * float(np.median(mean)))
    found = []
    for jump, sure in zip((jumps / jump_limit).tolist(), mean.tolist(), strict=True):
        unsure = unsure_limit / max(sure, 1e-6)
        severity = max(jump, unsure)
        why = "" if severity <= 1 else "jumps" if jump >= unsure else "unsure"
        found.append((why, severity))
    return found


def _jumps(frames: Sequence[int], points_xy: np.ndarray, eyes_px: float) -> np.ndarray:
    """(N,) how far each frame's points are from halfway between its neighbours, in eye distances; 0 at the ends."""
    jumps = np.zeros(len(frames))
    if len(frames) > 2:
        halfway = (points_xy[:-2] + points_xy[2:]) / 2
        away = np.linalg.norm(points_xy[1:-1] - halfway, axis=2).mean(axis=1) / eyes_px
        is_whole = np.array(frames[2:]) - np.array(frames[:-2]) == 2  # no frame between them is missing
        jumps[1:-1] = np.where(is_whole, away, 0.0)
    return jumps


def most_doubtful(
    tracks: Mapping[int, tuple[Sequence[int], Sequence[tuple[str, float]]]], times_s: np.ndarray
) -> list[DoubtfulFrame]:
    """The frames to look at, in the order of the clip: the worst, and none within `STRETCH_S` of a worse one.

    Args:
        tracks: by the face's id the frames in which it is, and their doubts.
        times_s: (N,) of all frames of the clip.
    """
    doubtful = [
        DoubtfulFrame(number, float(times_s[number]), face_id, why, severity)
        for face_id, (frames, doubts) in tracks.items()
        for number, (why, severity) in zip(frames, doubts, strict=True)
        if why
    ]
    for face_id, (frames, _) in tracks.items():
        for before, after in pairwise(frames):
            if after - before > 1:
                doubtful.append(DoubtfulFrame(before + 1, float(times_s[before + 1]), face_id, "lost", LOST))
    kept: list[DoubtfulFrame] = []
    for frame in sorted(doubtful, key=lambda frame: (-frame.severity, frame.frame)):
        if all(abs(frame.time_s - other.time_s) >= STRETCH_S for other in kept):  # a frame shows all of its faces
            kept.append(frame)
    return sorted(kept)
