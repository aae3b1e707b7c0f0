"""A correction as a row of ``corrections.csv``, and the row as a line of bytes.

UTF-8, commas, double quotes where a cell needs them (RFC 4180), and a plain line feed at the end of the line. No cell
ever holds a line break, so a line is a row. No cell can start a formula in a spreadsheet: arrays start with ``[``, the
rest is words and numbers of known form, and free text is written by :func:`to_row` with an apostrophe in front unless
it starts with a letter, also behind a semicolon, at which some spreadsheets split. ``annotations/README.md`` describes
the columns for people who open the file with other tools.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Mapping
from itertools import chain
from typing import NamedTuple

import numpy as np

from fkd.corrections import Correction, Undo
from fkd.errors import CorrectionsError

__all__ = [
    "COLUMNS",
    "HEADER",
    "SCHEMA_VERSION",
    "RowLinks",
    "check_header",
    "decode_line",
    "encode_line",
    "from_row",
    "image_of",
    "links_of",
    "to_row",
]

SCHEMA_VERSION = 1
_CONTEXT_COLUMNS = ("id", "time_utc", "schema_version", "image", "image_width", "image_height", "scheme")
_POINT_COLUMNS = ("box_xyxy", "predicted_xy", "corrected_xy", "confidence", "states", "model_version")
COLUMNS = (*_CONTEXT_COLUMNS, *_POINT_COLUMNS, "annotator", "supersedes", "action")
# The cells up to the scheme, and the last two, none of which this program ever puts in quotes.
_START = re.compile(rb'([^",]*),[^",]*,[^",]*,([^",]*),[^",]*,[^",]*,([^",]*),')
_END = re.compile(rb',([^",]*),(save|undo)')
HEADER = (",".join(COLUMNS) + "\n").encode("ascii")


class RowLinks(NamedTuple):
    """What a row says about other rows and about its picture: all that is needed to tell which rows are in force."""

    id: str
    image: str
    scheme: str
    supersedes: str
    action: str


def to_row(record: Correction | Undo) -> dict[str, str]:
    """Return the cells of the record by column name, in the order of :data:`COLUMNS`; missing is an empty cell."""
    cells = dict.fromkeys(COLUMNS, "")
    for name in ("id", "time_utc", "image", "image_width", "image_height", "scheme", "supersedes"):
        cells[name] = str(getattr(record, name))
    cells |= {"schema_version": str(SCHEMA_VERSION), "annotator": _text_to_cell(record.annotator), "action": "undo"}
    if isinstance(record, Correction):
        cells["action"] = "save"
        cells["box_xyxy"] = _json(record.box_xyxy.tolist())
        for name in ("predicted_xy", "corrected_xy"):
            points = getattr(record, name)
            cells[name] = _json([None if np.isnan(point[0]) else point.tolist() for point in points])
        cells["confidence"] = _json([None if np.isnan(value) else value for value in record.confidence.tolist()])
        cells["states"] = " ".join(record.states)
        cells["model_version"] = _text_to_cell(record.model_version)
    return cells


def from_row(row: Mapping[str, str]) -> Correction | Undo:
    """Return the record of one row, given as its cells by column name (all of :data:`COLUMNS`).

    Raises CorrectionsError, without a line number, if a cell cannot be read or the row contradicts itself.
    """
    if row["schema_version"] != str(SCHEMA_VERSION):
        raise CorrectionsError(
            f"schema_version is {row['schema_version'][:40]!r}, and this fkd reads {SCHEMA_VERSION}; use a newer fkd."
        )
    context = {name: row[name] for name in ("id", "time_utc", "image", "scheme", "supersedes")}
    context |= {name: _digits(row[name], name) for name in ("image_width", "image_height")}
    context["annotator"] = _cell_to_text(row["annotator"])
    if row["action"] == "undo":
        filled = [name for name in _POINT_COLUMNS if row[name]]
        if filled:
            raise CorrectionsError(f"An undo carries no points, but {', '.join(filled)} are filled; empty them.")
        return Undo(**context)
    if row["action"] != "save":
        raise CorrectionsError(f"action is {row['action'][:40]!r}; it must be save or undo.")
    return Correction(
        **context,
        box_xyxy=_numbers(_array(row["box_xyxy"], "box_xyxy"), "box_xyxy"),
        predicted_xy=_points(row["predicted_xy"], "predicted_xy"),
        corrected_xy=_points(row["corrected_xy"], "corrected_xy"),
        confidence=_numbers(_array(row["confidence"], "confidence"), "confidence"),
        states=tuple(row["states"].split()),
        model_version=_cell_to_text(row["model_version"]),
    )


def encode_line(row: Mapping[str, str]) -> bytes:
    """Return the row of :func:`to_row` as one UTF-8 line that ends with a line feed."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([row[name] for name in COLUMNS])
    return text.getvalue().encode("utf-8")


def decode_line(line: bytes) -> dict[str, str]:
    """Return the cells of one line by column name.

    Raises CorrectionsError, without a line number, if the line is not UTF-8 or has not as many cells as columns.
    """
    cells = _split(line)
    if len(cells) != len(COLUMNS):
        raise CorrectionsError(f"It has {len(cells)} cells instead of {len(COLUMNS)}.")
    return dict(zip(COLUMNS, cells, strict=True))


