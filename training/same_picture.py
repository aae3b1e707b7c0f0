"""Pictures that are corrected ones too: told by what the store would keep of them, as it names them by that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from fkd.errors import ImageError
from fkd.formats import LabelledFace
from fkd.image_store import content_name, stored_name
from fkd.images import upright_size

__all__ = ["SamePictures"]


class SamePictures:
    """Finds the corrected picture that a labelled face is in: the same file, or one that is stored as it.

    The store turns photos upright and frees them of their metadata, so the bytes of a photo from a camera are not those
    that it keeps. What the store would make of a photo is worked out only where a corrected picture has its size.

    Args:
        sizes_px: (width, height) of the corrected pictures, by the name that rows have for them.
    """

    def __init__(self, sizes_px: Mapping[str, tuple[int, int]]):
        self._by_name = {Path(image).stem: image for image in sizes_px}
        self._sizes_px = set(sizes_px.values())
        self._known: dict[Path, str] = {}

    def of(self, face: LabelledFace) -> str:
        """The corrected picture as rows name it; empty if there is none."""
        if not isinstance(face.image, Path):
            return ""
        if face.image not in self._known:
            self._known[face.image] = self._look(face.image)
        return self._known[face.image]

    def among(self, faces: Iterable[LabelledFace]) -> set[str]:
        """The corrected pictures that the faces are in."""
        return {self.of(face) for face in faces} - {""}

    def _look(self, path: Path) -> str:
        try:
            if _size_px(path, path.stat().st_mtime_ns) not in self._sizes_px:
                return ""
            name = content_name(path.read_bytes())
            return self._by_name.get(name) or self._by_name.get(Path(stored_name(path)).stem, "")
        except (ImageError, OSError):  # it is told of where its face is cut out, if it ever is
            return ""


@lru_cache(maxsize=100_000)
def _size_px(path: Path, changed_ns: int) -> tuple[int, int]:
    return upright_size(path)  # a third of a millisecond, which the app need not spend at every look
