"""Clips that somebody uploaded: where the results are kept until they were downloaded."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from fkd.errors import ImageError
from fkd.ui.models import ServedModels
from fkd.ui.zero_gpu import for_frames
from fkd.video import VideoResult, annotate_clip

__all__ = ["DOUBTFUL_COLUMNS", "VideoDesk", "doubtful_rows", "offer_of", "summary"]

DOUBTFUL_COLUMNS = ["frame", "time (s)", "face", "why"]
_WHY = {"jumps": "points jump", "unsure": "uncertain", "lost": "not found for a while"}
KEPT = 12  # results, of all visitors together; who wants to correct frames of an older one follows its faces again


class VideoDesk:
    """Follows the faces of clips; the newest results are kept in the folder for temporary files."""

    def __init__(self, models: ServedModels):
        self._models = models
        # Removed when the process ends.
        self._temporary = tempfile.TemporaryDirectory(prefix="fkd-video-")
        self._results: list[Path] = []
        self._lock = threading.Lock()

    def follow(
        self, clip: str | Path | None, scheme: str, progress: Callable[[float, str], None]
    ) -> tuple[VideoResult, Path | None]:
        """Annotate a clip; also give a zip of the doubtful frames, None if there is none.

        Raises:
            ImageError: if there is no clip, it cannot be read, or the results cannot be written.
            SchemeError: if there are no weights for the scheme.
        """
        if not clip:
            raise ImageError("Add a video first.")
        folder = Path(tempfile.mkdtemp(dir=self._temporary.name))
        try:
            predictor = for_frames(self._models.predictor(scheme))
            result = annotate_clip(clip, folder, predictor, queue=folder / "doubtful", progress=progress)
            packed = None
            if result.queued:
                packed = Path(
                    shutil.make_archive(str(folder / f"{Path(clip).stem}-doubtful"), "zip", folder / "doubtful")
                )
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError):
                raise ImageError(f"The results cannot be written ({error.strerror or error}).") from error
            raise
        with self._lock:
            self._results.append(folder)
            while len(self._results) > KEPT:
                shutil.rmtree(self._results.pop(0), ignore_errors=True)
        return result, packed


def doubtful_rows(result: VideoResult) -> list[list]:
    """The frames to look at as rows under `DOUBTFUL_COLUMNS`."""
    return [[frame.frame, round(frame.time_s, 2), frame.face_id, _WHY[frame.why]] for frame in result.doubtful]


def offer_of(result: VideoResult) -> str:
    """What the button says that puts the frames to look at into the review queue."""
    return "Correct this frame" if len(result.queued) == 1 else f"Correct these {len(result.queued)} frames"


def summary(result: VideoResult) -> str:
    """A sentence about a result."""
    faces = {0: "no face", 1: "1 face"}.get(result.n_faces, f"{result.n_faces} faces")
    looks = {0: "no frame", 1: "1 frame"}.get(len(result.doubtful), f"{len(result.doubtful)} frames")
    return f"{result.frames} frames, {faces}. To look at: {looks}."
