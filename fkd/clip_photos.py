"""Frames of a clip as photos to correct: one of every stretch, for its neighbours show the same."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from fkd.clips import count_frames, read_clip

__all__ = ["CLIP_SUFFIXES", "EVERY_S", "FRAMES_A_CLIP", "clip_photos"]

CLIP_SUFFIXES = {
    ".3gp", ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".webm", ".wmv"
}  # fmt: skip
EVERY_S = 0.5
FRAMES_A_CLIP = 300  # about; those of a longer clip lie further apart


def clip_photos(clip: Path) -> Iterator[tuple[str, bytes]]:
    """Yield frames of a clip that lie `EVERY_S` apart or more, from the first on: a name, and a PNG file's bytes.

    They are called and written like the doubtful frames of :func:`fkd.video.annotate_clip`: a frame is the same picture
    whichever way it came.

    Raises:
        ImageError: if the file is no video, or has no frame that can be read.
    """
    frames_apart = count_frames(clip) / FRAMES_A_CLIP
    due, due_s = 0.0, 0.0
    for frame in read_clip(clip):
        if frame.number < due or frame.time_s < due_s - 1e-6:
            continue
        due, due_s = frame.number + frames_apart, frame.time_s + EVERY_S
        png = io.BytesIO()
        Image.fromarray(frame.image).save(png, format="PNG")
        yield f"{clip.stem}_{frame.number:06d}.png", png.getvalue()
