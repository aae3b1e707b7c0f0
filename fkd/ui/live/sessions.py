"""What the server remembers of every camera that is on: who is who, and where the points were."""

from __future__ import annotations

import base64
import binascii
import math
import threading
import time
from collections import OrderedDict
from typing import Any

import numpy as np

from fkd.errors import ImageError
from fkd.faces import FaceDetector
from fkd.images import read_image
from fkd.smoothing import OneEuro
from fkd.tracking import VISIBLE, FaceTracker
from fkd.ui.models import ServedModels
from fkd.ui.zero_gpu import for_frames

__all__ = ["LiveSessions"]

MOST_CAMERAS = 8
MOST_BYTES = 2_000_000
DETECT_EVERY = 60  # frames; a look takes ten frames' time, and a face that comes in can wait for three seconds
BETA = 20.0  # run one way only, the filter has to follow sooner than for a clip


class _Camera:
    def __init__(self, tracker: FaceTracker):
        self.tracker = tracker
        self.filters: dict[int, OneEuro] = {}
        self.lock = threading.Lock()  # frames of one camera follow each other


class LiveSessions:
    """A tracker for each of the cameras that are on; the one that was not seen for longest makes room."""

    def __init__(self, models: ServedModels):
        self._models = models
        self._detector: FaceDetector | None = None
        self._cameras: OrderedDict[str, _Camera] = OrderedDict()
        self._lock = threading.Lock()

    def frame(self, payload: Any, scheme: str) -> dict:
        """The faces in a camera's next frame, as JSON types.

        Args:
            payload: ``session`` (any text, the same for all frames of a camera), ``time_s`` (rising) and ``jpeg``, the
                frame in base64.

        Returns:
            ``faces``, each with ``id``, ``points`` (K pairs, px of the frame, calmed) and ``confidence`` (K), and
            ``took_ms``, the server's time.

        Raises:
            ImageError: if the payload is no frame.
            SchemeError: if there are no weights for the scheme.
        """
        start_s = time.perf_counter()
        session, time_s, image = _parsed(payload)
        camera = self._camera(session, scheme)
        with camera.lock:
            faces = []
            for face in camera.tracker.step(image):
                if face.confidence.mean() < VISIBLE:
                    continue
                calm = camera.filters.setdefault(face.face_id, OneEuro(beta=BETA))
                unit_px = float(np.ptp(face.points, axis=0).max()) / 2  # about the distance between the eyes
                points = calm(face.points, time_s, unit_px)
                faces.append(
                    {
                        "id": face.face_id,
                        "points": points.round(1).tolist(),
                        "confidence": face.confidence.round(2).tolist(),
                    }
                )
            shown = {face["id"] for face in faces}
            camera.filters = {face_id: calm for face_id, calm in camera.filters.items() if face_id in shown}
        return {"faces": faces, "took_ms": round(1000 * (time.perf_counter() - start_s), 1)}

    def _camera(self, session: str, scheme: str) -> _Camera:
        predictor = self._models.predictor(scheme)
        with self._lock:
            if self._detector is None:
                self._detector = FaceDetector(most_enlarged=1.0)
            if session not in self._cameras:
                self._cameras[session] = _Camera(FaceTracker(for_frames(predictor), self._detector, DETECT_EVERY))
            self._cameras.move_to_end(session)
            while len(self._cameras) > MOST_CAMERAS:
                self._cameras.popitem(last=False)
            return self._cameras[session]


def _parsed(payload: Any) -> tuple[str, float, np.ndarray]:
    session, time_s, jpeg = (payload.get(key) if isinstance(payload, dict) else None for key in _KEYS)
    is_time = isinstance(time_s, int | float) and not isinstance(time_s, bool) and math.isfinite(time_s)
    if not (isinstance(session, str) and len(session) <= 100 and is_time and isinstance(jpeg, str)):
        raise ImageError("The page sent something that is no frame. Reload the page and try again.")
    if len(jpeg) > MOST_BYTES:
        raise ImageError("The camera's frame is too large. Choose a lower resolution.")
    try:
        content = base64.b64decode(jpeg, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError("The page sent something that is no frame. Reload the page and try again.") from error
    return session, float(time_s), read_image(content)


_KEYS = ("session", "time_s", "jpeg")
