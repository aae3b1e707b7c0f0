"""One corrected face as a record: what the model said, what a person made of it, and what happened to each point.

A record checks itself when it is made, so whatever is held in memory can be written, and whatever is written can be
read. Coordinates are rounded to 0.01 px and confidences to 0.0001 at that moment: the record equals its row exactly
(:mod:`fkd.correction_rows`). :mod:`fkd.correction_store` keeps the rows.
"""

from __future__ import annotations

import operator
import re
import unicodedata
import uuid
from collections import Counter
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone

import numpy as np

from fkd.errors import CorrectionsError

__all__ = ["MAX_POINTS", "STATES", "Correction", "Undo"]

STATES = ("untouched", "settled", "confirmed", "moved", "occluded", "absent")
# Together they keep every cell below the 32,767 characters at which Excel cuts a cell off.
MAX_POINTS = 1000
# One object a word, however many rows are in memory.
_SHARED = {state: state for state in STATES}
_MAX_PX = 100_000
_MAX_TEXT = 200

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_ID = re.compile(r"[0-9A-Za-z]{1,64}")
_SCHEME = re.compile(r"[A-Za-z][0-9A-Za-z_.-]{0,63}")
# One plain name in one folder: a corrections file from elsewhere must not be able to name any other file of this disk.
_IMAGE = re.compile(r"images/[0-9A-Za-z][0-9A-Za-z_.-]{0,199}")


def _new_id() -> str:
    # The letter in front keeps spreadsheets and pandas from taking an id such as 12e4... for a number.
    return "c" + uuid.uuid4().hex


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


@dataclass(frozen=True, kw_only=True)
class _Record:
    """What every row carries, whatever it does."""

    image: str
    image_width: int
    image_height: int
    scheme: str
    annotator: str = ""
    supersedes: str = ""
    id: str = field(default_factory=_new_id)
    time_utc: str = field(default_factory=_now)

    def __post_init__(self):
        _check_match(_ID, self.id, "id", "letters and digits")
        if self.supersedes:
            _check_match(_ID, self.supersedes, "supersedes", "the id of an earlier row")
        if self.supersedes == self.id:
            raise CorrectionsError(f"Row {self.id} names itself as the row it supersedes; name an earlier one.")
        _check_match(_IMAGE, self.image, "image", "images/ and one file name of letters, digits, '.', '_' and '-'")
        _check_match(_SCHEME, self.scheme, "scheme", "the name of a keypoint scheme")
        _check_text(self.annotator, "annotator")
        _check_time(self.time_utc)
        object.__setattr__(self, "image_width", _whole_px(self.image_width, "image_width"))
        object.__setattr__(self, "image_height", _whole_px(self.image_height, "image_height"))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Correction(_Record):
    """One face as a person left it: a row whose action is ``save``.

    ``image`` is the picture relative to the folder of the CSV (``images/<hash>.<ext>``), ``image_width`` and
    ``image_height`` its upright size in px. ``box_xyxy`` (4,), ``predicted_xy`` and ``corrected_xy`` (K, 2) are
    float64 in px of that picture, the centre of the top-left pixel at (0, 0); ``confidence`` (K,) is float64 in 0..1.
    NaN is missing (never in the box). ``states`` holds K words of :data:`STATES`. ``supersedes`` is the id of the row
    of the same face that this one replaces, or empty for the first row of a face.

    Raises CorrectionsError if lengths disagree, a number is infinite or out of range, only half of a point is missing,
    a state is unknown, a point is ``absent`` but has a corrected position (or the reverse), an ``untouched`` point is
    not where it was predicted, a ``settled`` one was not predicted, or a text has control characters or more than 200
    characters.
    """

    box_xyxy: np.ndarray
    predicted_xy: np.ndarray
    corrected_xy: np.ndarray
    confidence: np.ndarray
    states: tuple[str, ...]
    model_version: str = ""

    def __post_init__(self):
        super().__post_init__()
        _check_text(self.model_version, "model_version")
        object.__setattr__(self, "states", tuple(map(_SHARED.get, self.states, self.states)))
        count = len(self.states)
        if not 1 <= count <= MAX_POINTS:
            raise CorrectionsError(f"A correction has 1 to {MAX_POINTS} points; this one has {count} states.")
        self._store_array("box_xyxy", (4,), decimals=2, low=-_MAX_PX, high=_MAX_PX)
        self._store_array("predicted_xy", (count, 2), decimals=2, low=-_MAX_PX, high=_MAX_PX)
        self._store_array("corrected_xy", (count, 2), decimals=2, low=-_MAX_PX, high=_MAX_PX)
        self._store_array("confidence", (count,), decimals=4, low=0, high=1)
        x0, y0, x1, y1 = self.box_xyxy
        if not (x0 < x1 and y0 < y1):
            raise CorrectionsError(f"box_xyxy must be left, top, right, bottom; got {self.box_xyxy.tolist()}.")
        self._check_states()

    def _store_array(self, name: str, shape: tuple[int, ...], decimals: int, low: float, high: float) -> None:
        try:
            array = np.array(getattr(self, name), dtype=np.float64)
        except (OverflowError, TypeError, ValueError) as error:
            raise CorrectionsError(f"{name} must be an array of numbers with shape {shape} ({error}).") from error
        if array.shape != shape:
            raise CorrectionsError(f"{name} has shape {array.shape}; {len(self.states)} states call for {shape}.")
        if ((array < low) | (array > high)).any():
            raise CorrectionsError(f"{name} has a number outside {low} to {high}; leave unknown values NaN.")
        if array.ndim == 2 and (np.isnan(array[:, 0]) != np.isnan(array[:, 1])).any():
            raise CorrectionsError(f"{name} has a point with one coordinate only; give both, or NaN for both.")
        array = array.round(decimals) + 0.0  # + 0.0 turns -0.0 into 0.0
        array.setflags(write=False)
        object.__setattr__(self, name, array)

    def _check_states(self) -> None:
        missing = np.isnan(self.corrected_xy[:, 0]).tolist()
        # Two values that rounded apart differ by 0.01 px at most; NaN (nothing predicted) is never in place.
        in_place = (np.abs(self.corrected_xy - self.predicted_xy).max(axis=1) < 0.011).tolist()
        for index, state in enumerate(self.states):
            if state not in STATES:
                known = ", ".join(STATES)
                raise CorrectionsError(f"Point {index} has the unknown state {state!r}; use one of {known}.")
            if missing[index] != (state == "absent"):
                place = "no corrected position" if missing[index] else "a corrected position"
                raise CorrectionsError(f"Point {index} is {state!r} but has {place}; only absent points have none.")
            if state == "untouched" and not in_place[index]:
                raise CorrectionsError(f"Point {index} is 'untouched' but is not where it was predicted; use 'moved'.")
            if state == "settled" and np.isnan(self.predicted_xy[index, 0]):
                raise CorrectionsError(f"Point {index} is 'settled' but nothing was predicted for it; use 'moved'.")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Correction):
            return NotImplemented
        pairs = ((getattr(self, item.name), getattr(other, item.name)) for item in fields(self))
        return all(
            np.array_equal(mine, theirs, equal_nan=True) if isinstance(mine, np.ndarray) else mine == theirs
            for mine, theirs in pairs
        )

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        counts = Counter(self.states)
        points = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
        return f"Correction({self.id}, {self.time_utc}, {self.image}, {self.scheme}: {points}; by {self.annotator!r})"


