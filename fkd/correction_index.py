"""Where in ``corrections.csv`` the rows of each picture are, so that a long file is not read for one of them.

The index is a side file, ``corrections.csv.index``: twelve bytes a row, the CRC-32 of the picture's name and the offset
of the line. It covers the CSV from the first row up to some row; what was appended since is read. It is written whole
or not at all, and holds nothing that is not in the CSV: where it is missing or does not fit any more, it is made anew.
"""

from __future__ import annotations

import threading
import zlib
from array import array
from contextlib import suppress

import numpy as np

from fkd.correction_file import CorrectionFile
from fkd.correction_rows import image_of
from fkd.durable import write_whole

__all__ = ["CorrectionIndex"]

_ENTRY = np.dtype([("image", "<u4"), ("offset", "<i8")])
# Reading this many rows takes a few milliseconds; writing the index of a million rows takes longer.
_ROWS_UNWRITTEN = 2000


class CorrectionIndex:
    """The offsets of the rows of each picture. Every method raises CorrectionsError as `CorrectionFile` does."""

    def __init__(self, file: CorrectionFile):
        self.path = file.path.with_name(f"{file.path.name}.index")
        self._file = file
        self._entries: np.ndarray | None = None
        self._written = 0
        self._lock = threading.Lock()

    def offsets_of(self, image: str) -> list[int]:
        """Return where the rows of a picture start, in the order of the file."""
        name = image.encode()
        with self._lock:
            offsets, fits = self._look_up(name)
            if not fits:  # somebody edited the file by hand
                self._entries, self._written = np.empty(0, _ENTRY), 0
                offsets, _ = self._look_up(name)
        return offsets

    def _look_up(self, name: bytes) -> tuple[list[int], bool]:
        """Where the rows of a picture start, and whether every line that was looked at is where the index says."""
        entries, crc = self._up_to_date(), zlib.crc32(name)
        offsets = entries["offset"][entries["image"] == crc].tolist()
        images = [image_of(self._file.line_at(offset)) for offset in offsets]
        # Names may share a CRC.
        found = [offset for offset, image in zip(offsets, images, strict=True) if image == name]
        return found, all(zlib.crc32(image) == crc for image in images)

    def _up_to_date(self) -> np.ndarray:
        if self._entries is None:
            self._entries = self._read()
            self._written = len(self._entries)
        end = self._end_of(self._entries)
        if end is None:
            self._entries, self._written, end = np.empty(0, _ENTRY), 0, 0
        new = self._entries_from(end)
        if len(new):
            self._entries = np.concatenate([self._entries, new])
        if len(self._entries) - self._written >= _ROWS_UNWRITTEN:
            with suppress(OSError):  # a folder that may only be read: the next program to start reads the CSV again
                write_whole(self.path, self._entries.tobytes())
            self._written = len(self._entries)
        return self._entries

    def _read(self) -> np.ndarray:
        try:
            content = self.path.read_bytes()
        except OSError:  # none was written yet, or it may not be read: it is made anew
            return np.empty(0, _ENTRY)
        return np.frombuffer(content, _ENTRY) if len(content) % _ENTRY.itemsize == 0 else np.empty(0, _ENTRY)

    def _end_of(self, entries: np.ndarray) -> int | None:
        """Where the rows that are not covered begin; None if the last one covered is not where it was."""
        if len(entries) == 0:
            return 0
        offset = int(entries["offset"][-1])
        line = self._file.line_at(offset)
        is_there = line and zlib.crc32(image_of(line)) == entries["image"][-1]
        return offset + len(line) if is_there else None

    def _entries_from(self, start: int) -> np.ndarray:
        images, offsets = array("L"), array("q")
        for offset, line in self._file.forwards(start):
            images.append(zlib.crc32(image_of(line)))
            offsets.append(offset)
        entries = np.empty(len(offsets), _ENTRY)
        entries["image"], entries["offset"] = images, offsets
        return entries
