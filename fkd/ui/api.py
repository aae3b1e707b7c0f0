"""The app for programs: endpoints with names, for ``gradio_client``, plain HTTP, and agents by MCP."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np
from gradio import FileData
from gradio.context import LocalContext

from fkd.errors import CorrectionsError
from fkd.ui.actions import Desk
from fkd.ui.documents import document
from fkd.ui.door import Door
from fkd.ui.messages import told
from fkd.ui.photo_input import uploaded
from fkd.ui.photos import OpenPhoto
from fkd.ui.queue_desk import QueueDesk
from fkd.ui.queue_events import visitor_of
from fkd.ui.rights import Right

__all__ = ["add_api"]

# What an endpoint may move a point by before it counts as moved: the coordinates that `predict` gave are rounded.
_SAME_PX = 0.01


def add_api(desk: Desk, queue: QueueDesk, door: Door) -> None:
    """Add the endpoints to the Blocks that are being built. What they may do is what the page may."""

    def predict(photo: FileData, scheme: str = "ibug68") -> dict:
        """Find every face in a photo and predict its keypoints.

        Example:
            client = gradio_client.Client("http://127.0.0.1:7860")
            found = client.predict(gradio_client.handle_file("photo.jpg"), "ibug68", api_name="/predict")
            found["faces"][0]["points"]  # [[x, y], …], pixels of the upright photo, the top-left pixel at (0, 0)

        Args:
            photo: the photo; an agent gives it as data:image/jpeg;base64,… (an address works for the app's owner).
            scheme: name of the keypoint scheme, "ibug68" (68 points) or "kaggle15" (15 points).

        Returns:
            photo_id (for save_correction), scheme, version (of the weights), width, height, and faces: of each face_id,
            box_xyxy, score, points and confidence (0 to 1 for each point).
        """
        path = uploaded(photo.get("path") if isinstance(photo, dict) else None)
        opened = desk.photos.open(path, desk.models.predictor(scheme))
        return _as_json(opened)

    def save_correction(photo_id: str, face_id: str, points: list, annotator: str = "") -> str:
        """Save the corrected keypoints of a face that predict found.

        Example:
            face = found["faces"][0]
            face["points"][30][0] += 3.5
            client.predict(found["photo_id"], face["face_id"], face["points"], "ada", api_name="/save_correction")

        Args:
            photo_id: as predict gave it; it is known for as long as the app runs and not too many others are opened.
            face_id: as predict gave it.
            points: one [x, y] for each point of the scheme, pixels of the upright photo; null where there is none.
            annotator: who corrected it; whoever is logged in goes by their own name.

        Returns:
            What was saved, in a sentence.
        """
        face = desk.photos.get(photo_id).face(face_id).face
        payload = {
            "doc_id": photo_id, "face_id": face_id, "rev": 0, "points": points,
            "states": _states(points, face.points),
        }  # fmt: skip
        sentence = desk.save_face(payload, door.sender().name or annotator)[1]
        queue.saved(photo_id)
        return sentence

    def next_in_queue(scheme: str = "ibug68", annotator: str = "") -> dict:
        """Open the next photo that waits to be corrected, and that nobody else works on.

        Example:
            found = client.predict("ibug68", "ada", api_name="/next_in_queue")
            found["photo"]["faces"][0]["points"]  # as predict gives them, or as they were saved before
            found["picture"]  # path of the photo, as gradio_client fetched it

        Args:
            scheme: name of the keypoint scheme.
            annotator: who asks; whoever is logged in goes by their own name.

        Returns:
            photo, as predict gives it, or null if none is left; picture, the file; and message, a sentence.
        """
        request = LocalContext.request.get(None)
        person, window = door.person(request), request.session_hash or "api"
        visitor = visitor_of(person.name, None, window)
        opened, sentence = queue.step(window, visitor, scheme, person.name or annotator)
        if opened is None:
            return {"photo": None, "picture": None, "message": sentence}
        photo = _as_json(desk.photos.get(opened.doc_id))
        return {"photo": photo, "picture": opened.image.model_dump(), "message": sentence}

    def versions() -> list:
        """What serves each keypoint scheme.

        Example:
            client.predict(api_name="/versions")  # [{"scheme": "ibug68", "serves": "ibug68-2026-11-20", "points": 68}]

        Returns:
            A list of schemes with the version of the weights that serve and the number of points.
        """
        serving = [desk.models.predictor(scheme) for scheme in desk.models.schemes]
        return [{"scheme": one.scheme.name, "serves": one.version, "points": one.scheme.n_points} for one in serving]

    predicts = {"concurrency_limit": 1, "concurrency_id": "predict"}
    gr.api(told(door.guard(Right.PREDICT, predict)), api_name="predict", **predicts)
    gr.api(told(door.guard(Right.SAVE, save_correction)), api_name="save_correction")
    gr.api(told(door.guard(Right.SAVE, next_in_queue)), api_name="next_in_queue", **predicts)
    gr.api(told(door.guard(Right.LOOK, versions)), api_name="versions")


def _as_json(photo: OpenPhoto) -> dict:
    shown = document(photo)
    faces = [
        {
            "face_id": face.face_id,
            "box_xyxy": face.box_xyxy,
            "score": face.score,
            "points": face.points,
            "confidence": face.confidence,
        }
        for face in shown.faces
    ]
    about = {"photo_id": photo.doc_id, "scheme": shown.scheme, "version": photo.predictor.version}
    return about | {"width": photo.width, "height": photo.height, "faces": faces}


def _states(points: Any, predicted: np.ndarray) -> list[str]:
    """What became of each point: moved, or as predicted. What is no point is left for the check of the correction."""
    if not isinstance(points, list) or len(points) != len(predicted):
        raise CorrectionsError(f"The correction must hold {len(predicted)} points, each [x, y] or null.")
    states = []
    for point, before in zip(points, predicted, strict=True):
        pair = isinstance(point, list) and len(point) == 2 and all(isinstance(v, (int, float)) for v in point)
        stayed = pair and np.abs(np.array(point, dtype=float) - before).max() <= _SAME_PX
        states.append("absent" if point is None else "untouched" if stayed else "moved")
    return states