@dataclass(frozen=True, kw_only=True)
class Undo(_Record):
    """A row whose action is ``undo``: it takes back the row that ``supersedes`` names, and carries no points.

    The picture and the scheme are those of the row it takes back. Raises CorrectionsError if ``supersedes`` is empty.
    """

    def __post_init__(self):
        super().__post_init__()
        if not self.supersedes:
            raise CorrectionsError("An undo must name the row that it takes back in supersedes.")


def _whole_px(value: int, name: str) -> int:
    try:
        whole = operator.index(value)
    except TypeError as error:
        raise CorrectionsError(f"{name} is {value!r}; it must be a whole number of px.") from error
    if not 1 <= whole <= _MAX_PX:
        raise CorrectionsError(f"{name} is {whole}; it must be 1 to {_MAX_PX} px.")
    return whole


def _check_match(pattern: re.Pattern, value: str, name: str, meaning: str) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise CorrectionsError(f"{name} is {str(value)[:60]!r}; it must be {meaning}.")


def _check_text(text: str, name: str) -> None:
    if not isinstance(text, str) or len(text) > _MAX_TEXT:
        raise CorrectionsError(f"{name} must be a text of at most {_MAX_TEXT} characters.")
    # Control characters, line and paragraph separators, and halves of surrogate pairs, which UTF-8 cannot hold.
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") for character in text):
        raise CorrectionsError(f"{name} has a line break, tab or other control character in it; remove it.")


def _check_time(text: str) -> None:
    try:
        if not _TIME.fullmatch(text):
            raise ValueError("another form")
        datetime.fromisoformat(text[:-1])  # much faster than strptime, and refuses 30 February as well
    except (TypeError, ValueError) as error:
        raise CorrectionsError(
            f"time_utc is {str(text)[:60]!r}; it must look like 2025-01-31T12:00:00.000Z."
        ) from error
