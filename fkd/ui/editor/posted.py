"""What a browser posts about faces, checked before anything else sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fkd.corrections import STATES
from fkd.errors import CorrectionsError

__all__ = ["FaceBox", "FaceEdit", "SaveUndo", "parse_box", "parse_face_edit", "parse_save_undo"]

MIN_BOX_SIDE_PX = 8.0


@dataclass(frozen=True)
class FaceEdit:
    """A face as a person left it. ``points``: float64 (K, 2), (x, y) in image pixels, NaN where absent."""

    doc_id: str
    face_id: str
    points: np.ndarray
    states: tuple[str, ...]
    rev: int = 0


@dataclass(frozen=True)
class SaveUndo:
    """A face whose last save is to be taken back; all of them if the face is gone from the editor."""

    doc_id: str
    face_id: str
    rev: int = 0
    gone: bool = False


@dataclass(frozen=True)
class FaceBox:
    """A box that a person drew. ``box_xyxy``: float64 (4,), inside the image, in image pixels."""

    doc_id: str
    box_xyxy: np.ndarray
    rev: int = 0


def parse_face_edit(payload: Any, n_points: int, width: int, height: int) -> FaceEdit:
    """Check the data of a ``save`` event for a scheme of ``n_points`` and an image of ``width`` × ``height`` pixels.

    Points may lie outside the image by at most one image size. Raises :class:`CorrectionsError` for anything else
    than what the editor sends.
    """
    doc_id, rev = _read_header(payload)
    face_id = _read_id(payload, "face_id")
    points, states = payload.get("points"), payload.get("states")
    for name, entries in (("points", points), ("states", states)):
        if not isinstance(entries, list) or len(entries) != n_points:
            raise CorrectionsError(
                f"The correction must hold {n_points} {name}. Reload the page; if it happens again, "
                "the scheme was changed while the face was being edited."
            )
    array = np.full((n_points, 2), np.nan)
    for index, (point, state) in enumerate(zip(points, states, strict=True)):
        if not isinstance(state, str) or state not in STATES:
            raise CorrectionsError(f"Point {index} has an unknown state. Known states: {', '.join(STATES)}.")
        if (point is None) != (state == "absent"):
            raise CorrectionsError(f"Point {index} must have either coordinates or the state 'absent', not both.")
        if point is None:
            continue
        if not isinstance(point, list) or len(point) != 2:
            raise CorrectionsError(f"Point {index} must be a pair of numbers (x, y).")
        array[index] = (
            _read_number(point[0], -width, 2 * width, f"x of point {index}"),
            _read_number(point[1], -height, 2 * height, f"y of point {index}"),
        )
    return FaceEdit(doc_id, face_id, array, tuple(states), rev)


def parse_save_undo(payload: Any) -> SaveUndo:
    """Check the data of an ``undo_save`` event. Raises :class:`CorrectionsError` for anything else."""
    doc_id, rev = _read_header(payload)
    return SaveUndo(doc_id, _read_id(payload, "face_id"), rev, payload.get("gone") is True)


def parse_box(payload: Any, width: int, height: int) -> FaceBox:
    """Check the data of an ``add_face`` event and clip its box to the image of ``width`` × ``height`` pixels.

    Raises :class:`CorrectionsError` when the box is no box or has a side under 8 pixels within the image.
    """
    doc_id, rev = _read_header(payload)
    corners = payload.get("box_xyxy")
    if not isinstance(corners, list) or len(corners) != 4:
        raise CorrectionsError("The box of a new face must be four numbers: left, top, right, bottom.")
    sizes = (width, height, width, height)
    names = ("left", "top", "right", "bottom")
    read = [
        _read_number(corner, -size, 2 * size, f"{name} side of the box")
        for corner, size, name in zip(corners, sizes, names, strict=True)
    ]
    box_xyxy = np.clip(np.array(read), 0.0, np.array(sizes, dtype=np.float64) - 1.0)
    if min(box_xyxy[2] - box_xyxy[0], box_xyxy[3] - box_xyxy[1]) < MIN_BOX_SIDE_PX:
        raise CorrectionsError(
            f"The box is too small: draw it at least {MIN_BOX_SIDE_PX:g} × {MIN_BOX_SIDE_PX:g} pixels large, "
            "round the whole face and inside the photo."
        )
    return FaceBox(doc_id, box_xyxy, rev)


def _read_header(payload: Any) -> tuple[str, int]:
    if not isinstance(payload, dict):
        raise CorrectionsError("The editor sent something that is no correction. Reload the page and try again.")
    rev = payload.get("rev", 0)
    if isinstance(rev, bool) or not isinstance(rev, int) or not 0 <= rev < 2**53:
        raise CorrectionsError("The revision of the correction must be a whole number. Reload the page and try again.")
    return _read_id(payload, "doc_id"), rev


def _read_id(payload: dict, name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise CorrectionsError(f"The correction has no valid {name}. Reload the page and try again.")
    return value


def _read_number(value: Any, low: float, high: float, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise CorrectionsError(f"The {name} must be a number.")
    # Compared before it is converted: this also refuses NaN, infinities and integers too large for a float.
    if not low <= value <= high:
        raise CorrectionsError(f"The {name} lies too far outside the photo, or is no finite number.")
    return float(value)
