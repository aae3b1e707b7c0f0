"""Video files, read and written with FFmpeg's libraries (PyAV): upright frames with their times."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from fkd.errors import ImageError
from fkd.images import MAX_PIXELS
from fkd.sound import sound_packets

__all__ = ["ClipFrame", "ClipWriter", "count_frames", "read_clip"]

_TICKS = 90_000  # a second; the unit in which MPEG counts


class ClipFrame(NamedTuple):
    """One frame: its number from 0, its time from the start of the clip, and (H, W, 3) uint8 RGB pixels, upright."""

    number: int
    time_s: float
    image: np.ndarray


def count_frames(path: str | os.PathLike) -> int:
    """About how many frames a clip has, as its head says or its length lets one expect; 0 if neither is known.

    Raises ImageError if the file is no video.
    """
    with _opened(Path(path)) as (container, stream):
        if stream.frames:
            return stream.frames
        if container.duration is None:
            return 0
        return round(container.duration / 1e6 * float(_rate(stream)))


def read_clip(path: str | os.PathLike) -> Iterator[ClipFrame]:
    """Yield the frames of a video, turned upright as a phone marks them.

    A clip that is damaged further on ends at the last frame that can be read.

    Raises ImageError if the file is no video, has no frame that can be read, or has too large ones.
    """
    frames = _frames(Path(path))
    # FFmpeg needs no Python while it decodes: so the next frame is read while this one is used.
    reader = ThreadPoolExecutor(1)
    try:
        coming = reader.submit(next, frames, None)
        while (frame := coming.result()) is not None:
            coming = reader.submit(next, frames, None)
            yield frame
    finally:
        reader.shutdown()  # after the frame that is being read
        frames.close()


def _frames(path: Path) -> Iterator[ClipFrame]:
    import av

    number = 0
    with _opened(path) as (_, stream):
        stream.thread_type = "AUTO"
        start_s = before_s = None
        frames = stream.container.decode(stream)
        while True:
            try:
                frame = next(frames, None)
            except av.error.FFmpegError:
                frame = None
            if frame is None:
                break
            if frame.width * frame.height > MAX_PIXELS:
                size = f"{frame.width}×{frame.height}"
                raise ImageError(f"{path.name} has frames of {size} pixels; make it smaller first.")
            time_s = number / float(_rate(stream)) if frame.time is None else frame.time
            start_s = time_s if start_s is None else start_s
            if before_s is not None and time_s <= before_s:  # joined recordings begin to count anew
                time_s = before_s + 1 / float(_rate(stream))
            before_s = time_s
            pixels = frame.to_ndarray(format="rgb24")
            turns = round(getattr(frame, "rotation", 0) / 90) % 4  # counter-clockwise
            yield ClipFrame(number, time_s - start_s, np.ascontiguousarray(np.rot90(pixels, turns)))
            number += 1
    if number == 0:
        raise ImageError(f"{path.name} has no frame that can be read. Export it as MP4 (H.264), then open that.")


@contextmanager
def _opened(path: Path) -> Iterator[tuple]:
    import av

    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ImageError(f"{path.name} has no pictures in it; choose a video.")
            yield container, container.streams.video[0]
    except FileNotFoundError as error:
        raise ImageError(f"{path.name} does not exist. Check the name and the folder.") from error
    except (av.error.FFmpegError, OSError) as error:
        raise ImageError(f"{path.name} is no video that can be read. Export it as MP4 (H.264), open that.") from error


def _rate(stream) -> Fraction:
    return stream.average_rate or stream.guessed_rate or Fraction(25)


class ClipWriter:
    """Writes frames of one size as an MP4 (H.264) that every browser plays; to be used with ``with``.

    The file appears whole when the block ends, and not at all if it ends in an error.

    Args:
        sound_of: a clip whose sound goes along, see :func:`fkd.sound.sound_packets`.

    Raises ImageError if the operating system refuses.
    """

    def __init__(self, path: Path, width: int, height: int, sound_of: Path | None = None):
        self._sound_of = sound_of
        self._path, self._part = path, path.with_name(f".{path.name}.part")
        # H.264's colours come in blocks of 2×2 pixels.
        self._width, self._height = width + width % 2, height + height % 2

    def __enter__(self) -> ClipWriter:
        import av

        try:
            self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
        except OSError as error:
            raise ImageError(f"{self._path} cannot be written ({error.strerror or error}).") from error
        self._stream = self._container.add_stream("libx264", rate=30, options={"preset": "veryfast", "crf": "20"})
        self._stream.width, self._stream.height, self._stream.pix_fmt = self._width, self._height, "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, _TICKS)
        self._sound = sound_packets(self._sound_of, self._container) if self._sound_of else iter(())
        self._next_sound = next(self._sound, None)
        return self

    def write(self, image: np.ndarray, time_s: float) -> None:
        """Append a frame, (H, W, 3) uint8 RGB, that is shown from `time_s` on; one of another size is made to fit."""
        import av

        if image.shape[0] > self._height or image.shape[1] > self._width:  # the clip's pictures grew on the way
            smaller = Image.fromarray(image)
            smaller.thumbnail((self._width, self._height))
            image = np.asarray(smaller)
        height, width = image.shape[:2]
        if (width, height) != (self._width, self._height):
            image = np.pad(image, ((0, self._height - height), (0, self._width - width), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = round(time_s * _TICKS), Fraction(1, _TICKS)
        self._write_sound(time_s)
        self._container.mux(self._stream.encode(frame))

    def _write_sound(self, until_s: float) -> None:
        while self._next_sound is not None and self._next_sound.pts * self._next_sound.time_base <= until_s:
            self._container.mux(self._next_sound)
            self._next_sound = next(self._sound, None)

    def __exit__(self, kind: type | None, *_) -> None:
        try:
            if kind is None:
                self._write_sound(math.inf)
                self._container.mux(self._stream.encode())
            self._container.close()
            if kind is None:
                self._part.replace(self._path)
        except OSError as error:
            raise ImageError(f"{self._path} cannot be written ({error.strerror or error}).") from error
        finally:
            self._part.unlink(missing_ok=True)
