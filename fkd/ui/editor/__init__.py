"""The keypoint editor: a ``gr.HTML`` subclass on which a person drags wrong facial keypoints right.

All editing happens in the browser. Python hands over an :class:`EditorDocument` once per photo and afterwards only
answers the events ``save`` and ``add_face`` with a new document, which the browser merges into what the person has
done meanwhile. Nothing that a browser posts is trusted before :func:`parse_face_edit` or :func:`parse_box` passed it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import gradio as gr
import numpy as np
from gradio.data_classes import FileData, GradioModel
from pydantic import Field

from fkd.corrections import STATES
from fkd.errors import CorrectionsError
from fkd.settle import SettlePrior

__all__ = [
    "EditorDocument",
    "EditorFace",
    "FaceBox",
    "FaceEdit",
    "KeypointEditor",
    "packed_prior",
    "parse_box",
    "parse_face_edit",
    "point_lists",
]

MIN_BOX_SIDE_PX = 8.0

_FOLDER = Path(__file__).parent
# One function body in the browser: the files share one scope and run in this order.
_SCRIPTS = (
    "model.js",
    "history.js",
    "settle.js",
    "settling.js",
    "view.js",
    "colours.js",
    "draw.js",
    "overlay.js",
    "actions.js",
    "gestures.js",
    "keys.js",
    "toolbar.js",
    "leave.js",
    "sync.js",
    "start.js",
)

# Strict: pydantic would otherwise read the strings "nan" and "inf" as numbers.
Pixel = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0.0, le=1.0)]
PointState = Literal[STATES]


class EditorFace(GradioModel):
    """One face of a document.

    ``predicted`` and ``points`` hold K pairs (x, y) in image pixels, None where there is no point; ``confidence`` and
    ``states`` hold K entries. ``saved_id`` names the face's row in the corrections file, None while it has none, and
    ``saved_rev`` is the ``rev`` of the event that saved it: of several saves on their way, the browser knows which.
    ``spread`` (K positive numbers, see :func:`fkd.settle.point_spread`) and ``roll_rad`` let the points settle; without
    them they do not.
    """

    face_id: str
    box_xyxy: list[Pixel]
    score: float | None = None
    predicted: list[list[Pixel] | None]
    points: list[list[Pixel] | None]
    confidence: list[Share]
    states: list[PointState]
    saved_id: str | None = None
    saved_rev: int = -1
    spread: list[Pixel] = Field(default_factory=list)
    roll_rad: Pixel = 0.0


class EditorDocument(GradioModel):
    """One photo with its faces, as the editor shows it.

    ``image`` is the upright photo of ``width`` × ``height`` pixels, without an EXIF orientation (the browser would
    apply it again). ``doc_id`` must be new for every photo opened and for every change of scheme: to the editor, the
    same ``doc_id`` means "keep what the person did"; with another one, it asks what becomes of unsaved points first.
    In an answer, ``rev`` is the ``rev`` of the event it answers. ``edges`` are pairs of keypoint indices,
    ``photo_name`` is what the editor calls the photo, ``settle_prior`` is what :func:`packed_prior` makes.
    """

    image: FileData | None = None
    width: int
    height: int
    doc_id: str
    rev: int = 0
    scheme: str
    photo_name: str = ""
    names: list[str]
    edges: list[tuple[int, int]] = Field(default_factory=list)
    faces: list[EditorFace] = Field(default_factory=list)
    selected: int = 0
    settle_prior: str = ""


class KeypointEditor(gr.HTML):
    """The editor as a Gradio component; its value is an :class:`EditorDocument` or None (a placeholder is shown).

    Events, with the event data that ``gr.EventData`` carries:

    - ``edit`` after every finished gesture: ``{doc_id, rev}``. Never output to the editor from its listeners.
    - ``save`` when a face is to be stored: ``{doc_id, face_id, rev, points, states}``, see :func:`parse_face_edit`.
    - ``add_face`` when a person drew a box: ``{doc_id, rev, box_xyxy}``, see :func:`parse_box`.
    - ``keep`` when a person stays with a photo although another was opened: ``{doc_id}``, the photo that stays.

    Listeners of ``save`` and ``add_face`` answer with a new document and need ``trigger_mode="multiple"``, so that no
    save is dropped while another one runs, and ``show_progress="hidden"``, so that the editor is not dimmed.
    """

    EVENTS = ["edit", "save", "add_face", "keep"]  # noqa: RUF012 (Gradio's metaclass wants a list)
    data_model = EditorDocument

    def __init__(
        self,
        value: EditorDocument | None = None,
        *,
        label: str | None = None,
        visible: bool | Literal["hidden"] = True,
        elem_id: str | None = None,
        elem_classes: list[str] | str | None = None,
        render: bool = True,
        key: int | str | tuple[int | str, ...] | None = None,
    ):
        super().__init__(
            value,
            label=label,
            html_template=(_FOLDER / "editor.html").read_text(encoding="utf-8"),
            css_template=(_FOLDER / "editor.css").read_text(encoding="utf-8"),
            js_on_load="\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in _SCRIPTS),
            apply_default_css=False,
            visible=visible,
            elem_id=elem_id,
            elem_classes=elem_classes,
            render=render,
            key=key,
        )

    def preprocess(self, payload: EditorDocument | None) -> EditorDocument | None:
        """Hand the document as the browser holds it to a listener.

        Its image path comes from the browser: look the photo up by ``doc_id`` instead.
        """
        return payload

    def postprocess(self, value: EditorDocument | None) -> EditorDocument | None:
        """Hand ``value`` to the browser; its image is copied into Gradio's cache."""
        return value

    def api_info(self) -> dict[str, Any]:
        return EditorDocument.model_json_schema()

    def example_payload(self) -> Any:
        return None

    def example_value(self) -> Any:
        return None


@dataclass(frozen=True)
class FaceEdit:
    """A face as a person left it. ``points``: float64 (K, 2), (x, y) in image pixels, NaN where absent."""

    doc_id: str
    face_id: str
    points: np.ndarray
    states: tuple[str, ...]
    rev: int = 0


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


def point_lists(points: np.ndarray) -> list[list[float] | None]:
    """Turn ``points``, float (K, 2) with NaN where missing, into the lists that :class:`EditorFace` holds."""
    return [[float(x), float(y)] if np.isfinite(x) and np.isfinite(y) else None for x, y in points]


def packed_prior(prior: SettlePrior | None) -> str:
    """How points settle, for :class:`EditorDocument`: base64 of the covariance's lower triangle, float32, row by row.

    "" if the weights have none: then nothing settles.
    """
    if prior is None:
        return ""
    triangle = prior.covariance[np.tril_indices(len(prior.covariance))]
    return base64.b64encode(triangle.astype("<f4").tobytes()).decode("ascii")


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
