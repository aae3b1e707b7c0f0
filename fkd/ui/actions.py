"""What happens when somebody opens a photo, adds a face or saves one. No layout here, and no Gradio events."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

from fkd.correction_store import CorrectionStore
from fkd.corrections import Correction
from fkd.errors import CorrectionsError
from fkd.photo_files import photos_below
from fkd.ui.documents import TABLE_COLUMNS, document, table_row
from fkd.ui.editor import EditorDocument, parse_box, parse_face_edit, parse_save_undo
from fkd.ui.models import ServedModels
from fkd.ui.photos import OpenFace, OpenPhoto, OpenPhotos
from fkd.ui.saved_faces import bring_back, matching_face

__all__ = ["TABLE_COLUMNS", "Desk"]

TABLE_ROWS = 10
KEPT_SNAPSHOTS = 2  # the one before the newest may still be on its way to somebody
_OVERTAKEN = "What was done to this face later is here already, and stays."


class Desk:
    """Where photos are opened, corrected and saved: the models, the open photos and the corrections of one app.

    ``shared_photos`` are those that everybody is offered, ``start_notices`` are sentences about what a crash left
    behind and was mended.

    Args:
        shared: a folder of the operator's whose photos everybody who can open the app may see and correct.

    Raises:
        CorrectionsError: if the corrections cannot be mended.
        ImageError: if `shared` is no folder with pictures.
    """

    def __init__(self, models: ServedModels, annotations: Path, shared: Path | None = None):
        self.models = models
        self.shared_photos = photos_below(shared) if shared else []
        self.store = CorrectionStore(annotations)
        self.store.mend()
        self.start_notices = self._taken_notices()
        self.photos = OpenPhotos()
        self._snapshots: list[Path] = []
        self._snapshots_lock = threading.Lock()

    def open_photo(self, path: str | Path, scheme: str) -> tuple[EditorDocument, str]:
        """Predict a photo; return it for the editor, and a sentence about it.

        Raises:
            ImageError: if the file is no picture that can be used.
            SchemeError: if there are no weights for the scheme.
        """
        return self.show(self.photos.open(path, self.models.predictor(scheme)))

    def show(self, photo: OpenPhoto) -> tuple[EditorDocument, str]:
        """An open photo for the editor, with what was saved of its faces before, and a sentence about it.

        Raises:
            CorrectionsError: if the corrections cannot be read.
        """
        corrected = bring_back(photo, self.store.of_image(photo.image))
        size = f"{photo.width} × {photo.height} px"
        if not photo.faces:
            return document(photo), (
                f"No face found in {photo.name} ({size}). Press “Add face” and draw a box around each face."
            )
        faces = "1 face" if len(photo.faces) == 1 else f"{len(photo.faces)} faces"
        before = f" {corrected} {'was' if corrected == 1 else 'were'} saved before." if corrected else ""
        return document(photo), f"{faces} in {photo.name} ({size}).{before} Drag what is wrong, then save each face."

    def reopen(self, payload: Any) -> tuple[EditorDocument, str] | None:
        """A photo for a window that showed it before it was reloaded, with a sentence about it; None if it is not open.

        Raises:
            CorrectionsError: if the corrections cannot be read.
        """
        try:
            photo = self._photo(payload)
        except CorrectionsError:
            return None
        answer, sentence = self.show(photo)
        # The window begins to count anew, from here on.
        answer.rev = 1 + max((opened.saved_rev for opened in photo.faces.values()), default=0)
        return answer, sentence

    def change_scheme(self, doc_id: str, scheme: str) -> tuple[EditorDocument, str] | None:
        """An open photo with the keypoints of another scheme, with a sentence about it; None if it is not open.

        Raises:
            ImageError: if its file can no longer be read.
            SchemeError: if there are no weights for the scheme.
        """
        try:
            photo = self.photos.get(doc_id)
        except CorrectionsError:
            return None
        predictor = self.models.predictor(scheme)
        return self.show(self.photos.open(photo.original, predictor, image=photo.image, name=photo.name))

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

    def save_face(self, payload: Any, annotator: str, window: str = "") -> tuple[EditorDocument, str]:
        """Append a face as a person left it to the corrections, unless their `window` has saved it again since.

        Raises:
            CorrectionsError: if the payload is no correction, its photo is not open, or the row cannot be written.
        """
        photo = self._photo(payload)
        scheme = photo.predictor.scheme
        edit = parse_face_edit(payload, scheme.n_points, photo.width, photo.height)
        opened = photo.face(edit.face_id)
        with photo.lock:  # two saves of one face follow each other, so that each supersedes the one before
            if opened.is_overtaken(edit.rev, window):
                return document(photo, edit.rev), _OVERTAKEN
            before = self._in_force(photo, opened)
            correction = self.store.save(
                photo.original, image_width=photo.width, image_height=photo.height, scheme=scheme.name,
                box_xyxy=opened.face.box_xyxy, predicted_xy=opened.face.points, corrected_xy=edit.points,
                confidence=opened.face.confidence, states=edit.states, model_version=opened.model_version,
                annotator=annotator.strip(), supersedes=before.id if before else "",
            )  # fmt: skip
            elsewhere = before is not None and before.id != opened.saved_id
            opened.saved, opened.saved_rev, opened.saved_window = correction, edit.rev, window
            answer = document(photo, edit.rev)
        changed = sum(state not in ("untouched", "settled") for state in edit.states)
        points = {0: "as predicted", 1: "with 1 point corrected"}.get(changed, f"with {changed} points corrected")
        saved = [f"Saved face {opened.face_id[1:]} {points} to {self.store.path.name} ({photo.name})."]
        if elsewhere:
            saved.append("It replaces what was saved of this face in another window.")
        return answer, " ".join([*saved, *self._taken_notices()])

    def undo_save(self, payload: Any, annotator: str, window: str = "") -> tuple[EditorDocument, str]:
        """Take back the last save of a face, by a row that says so; the save before counts again, if there was one.

        Of a face that is gone from the editor, every save is taken back. What `window` has done since stays.

        Raises:
            CorrectionsError: if the payload is no such wish, the face is not saved, its photo is not open, or the row
                cannot be written.
        """
        photo = self._photo(payload)
        wish = parse_save_undo(payload)
        opened = photo.face(wish.face_id)
        with photo.lock:
            if opened.is_overtaken(wish.rev, window):
                return document(photo, wish.rev), _OVERTAKEN
            undone = self._in_force(photo, opened)
            if undone is None and not wish.gone:
                raise CorrectionsError("This face is not saved, so there is no save to undo.")
            while undone is not None:
                self.store.undo(undone.id, annotator.strip())
                opened.saved = self._in_force(photo, opened)
                undone = opened.saved if wish.gone else None
            opened.saved_rev, opened.saved_window = wish.rev, window
            answer = document(photo, wish.rev)
        counts = "the save before counts again" if opened.saved else "the face is not saved any more"
        return answer, f"Took back the last save of face {opened.face_id[1:]}: {counts}. Nothing was deleted."

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

    def _in_force(self, photo: OpenPhoto, opened: OpenFace) -> Correction | None:
        """The correction in force of a face, whoever saved it last."""
        rows = [row for row in self.store.of_image(photo.image) if row.scheme == photo.predictor.scheme.name]
        own = next((row for row in rows if row.id == opened.saved_id), None)
        return own or next((row for row in rows if matching_face(photo.faces.values(), row) is opened), None)

    def _taken_notices(self) -> list[str]:
        return [self.store.notices.pop(0) for _ in range(len(self.store.notices))]

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
