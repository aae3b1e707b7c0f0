"""The corrections of one folder: saved, taken back, and read as what is in force.

Nothing is ever rewritten: a later row replaces an earlier one by naming it in ``supersedes``, and an undo is a row as
well. ``annotations/README.md`` describes the folder for people who open it with other tools.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from fkd.correction_file import CorrectionFile
from fkd.correction_index import CorrectionIndex
from fkd.correction_rows import RowLinks, decode_line, encode_line, from_row, links_of, to_row
from fkd.corrections import Correction, Undo
from fkd.errors import CorrectionsError

__all__ = ["STANDINGS", "CorrectionStore", "StoredRow"]

# A save is in force, superseded by a later one, or undone; an undo is an undo, or undone itself. Of a row that is in
# the file twice the later copy counts, and the earlier one is repeated.
STANDINGS = ("in force", "superseded", "undone", "undo", "repeated")


class StoredRow(NamedTuple):
    """A row as it stands in the file, its points not decoded yet, and what later rows make of it.

    ``offset`` is where it starts, in bytes; ``standing`` is one of :data:`STANDINGS`.
    """

    offset: int
    line: bytes
    links: RowLinks
    standing: str


class CorrectionStore:
    """The corrections in one folder: ``corrections.csv`` and the pictures it names, under ``images/``.

    Any number of stores, threads and processes may append to one folder; reading needs no right to write. Every method
    raises CorrectionsError if the file is not a corrections file or the operating system refuses.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = Path(folder)
        self.path = self.folder / "corrections.csv"
        self._file = CorrectionFile(self.path)
        self._index = CorrectionIndex(self._file)

    @property
    def notices(self) -> list[str]:
        """Sentences about what was found and mended on the way (an incomplete last line); show them, then clear it."""
        return self._file.notices

    def mend(self) -> None:
        """Put right what a crash left behind: to be called when a program that saves here starts.

        An incomplete last line is set aside and reported in ``notices``; half-written pictures are removed.
        """
        from fkd.image_store import remove_old_parts

        self._file.mend()
        with suppress(OSError):  # of a folder that may only be read: they are in nobody's way
            remove_old_parts(self.folder / "images")

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
            row = next((row for row in self.newest_first() if row.links.id == row_id), None)
            if row is None:
                raise CorrectionsError(f"There is no row {row_id} in {self.path}, so it cannot be undone.")
            if row.standing == "undone":
                raise CorrectionsError(f"Row {row_id} is undone already; undo that undo to restore the row.")
            target = self.record(row)
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
            yield self._decoded(offset, line)

    def current(self) -> Iterator[Correction]:
        """Yield the corrections in force, newest first: those that no later row supersedes or takes back.

        Reads backwards from the end, so the first few cost the same however long the file is. Raises CorrectionsError,
        with the line number, at a row that cannot be read, at two different rows with one id, and at a row that names
        a later one.
        """
        return (self.record(row) for row in self.newest_first() if row.standing == "in force")

    def tail(self, count: int) -> list[Correction]:
        """Return the newest ``count`` corrections in force, newest first, reading only the end of the file."""
        return list(islice(self.current(), count))

    def of_image(self, image: str) -> list[Correction]:
        """Return the corrections in force of one picture, newest first.

        ``image`` is what the rows call it, ``images/<hash>.<ext>``. Reads the rows of this picture only; where they
        are is kept in a side file (:mod:`fkd.correction_index`). Raises CorrectionsError as `current` does.
        """
        rows = self._settle((offset, self._file.line_at(offset)) for offset in reversed(self._index.offsets_of(image)))
        return [self.record(row) for row in rows if row.standing == "in force"]

    def annotators_of(self, image: str) -> dict[str, frozenset[str]]:
        """Return the names of those whose corrections of one picture are in force, by scheme: see `of_image`."""
        names = defaultdict(set)
        for row in self.of_image(image):
            names[row.scheme].add(row.annotator)
        return {scheme: frozenset(them) for scheme, them in names.items()}

    def of_photo(self, image_path: str | os.PathLike[str]) -> list[Correction]:
        """Return the corrections in force of a photo that is opened again, newest first: see `of_image`.

        Raises ImageError if the photo cannot be read.
        """
        from fkd.image_store import stored_name

        return self.of_image(f"images/{stored_name(image_path)}")

    def newest_first(self) -> Iterator[StoredRow]:
        """Yield every row from the end of the file to its start, with what later rows make of it.

        Points are not decoded: that takes a hundred times longer, and `record` does it for the rows that are wanted.
        Raises CorrectionsError as `current` does; damage within a row shows when it is decoded.
        """
        return self._settle(self._file.backwards())

    def record(self, row: StoredRow) -> Correction | Undo:
        """Return the row decoded. Raises CorrectionsError, with the line number, if it is damaged."""
        return self._decoded(row.offset, row.line)

    def image_path(self, record: Correction | Undo) -> Path:
        """Return where the picture of the record lies."""
        return self.folder / record.image

    def _settle(self, newest_first: Iterable[tuple[int, bytes]]) -> Iterator[StoredRow]:
        """Yield the rows with their standing.

        A row can only speak about earlier ones, so one pass backwards settles everything. A correction that is taken
        back replaces nothing, unless a later row replaces it: then what it superseded is replaced as well.
        """
        taken_back: set[str] = set()
        replaced: set[str] = set()
        seen: dict[str, int] = {}
        for offset, line in newest_first:
            try:
                links = links_of(line)
                digest = hash(line)
                if seen.get(links.id, digest) != digest:
                    raise CorrectionsError(f"Another row with other contents has the same id {links.id}; remove one.")
                if links.supersedes in seen:
                    raise CorrectionsError(
                        f"It supersedes row {links.supersedes}, which stands below it; move it to the end."
                    )
            except CorrectionsError as error:
                raise self._file.at_line(offset, error) from error
            if links.id in seen:
                yield StoredRow(offset, line, links, "repeated")
                continue
            seen[links.id] = digest
            is_undo, is_undone, is_replaced = links.action == "undo", links.id in taken_back, links.id in replaced
            yield StoredRow(offset, line, links, _standing(is_undo, is_undone, is_replaced))
            if is_undo and not is_undone:
                taken_back.add(links.supersedes)
            if is_replaced or not (is_undo or is_undone):
                replaced.add(links.supersedes)

    def _decoded(self, offset: int, line: bytes) -> Correction | Undo:
        try:
            return from_row(decode_line(line))
        except CorrectionsError as error:
            raise self._file.at_line(offset, error) from error


def _standing(is_undo: bool, is_undone: bool, is_replaced: bool) -> str:
    if is_undone:
        return "undone"
    if is_undo:
        return "undo"
    return "superseded" if is_replaced else "in force"
