"""Clips for tests: the portrait, small, moving along a known path."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.pictures import portrait, resized

__all__ = ["FACE", "SIZE", "add_sound", "face_at", "path_of", "write_clip"]

SIZE = (320, 240)  # width, height
FPS = 25
FACE = resized(portrait(), 140)  # little enough of a frame that its coming and going is no cut


def face_at(x: float, y: float) -> np.ndarray:
    """A frame of `SIZE` with the portrait's top left corner at a whole pixel; what is outside is cut off."""
    frame = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    x, y = round(x), round(y)
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + FACE.shape[1], SIZE[0]), min(y + FACE.shape[0], SIZE[1])
    if left < right and top < bottom:
        frame[top:bottom, left:right] = FACE[top - y : bottom - y, left - x : right - x]
    return frame


def path_of(n_frames: int) -> np.ndarray:
    """(N, 2) whole pixels: to the right by three pixels a frame, and a little up and down."""
    steps = np.arange(n_frames)
    return np.stack([10 + 3 * steps, 20 + 10 * np.sin(steps / 4)], axis=1).round()


def write_clip(path: Path, frames: Sequence[np.ndarray]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "10"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def add_sound(silent: Path, path: Path, codec: str, samples: np.ndarray, rate: int) -> Path:
    """A copy of a clip that is heard: (N,) float samples from -1 to 1, `rate` of them a second."""
    with av.open(str(silent)) as source, av.open(str(path), "w") as container:
        pictures = container.add_stream_from_template(source.streams.video[0])
        sound = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray((32767 * samples).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        resampler = av.AudioResampler(format=sound.codec_context.format, layout="mono", rate=rate)
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = pictures
                container.mux(packet)
        for part in (*resampler.resample(frame), *resampler.resample(None), None):
            container.mux(sound.encode(part))
    return path
