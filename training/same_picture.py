"""Base pictures that are corrected ones too: told by their contents, as the corrections name them by these."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fkd.formats import LabelledFace
from fkd.image_store import content_name

__all__ = ["BasePictures"]


class BasePictures:
    """Finds the corrected picture that a base face is in, if its file is the same byte for byte.

    A photo that was turned upright or freed of its metadata when it was stored is another file, and not found.

    Args:
        folder: that the corrections are in.
        images: the corrected pictures, as rows name them; all are there.
    """

    def __init__(self, folder: Path, images: Iterable[str]):
        self._by_name = {Path(image).stem: image for image in images}
        # Only a file of the same size needs to be read.
        self._sizes = {(folder / image).stat().st_size for image in self._by_name.values()}
        self._known: dict[Path, str] = {}

    def of(self, face: LabelledFace) -> str:
        """The corrected picture as rows name it; empty if there is none."""
        if not isinstance(face.image, Path):
            return ""
        if face.image not in self._known:
            is_candidate = face.image.stat().st_size in self._sizes
            name = content_name(face.image.read_bytes()) if is_candidate else ""
            self._known[face.image] = self._by_name.get(name, "")
        return self._known[face.image]

    def among(self, faces: Iterable[LabelledFace]) -> set[str]:
        """The corrected pictures that the faces are in."""
        return {self.of(face) for face in faces} - {""}
