"""The sound of a clip, carried over to the video that is written of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

__all__ = ["sound_packets"]

_RATE = 48_000  # samples a second; every player takes it, and no clip has more that can be heard


def sound_packets(clip: Path, container) -> Iterator:
    """Yield the sound of a clip as AAC packets for an MP4 that is being written, one after the other in time.

    The first step adds the stream to the container: to be made before anything is written. Time 0 is the first picture;
    what is heard before it is left out. Sound that is damaged further on ends where it can no longer be read, as the
    pictures do. A clip without sound, or one that nobody here can decode, yields nothing.

    Args:
        container: an open PyAV container.

    Raises:
        av.error.FFmpegError: if the clip cannot be opened.
    """
    import av

    with av.open(str(clip)) as source:
        heard = next((stream for stream in source.streams.audio if stream.codec_context is not None), None)
        if heard is None:
            return
        pictures = source.streams.video[0]
        start_s = float((pictures.start_time or 0) * pictures.time_base)
        layout = "mono" if heard.codec_context.channels == 1 else "stereo"
        stream = container.add_stream("aac", rate=_RATE, layout=layout)
        for frame in _resampled(_in_order(source.decode(heard), start_s), layout):
            yield from stream.encode(frame)
        yield from stream.encode(None)


def _resampled(frames: Iterator, layout: str) -> Iterator:
    """The frames as the encoder takes them, whatever they are; a broadcast may change its sound on the way."""
    import av

    def is_of(frame) -> tuple:
        return frame.format.name, frame.layout.name, frame.sample_rate

    for _, alike in itertools.groupby(frames, is_of):
        resampler = av.AudioResampler(format="fltp", layout=layout, rate=_RATE)
        for frame in alike:
            yield from resampler.resample(frame)
        yield from resampler.resample(None)


def _in_order(frames: Iterator, start_s: float) -> Iterator:
    """The frames from a time on, which becomes 0; without those that go back in time, which no encoder takes."""
    import av

    heard_s = 0.0
    while True:
        try:
            frame = next(frames, None)
        except av.error.FFmpegError:
            return
        if frame is None:
            return
        if frame.pts is None:
            continue
        frame.pts -= round(start_s / frame.time_base)
        if frame.time >= heard_s - 1e-3:
            heard_s = frame.time + frame.samples / frame.sample_rate
            yield frame
