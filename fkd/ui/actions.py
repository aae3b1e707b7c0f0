"""What happens when somebody opens a photo, adds a face or saves one. No layout here, and no Gradio events."""

from __future__ import annotations

import math
import shutil
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from gradio.data_classes import FileData

from fkd.correction_store import CorrectionStore
from fkd.corrections import Correction
from fkd.errors import CorrectionsError
from fkd.geometry import roll_of_points
from fkd.predictor import Face
from fkd.schemes import Scheme
from fkd.settle import point_spread
from fkd.ui.editor import EditorDocument, EditorFace, packed_prior, parse_box, parse_face_edit, point_lists
from fkd.ui.models import ServedModels
from fkd.ui.photos import OpenFace, OpenPhoto, OpenPhotos

__all__ = ["TABLE_COLUMNS", "Desk"]

TABLE_COLUMNS = ["saved (UTC)", "scheme", "moved", "confirmed", "hidden", "largest move (px)", "by", "row"]
TABLE_ROWS = 10
KEPT_SNAPSHOTS = 2  # the one before the newest may still be on its way to somebody


class Desk:
    """Where photos are opened, corrected and saved: the models, the open photos and the corrections of one app."""

    def __init__(self, models: ServedModels, annotations: Path):
        self.models = models
        self.store = CorrectionStore(annotations)
        self.photos = OpenPhotos()
        self._snapshots: list[Path] = []
        self._snapshots_lock = threading.Lock()

    def open_photo(self, path: str | Path, scheme: str) -> tuple[EditorDocument, str]:
        """Predict a photo; return it for the editor, and a sentence about it.

        Raises:
            ImageError: if the file is no picture that can be used.
            SchemeError: if there are no weights for the scheme.
        """
        photo = self.photos.open(path, self.models.predictor(scheme))
        size = f"{photo.width} × {photo.height} px"
        if not photo.faces:
            return document(photo), (
                f"No face found in {photo.name} ({size}). Press “Add face” and draw a box around each face."
            )
        faces = "1 face" if len(photo.faces) == 1 else f"{len(photo.faces)} faces"
        return document(photo), f"{faces} in {photo.name} ({size}). Drag what is wrong, then save each face."

    def add_face(self, payload: Any) -> tuple[EditorDocument, str]:
        """Predict the face in a box that somebody drew.

        Raises:
            CorrectionsError: if the payload is no box, or its photo is not open.
        """
        photo = self._photo(payload)
        box = parse_box(payload, photo.width, photo.height)
        with photo.lock:
            opened = photo.add(photo.predictor.in_box(photo.original, box.box_xyxy))
            answer = document(photo, box.rev)
        answer.selected = len(answer.faces) - 1
        return answer, f"Face {opened.face_id[1:]} added. Drag what is wrong, then save it."

    def save_face(self, payload: Any, annotator: str) -> tuple[EditorDocument, str]:
        """Append a face as a person left it to the corrections.

        Raises:
            CorrectionsError: if the payload is no correction, its photo is not open, or the row cannot be written.
        """
        photo = self._photo(payload)
        scheme = photo.predictor.scheme
        edit = parse_face_edit(payload, scheme.n_points, photo.width, photo.height)
        opened = photo.face(edit.face_id)
        with photo.lock:  # two saves of one face follow each other, so that each supersedes the one before
            correction = self.store.save(
                photo.original, image_width=photo.width, image_height=photo.height, scheme=scheme.name,
                box_xyxy=opened.face.box_xyxy, predicted_xy=opened.face.points, corrected_xy=edit.points,
                confidence=opened.face.confidence, states=edit.states, model_version=photo.predictor.version,
                annotator=annotator.strip(), supersedes=opened.saved_id,
            )  # fmt: skip
            opened.saved_id, opened.saved_rev = correction.id, edit.rev
            answer = document(photo, edit.rev)
        changed = sum(state not in ("untouched", "settled") for state in edit.states)
        points = {0: "as predicted", 1: "with 1 point corrected"}.get(changed, f"with {changed} points corrected")
        notices = [self.store.notices.pop(0) for _ in range(len(self.store.notices))]
        return answer, " ".join([f"Saved face {opened.face_id[1:]} {points} to {self.store.path}.", *notices])

    def keep_editing(self, payload: Any) -> str:
        """A sentence about the photo that stays in the editor although another photo or scheme was chosen.

        Raises:
            CorrectionsError: if the payload names no photo that is open.
        """
        photo = self._photo(payload)
        return (
            f"Still editing {photo.name} with {photo.predictor.scheme.n_points} keypoints. "
            "When you are done, choose the other photo or keypoints again."
        )

    def latest(self) -> list[list]:
        """The newest corrections in force as rows under `TABLE_COLUMNS`."""
        return [table_row(correction) for correction in self.store.tail(TABLE_ROWS)]

    def csv_snapshot(self) -> str:
        """Path of a copy of the CSV to download.

        Raises:
            CorrectionsError: if nothing was saved yet, or the copy cannot be written.
        """
        if not self.store.path.exists():
            raise CorrectionsError("There is nothing to download yet: save a face first.")
        with self._snapshots_lock:
            try:
                self._snapshots.append(copied_alone(self.store.path, self.photos.folder))
            except OSError as error:
                raise CorrectionsError(
                    f"The file cannot be copied for the download ({error.strerror or error}). Make room on the disk "
                    f"that holds the temporary files, or take {self.store.path} itself."
                ) from error
            while len(self._snapshots) > KEPT_SNAPSHOTS:
                shutil.rmtree(self._snapshots.pop(0).parent, ignore_errors=True)
            return str(self._snapshots[-1])

    def _photo(self, payload: Any) -> OpenPhoto:
        doc_id = payload.get("doc_id") if isinstance(payload, dict) else None
        if not isinstance(doc_id, str):
            raise CorrectionsError("The page sent something that is no correction. Reload the page and try again.")
        return self.photos.get(doc_id)