def links_of(line: bytes) -> RowLinks:
    """Return the links of one line without decoding its points, a hundred times faster than :func:`from_row`.

    Only the ends of the line are looked at: damage in between shows when the row is decoded. Raises CorrectionsError,
    without a line number, if the line is no row.
    """
    start, end = _START.match(line), _END.fullmatch(line, max(0, line.rfind(b",", 0, line.rfind(b","))))
    if start and end:
        try:
            return RowLinks(start[1].decode(), start[2].decode(), start[3].decode(), end[1].decode(), end[2].decode())
        except UnicodeDecodeError:
            pass  # decode_line says so in a sentence
    cells = decode_line(line)
    return RowLinks(*(cells[name] for name in RowLinks._fields))


def image_of(line: bytes) -> bytes:
    """Return the cell of one line that names its picture; empty if the line is no row."""
    cells = line.split(b",", 4)  # nothing before it ever holds a comma
    return cells[3].strip(b'"') if len(cells) == 5 else b""


def check_header(line: bytes) -> None:
    """Raise CorrectionsError, with what to do about it, unless the line is the header of a corrections file.

    A byte-order mark and a carriage return, which spreadsheets add, are let through.
    """
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise CorrectionsError("It is UTF-16; save it as 'CSV UTF-8' with commas.")
    try:
        names = tuple(_split(line.removeprefix(b"\xef\xbb\xbf")))
    except CorrectionsError as error:
        raise CorrectionsError("It is not a CSV text file; move it away or choose another folder.") from error
    if names == COLUMNS:
        return
    for separator, meaning in ((";", "semicolons"), ("\t", "tabs")):
        if tuple(",".join(names).split(separator)) == COLUMNS:
            raise CorrectionsError(f"Its columns are separated by {meaning}; export it with commas.")
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise CorrectionsError(
            f"Its header lacks {', '.join(missing)}: it comes from another tool; move it away or choose another folder."
        )
    if names[: len(COLUMNS)] == COLUMNS:
        extra = ", ".join(names[len(COLUMNS) :])[:200]
        raise CorrectionsError(f"It was written by a newer fkd (columns {extra} are unknown here); update fkd.")
    raise CorrectionsError(f"Its columns are in another order; put them in the order {','.join(COLUMNS)}.")


def _split(line: bytes) -> list[str]:
    try:
        text = line.decode("utf-8")
        if "\0" in text:  # Python 3.10 refuses it, 3.11 does not
            raise CorrectionsError("It has a NUL character in it.")
        rows = list(csv.reader([text.rstrip("\r\n")], strict=True))
    except UnicodeDecodeError as error:
        raise CorrectionsError("It is not UTF-8 text.") from error
    except csv.Error as error:
        raise CorrectionsError(f"Its cells cannot be told apart ({error}).") from error
    return rows[0] if rows else []


def _text_to_cell(text: str) -> str:
    # What starts with a letter is text to every spreadsheet. Anything else might be a formula (= + - @, also after a
    # space or as a full-width character), a number or a date, and gets the apostrophe that says "text". So does what
    # stands behind a semicolon: where the comma is the decimal sign, spreadsheets split the line there.
    return ";".join(map(_with_apostrophe, text.split(";")))


def _with_apostrophe(text: str) -> str:
    # A few letters decompose into a space and a mark, hence the normal form.
    return text if not text or unicodedata.normalize("NFKC", text[0])[0].isalpha() else "'" + text


def _cell_to_text(cell: str) -> str:
    return ";".join(part.removeprefix("'") for part in cell.split(";"))


def _json(value: list) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_NUMBER_OR_NULL = {int, float, type(None)}
_NO_POINT = [None, None]


def _array(cell: str, name: str) -> list:
    try:
        value = _DECODER.decode(cell)
    except (ValueError, RecursionError) as error:
        raise CorrectionsError(f"{name} is not a JSON array: {cell[:40]!r}.") from error
    if not isinstance(value, list):
        raise CorrectionsError(f"{name} is not a JSON array: {cell[:40]!r}.")
    return value


def _numbers(values: list, name: str) -> np.ndarray:
    if not set(map(type, values)) <= _NUMBER_OR_NULL:
        raise CorrectionsError(f"{name} must hold numbers and null only.")
    try:
        return np.array(values, dtype=np.float64)  # null becomes NaN
    except OverflowError as error:
        raise CorrectionsError(f"{name} holds a number that is far too large.") from error


def _points(cell: str, name: str) -> np.ndarray:
    points = [_NO_POINT if point is None else point for point in _array(cell, name)]
    if not set(map(type, points)) <= {list} or not set(map(len, points)) <= {2}:
        raise CorrectionsError(f"{name} must hold [x, y] or null for every point.")
    return _numbers(list(chain.from_iterable(points)), name).reshape(-1, 2)


def _digits(cell: str, name: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", cell):
        raise CorrectionsError(f"{name} is {cell!r}; it must be a whole number of px.")
    return int(cell)
