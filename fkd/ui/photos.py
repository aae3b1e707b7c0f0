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
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from fkd.corrections import Correction
from fkd.errors import CorrectionsError, ImageError
from fkd.image_store import stored_name
from fkd.images import read_image
from fkd.predictor import Face, KeypointPredictor

__all__ = ["MAX_OPEN", "OpenFace", "OpenPhoto", "OpenPhotos"]

MAX_OPEN = 500
MAX_BYTES = 2 * 1024**3  # of all files together
# What the browser shows is a copy of at most this many pixels a side: more cannot be seen, and slows phones down.
DISPLAY_PX = 4096


@dataclass
class OpenFace:
    """A face as the weights `model_version` predicted it, and what was last saved of it.

    ``saved_rev`` is the rev of that save, or of the wish that took one back, and ``saved_window`` the window's it was.
    """

    face_id: str
    face: Face
    model_version: str
    saved: Correction | None = None
    saved_rev: int = -1
    saved_window: str = ""

    @property
    def saved_id(self) -> str:
        """The row that it was last saved in; "" while it is not saved."""
        return "" if self.saved is None else self.saved.id

    def is_overtaken(self, rev: int, window: str) -> bool:
        """Whether a later event of the same window was here before this one, whose way was longer."""
        return bool(window) and window == self.saved_window and rev < self.saved_rev


@dataclass
class OpenPhoto:
    """A photo under an id: its original file, a copy for the browser, and its faces by their id.

    ``image`` is what rows of corrections call it.
    """

    doc_id: str
    name: str
    original: Path
    display: Path
    width: int
    height: int
    size_bytes: int
    image: str
    predictor: KeypointPredictor
    faces: dict[str, OpenFace] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, face: Face) -> OpenFace:
        """Take in a face and give it an id."""
        opened = OpenFace(f"f{len(self.faces) + 1}", face, self.predictor.version)
        self.faces[opened.face_id] = opened
        return opened

    def neediest_face(self) -> int:
        """The place of the face to begin with, as the editor counts them: the least certain one that is not saved."""
        faces = list(self.faces.values())
        needs = [(face.saved is not None, float(face.face.confidence.mean())) for face in faces]
        return min(range(len(faces)), key=needs.__getitem__, default=0)

    def face(self, face_id: str) -> OpenFace:
        """The face called `face_id`.

        Raises:
            CorrectionsError: if the photo has none of that id.
        """
        if face_id not in self.faces:
            raise CorrectionsError("This face is not known here any more. Open the photo again.")
        return self.faces[face_id]


class OpenPhotos:
    """Up to `MAX_OPEN` photos of `MAX_BYTES`; those that were not used for longest make room for the next."""

    def __init__(self):
        # Removed when the process ends, and the photos in it with it.
        self._temporary = tempfile.TemporaryDirectory(prefix="fkd-open-")
        self.folder = Path(self._temporary.name)
        self._photos: OrderedDict[str, OpenPhoto] = OrderedDict()
        self._lock = threading.Lock()

    def open(
        self,
        path: str | Path,
        predictor: KeypointPredictor,
        faces: Sequence[Face] | None = None,
        image: str = "",
        name: str = "",
    ) -> OpenPhoto:
        """Read a photo, predict the faces in it and keep a copy of the file.

        Args:
            faces: what `predictor` found in it, if that is known already.
            image: what rows of corrections call it, if that is known already.
            name: what people call it, if that is not the file's name.

        Raises:
            ImageError: if the file is no picture that can be used, or the copy cannot be written.
        """
        path = Path(path)
        pixels = read_image(path)
        image = image or f"images/{stored_name(path)}"
        folder = self.folder / secrets.token_urlsafe(16)
        try:
            photo = _copied(path, name or path.name, image, pixels, folder, predictor)
            for face in predictor(pixels) if faces is None else faces:
                photo.add(face)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        with self._lock:
            self._photos[photo.doc_id] = photo
            self._make_room()
        return photo

    def _make_room(self) -> None:
        total_bytes = sum(photo.size_bytes for photo in self._photos.values())
        # The newest stays, however large it is: somebody is looking at it.
        while len(self._photos) > 1 and (len(self._photos) > MAX_OPEN or total_bytes > MAX_BYTES):
            _, oldest = self._photos.popitem(last=False)
            total_bytes -= oldest.size_bytes
            shutil.rmtree(oldest.original.parent, ignore_errors=True)

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


def _copied(
    path: Path, name: str, image: str, pixels: np.ndarray, folder: Path, predictor: KeypointPredictor
) -> OpenPhoto:
    """The photo in a new folder, whose name is its id: the file as it is, and a copy for the browser."""
    original, display = folder / f"original{path.suffix}", folder / "display.jpg"
    try:
        folder.mkdir()
        shutil.copyfile(path, original)
        _write_display(pixels, display)
        size_bytes = original.stat().st_size + display.stat().st_size
    except OSError as error:
        raise ImageError(
            f"{name} cannot be opened: no copy of it can be written ({error.strerror or error}). Make room on "
            "the disk that holds the temporary files, then add it again."
        ) from error
    height, width = pixels.shape[:2]
    return OpenPhoto(folder.name, name, original, display, width, height, size_bytes, image, predictor)


def _write_display(image: np.ndarray, path: Path) -> None:
    """An upright JPEG without any metadata, which every browser shows alike."""
    picture = Image.fromarray(image)
    picture.thumbnail((DISPLAY_PX, DISPLAY_PX), Image.Resampling.LANCZOS, reducing_gap=2.0)
    picture.save(path, quality=92, subsampling=0)