def copied_alone(path: Path, parent: Path) -> Path:
    """A copy of a file in a new folder of its own; nothing is left behind if the disk is full."""
    folder = Path(tempfile.mkdtemp(dir=parent))
    try:
        return Path(shutil.copyfile(path, folder / path.name))
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def document(photo: OpenPhoto, rev: int = 0) -> EditorDocument:
    """An open photo as the editor wants it."""
    scheme = photo.predictor.scheme
    return EditorDocument(
        image=FileData(path=str(photo.display)),
        width=photo.width,
        height=photo.height,
        doc_id=photo.doc_id,
        rev=rev,
        scheme=scheme.name,
        photo_name=photo.name,
        names=list(scheme.names),
        edges=[tuple(edge) for edge in scheme.edges],
        faces=[editor_face(opened, scheme) for opened in photo.faces.values()],
        settle_prior=packed_prior(photo.predictor.settle_prior),
    )


def editor_face(opened: OpenFace, scheme: Scheme) -> EditorFace:
    face: Face = opened.face
    points = point_lists(face.points.round(2))
    return EditorFace(
        face_id=opened.face_id,
        box_xyxy=[round(float(v), 2) for v in face.box_xyxy],
        score=None if math.isnan(face.score) else round(face.score, 3),
        predicted=points,
        points=points,
        confidence=[round(float(c), 3) for c in face.confidence],
        states=["untouched"] * len(points),
        saved_id=opened.saved_id or None,
        saved_rev=opened.saved_rev,
        spread=[round(float(s), 4) for s in point_spread(face.confidence)],
        roll_rad=float(np.nan_to_num(roll_of_points(face.points, scheme))),
    )


def table_row(correction: Correction) -> list:
    states = Counter(correction.states)
    shift_px = np.linalg.norm(correction.corrected_xy - correction.predicted_xy, axis=1)
    shift_px = shift_px[np.array(correction.states) != "settled"]
    largest = float(np.nanmax(shift_px)) if np.isfinite(shift_px).any() else 0.0
    return [
        correction.time_utc[:19].replace("T", " "),
        correction.scheme,
        states["moved"],
        states["confirmed"],
        states["occluded"] + states["absent"],
        round(largest, 1),
        correction.annotator,
        correction.id[:9],
    ]
