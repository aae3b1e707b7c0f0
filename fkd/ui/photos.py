"""The photos that are open in somebody's browser, as the server knows them.

What a browser posts names a photo by an id that cannot be guessed; everything else about the photo (its file, its
size, what the model said) is looked up here and never taken from the browser.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from fkd.errors import CorrectionsError
from fkd.images import read_image
from fkd.predictor import Face, KeypointPredictor

__all__ = ["OpenFace", "OpenPhoto", "OpenPhotos"]

MAX_OPEN = 500
# What the browser shows is a copy of at most this many pixels a side: more cannot be seen, and slows phones down.
DISPLAY_PX = 4096


@dataclass
class OpenFace:
    """A face as predicted, and the row that it was last saved in ("" before the first save)."""

    face_id: str
    face: Face
    saved_id: str = ""


@dataclass
class OpenPhoto:
    """A photo under an id: its original file, a copy for the browser, and its faces by their id."""

    doc_id: str
    name: str
    original: Path
    display: Path
    width: int
    height: int
    predictor: KeypointPredictor
    faces: dict[str, OpenFace] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, face: Face) -> OpenFace:
        """Take in a face and give it an id."""
        opened = OpenFace(f"f{len(self.faces) + 1}", face)
        self.faces[opened.face_id] = opened
        return opened

    def face(self, face_id: str) -> OpenFace:
        """The face called `face_id`.

        Raises:
            CorrectionsError: if the photo has none of that id.
        """
        if face_id not in self.faces:
            raise CorrectionsError("This face is not known here any more. Open the photo again.")
        return self.faces[face_id]


class OpenPhotos:
    """Up to `MAX_OPEN` photos; the one that was not used for longest makes room for the next."""

    def __init__(self):
        # Removed when the process ends, and the photos in it with it.
        self._temporary = tempfile.TemporaryDirectory(prefix="fkd-open-")
        self.folder = Path(self._temporary.name)
        self._photos: OrderedDict[str, OpenPhoto] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, path: str | Path, predictor: KeypointPredictor) -> OpenPhoto:
        """Read a photo, predict the faces in it and keep a copy of the file.

        Raises:
            ImageError: if the file is no picture that can be used.
        """
        path = Path(path)
        image = read_image(path)
        doc_id = secrets.token_urlsafe(16)
        folder = self.folder / doc_id
        folder.mkdir()
        original = folder / f"original{path.suffix}"
        shutil.copyfile(path, original)
        photo = OpenPhoto(
            doc_id, path.name, original, folder / "display.jpg", image.shape[1], image.shape[0], predictor
        )
        _write_display(image, photo.display)
        for face in predictor(image):
            photo.add(face)
        with self._lock:
            self._photos[doc_id] = photo
            while len(self._photos) > MAX_OPEN:
                _, oldest = self._photos.popitem(last=False)
                shutil.rmtree(oldest.original.parent, ignore_errors=True)
        return photo

    def get(self, doc_id: str) -> OpenPhoto:
        """The photo of that id.

        Raises:
            CorrectionsError: if it is not open any more.
        """
        with self._lock:
            if doc_id not in self._photos:
                raise CorrectionsError(
                    "Not saved: the server was restarted, or too many photos were opened since. Your points stay on "
                    "this screen; open the photo again in a second window to correct and save it there."
                )
            self._photos.move_to_end(doc_id)
            return self._photos[doc_id]


def _write_display(image: np.ndarray, path: Path) -> None:
    """An upright JPEG without any metadata, which every browser shows alike."""
    picture = Image.fromarray(image)
    picture.thumbnail((DISPLAY_PX, DISPLAY_PX), Image.Resampling.LANCZOS, reducing_gap=2.0)
    picture.save(path, quality=92, subsampling=0)
