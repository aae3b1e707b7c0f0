"""The corrections of one folder: saved, taken back, and read as what is in force.

Nothing is ever rewritten: a later row replaces an earlier one by naming it in ``supersedes``, and an undo is a row as
well. ``annotations/README.md`` describes the folder for people who open it with other tools.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from fkd.correction_file import CorrectionFile
from fkd.correction_rows import decode_line, encode_line, from_row, to_row
from fkd.corrections import Correction, Undo
from fkd.errors import CorrectionsError

__all__ = ["CorrectionStore"]


class _Visit(NamedTuple):
    """A row met on the way back from the end of the file, and what the rows after it say about it."""

    offset: int
    cells: dict[str, str]
    taken_back: bool
    replaced: bool


class CorrectionStore:
    """The corrections in one folder: ``corrections.csv`` and the pictures it names, under ``images/``.

    Any number of stores, threads and processes may append to one folder; reading needs no right to write. Every method
    raises CorrectionsError if the file is not a corrections file or the operating system refuses.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = Path(folder)
        self.path = self.folder / "corrections.csv"
        self._file = CorrectionFile(self.path)

    @property
    def notices(self) -> list[str]:
        """Sentences about what was found and mended on the way (an incomplete last line); show them, then clear it."""
        return self._file.notices

    def save(self, image_path: str | os.PathLike[str], **values) -> Correction:
        """Keep the picture, then append the correction of one face in it; return the record as it was written.

        ``values`` are the fields of :class:`~fkd.corrections.Correction` other than ``image``. The picture is stored
        first, so that no row ever names one that is not there. Raises ImageError or CorrectionsError.
        """
        from fkd.image_store import store_image

        correction = Correction(image=f"images/{store_image(image_path, self.folder / 'images')}", **values)
        self.append(correction)
        return correction

    def append(self, record: Correction | Undo) -> str:
        """Append one row and return its id once it is on the disk; the time it takes does not grow with the file.

        If it raises CorrectionsError, the file is as it was before. Appending the same record again, after an error
        whose outcome is unclear, is harmless: equal rows count once.
        """
        self._file.append(encode_line(to_row(record)))
        return record.id

    def undo(self, row_id: str, annotator: str = "") -> Undo:
        """Take back one row, by appending an undo that names it; return the undo.

        Taking back a correction brings back the one that it superseded. Taking back an undo restores what it undid.
        Reads from the end of the file to the row. Raises CorrectionsError if there is no such row, or if it is taken
        back already.
        """
        with self._file.locked():  # from the look to the append, so that two windows cannot both take the row back
            visit = next((visit for visit in self._newest_first() if visit.cells["id"] == row_id), None)
            if visit is None:
                raise CorrectionsError(f"There is no row {row_id} in {self.path}, so it cannot be undone.")
            if visit.taken_back:
                raise CorrectionsError(f"Row {row_id} is undone already; undo that undo to restore the row.")
            target = self._record(visit.offset, visit.cells)
            undo = Undo(
                image=target.image,
                image_width=target.image_width,
                image_height=target.image_height,
                scheme=target.scheme,
                annotator=annotator,
                supersedes=row_id,
            )
            self.append(undo)
        return undo

    def read(self) -> Iterator[Correction | Undo]:
        """Yield every row, oldest first, corrections and undos alike, one at a time.

        Raises CorrectionsError, with the line number, at a row that cannot be read.
        """
        for offset, line in self._file.forwards():
            yield self._record(offset, self._cells(offset, line))

    def current(self) -> Iterator[Correction]:
        """Yield the corrections in force, newest first: those that no later row supersedes or takes back.

        Reads backwards from the end, so the first few cost the same however long the file is. Raises CorrectionsError,
        with the line number, at a row that cannot be read, at two different rows with one id, and at a row that names
        a later one.
        """
        for visit in self._newest_first():
            if visit.cells["action"] != "undo" and not visit.taken_back and not visit.replaced:
                yield self._record(visit.offset, visit.cells)

    def tail(self, count: int) -> list[Correction]:
        """Return the newest ``count`` corrections in force, newest first, reading only the end of the file."""
        return list(islice(self.current(), count))

    def image_path(self, record: Correction | Undo) -> Path:
        """Return where the picture of the record lies."""
        return self.folder / record.image

    def _newest_first(self) -> Iterator[_Visit]:
        """Yield every row from the end to the start, with what later rows make of it.

        A row can only speak about earlier ones, so one pass backwards settles everything. A correction that is taken
        back replaces nothing, unless a later row replaces it: then what it superseded is replaced as well.
        """
        taken_back: set[str] = set()
        replaced: set[str] = set()
        seen: dict[str, int] = {}
        for offset, line in self._file.backwards():
            cells, digest = self._cells(offset, line), hash(line)
            row_id, earlier = cells["id"], cells["supersedes"]
            if seen.get(row_id) == digest:
                continue  # the same record appended twice
            with self._file.naming_line(offset):
                if row_id in seen:
                    raise CorrectionsError(f"Another row with other contents has the same id {row_id}; remove one.")
                if earlier in seen:
                    raise CorrectionsError(f"It supersedes row {earlier}, which stands below it; move it to the end.")
            seen[row_id] = digest
            visit = _Visit(offset, cells, row_id in taken_back, row_id in replaced)
            yield visit
            if cells["action"] == "undo" and not visit.taken_back:
                taken_back.add(earlier)
            if visit.replaced or (cells["action"] != "undo" and not visit.taken_back):
                replaced.add(earlier)

    def _cells(self, offset: int, line: bytes) -> dict[str, str]:
        with self._file.naming_line(offset):
            return decode_line(line)

    def _record(self, offset: int, cells: dict[str, str]) -> Correction | Undo:
        with self._file.naming_line(offset):
            return from_row(cells)
