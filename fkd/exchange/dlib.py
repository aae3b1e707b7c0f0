"""dlib's XML of faces and their parts, as imglab and the shape predictor's trainer read it.

dlib's numbers are whole pixels (a fraction makes it refuse the file), parts are called by their number as in its own
``labels_ibug_300W.xml``, and a missing part is left out
(https://github.com/davisking/dlib/blob/master/dlib/data_io/image_dataset_metadata.cpp).
"""

from __future__ import annotations

import io
import xml.sax
from contextlib import suppress
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from fkd.errors import DataError
from fkd.exchange.faces import (
    ExchangedFace,
    box_around,
    by_picture,
    check_size,
    copy_pictures,
    find_picture,
    number,
)
from fkd.schemes import Scheme

__all__ = ["CARRIES_HIDDEN", "CARRIES_MISSING", "LABELS", "PRECISION_PX", "TITLE", "read", "write"]

TITLE = "dlib XML"
LABELS = "labels.xml"
PRECISION_PX = 0.5
CARRIES_HIDDEN = False
CARRIES_MISSING = True


def write(faces: list[ExchangedFace], scheme: Scheme, folder: Path) -> list[str]:
    """Write ``labels.xml`` and ``images/``."""
    copy_pictures(faces, folder / "images")
    lines = ["<?xml version='1.0' encoding='UTF-8'?>", "<dataset>", f"<name>{scheme.name}</name>"]
    lines += [f"<comment>Corrections from fkd, {scheme.n_points} points.</comment>", "<images>"]
    for picture, group in by_picture(faces):
        size = f"width='{group[0].width}' height='{group[0].height}'"
        lines.append(f"  <image file={quoteattr(f'images/{picture.name}')} {size}>")
        for face in group:
            lines += _box_lines(face)
        lines.append("  </image>")
    lines += ["</images>", "</dataset>", ""]
    (folder / LABELS).write_text("\n".join(lines), encoding="utf-8")
    hidden = sum(int(face.hidden.sum()) for face in faces)
    notes = ["Rounded to whole pixels, as dlib's XML has them."]
    return [*notes, f"dlib's XML cannot say that a point is hidden: {hidden} are written as seen."] if hidden else notes


def _box_lines(face: ExchangedFace) -> list[str]:
    box = box_around(face.points_xy) if face.box_xyxy is None else face.box_xyxy
    left, top, right, bottom = (int(v) for v in box.round())
    # dlib's rectangles include their last row and column.
    place = f"top='{top}' left='{left}' width='{right - left + 1}' height='{bottom - top + 1}'"
    parts = [
        f"      <part name='{index:02d}' x='{round(x)}' y='{round(y)}'/>"
        for index, (x, y) in enumerate(face.points_xy.tolist())
        if np.isfinite(x)
    ]
    return [f"    <box {place}>", *parts, "    </box>"]


def read(path: Path, scheme: Scheme, pictures: Path | None = None) -> list[ExchangedFace]:
    """The faces of an XML file, or of ``labels.xml`` in a folder. Boxes without parts are passed over.

    Raises:
        DataError: with the line, if the file is malformed, or a picture is not found.
    """
    path = path / LABELS if path.is_dir() else path
    reader = _Reader(path, scheme, [folder for folder in (pictures, path.parent) if folder])
    try:
        xml.sax.parse(_source(path), reader)
    except xml.sax.SAXParseException as error:
        raise DataError(
            f"“{path.name}”, line {error.getLineNumber()}: this is no XML ({error.getMessage()})."
        ) from error
    if not reader.is_dataset:
        raise DataError(f"“{path.name}” is no dlib file: it has no <dataset>.")
    return reader.faces


def _source(path: Path) -> xml.sax.InputSource:
    """The file, in the encoding that it declares; UTF-8 where it is that all the same, as imglab's are on Linux."""
    source = xml.sax.InputSource()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"“{path.name}” cannot be read ({error.strerror or error}).") from error
    source.setByteStream(io.BytesIO(content))
    with suppress(UnicodeDecodeError):
        content.decode("utf-8")
        source.setEncoding("utf-8")
    return source


class _Reader(xml.sax.ContentHandler):
    """Collects the faces; one that reads along is the one that knows the line."""

    def __init__(self, path: Path, scheme: Scheme, folders: list[Path]):
        super().__init__()
        self.faces: list[ExchangedFace] = []
        self.is_dataset = False
        self._path, self._scheme, self._folders = path, scheme, folders
        self._picture: tuple[Path, tuple[int, int]] | None = None
        self._box: np.ndarray | None = None
        self._is_ignored = False
        self._points = np.empty((0, 2))
        self._locator = None

    def setDocumentLocator(self, locator) -> None:
        self._locator = locator

    @property
    def _where(self) -> str:
        return f"“{self._path.name}”, line {self._locator.getLineNumber()}"

    def startElement(self, name: str, attrs) -> None:
        if name == "dataset":
            self.is_dataset = True
        elif name == "image":
            picture = find_picture(attrs.get("file", ""), self._folders, self._where)
            size = [int(self._number(attrs, key)) for key in ("width", "height") if key in attrs]
            self._picture = picture, check_size(picture, tuple(size) if len(size) == 2 else None, self._where)
        elif name == "box":
            left, top, width, height = (self._number(attrs, key) for key in ("left", "top", "width", "height"))
            self._box = np.array([left, top, left + width - 1, top + height - 1])
            self._is_ignored = attrs.get("ignore", "0") in ("1", "true")
            self._points = np.full((self._scheme.n_points, 2), np.nan)
        elif name == "part":
            if self._box is None:
                raise DataError(f"{self._where}: a part stands outside any box.")
            self._points[self._index(attrs.get("name", ""))] = [self._number(attrs, key) for key in "xy"]

    def endElement(self, name: str) -> None:
        if name != "box":
            return
        if self._picture is None:
            raise DataError(f"{self._where}: a box stands outside any image.")
        if np.isfinite(self._points).any() and not self._is_ignored:
            picture, size = self._picture
            box = self._box if (self._box[2:] > self._box[:2]).all() else None
            hidden = np.zeros(len(self._points), bool)
            self.faces.append(ExchangedFace(picture, *size, self._points, hidden, box, where=self._where))
        self._box = None

    def _index(self, name: str) -> int:
        if name in self._scheme.names:
            return self._scheme.names.index(name)
        if not name.isdecimal() or int(name) >= self._scheme.n_points:
            raise DataError(f"{self._where}: {self._scheme.name} has no part “{name[:40]}”.")
        return int(name)

    def _number(self, attrs, key: str) -> float:
        return number(attrs.get(key), self._where, key)
