"""The keypoint editor: a ``gr.HTML`` subclass on which a person drags wrong facial keypoints right.

All editing happens in the browser. Python hands over an :class:`EditorDocument` once per photo and afterwards only
answers the events ``save``, ``undo_save`` and ``add_face`` with a new document, which the browser merges into what
the person has done meanwhile. Nothing that a browser posts is trusted before it passed :mod:`fkd.ui.editor.posted`.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any, Literal

import gradio as gr
import numpy as np
from gradio.data_classes import FileData, GradioModel
from pydantic import Field

from fkd.corrections import STATES
from fkd.settle import SettlePrior
from fkd.ui.editor.posted import FaceBox, FaceEdit, SaveUndo, parse_box, parse_face_edit, parse_save_undo

__all__ = [
    "EditorDocument",
    "EditorFace",
    "FaceBox",
    "FaceEdit",
    "KeypointEditor",
    "SaveUndo",
    "packed_prior",
    "parse_box",
    "parse_face_edit",
    "parse_save_undo",
    "point_lists",
]

_FOLDER = Path(__file__).parent
# One function body in the browser: the files share one scope and run in this order.
_SCRIPTS = (
    "model.js",
    "memory.js",
    "history.js",
    "settle.js",
    "settling.js",
    "view.js",
    "colours.js",
    "draw.js",
    "overlay.js",
    "light.js",
    "selection.js",
    "group.js",
    "flip.js",
    "faces.js",
    "actions.js",
    "tools.js",
    "picking.js",
    "gestures.js",
    "drags.js",
    "zooming.js",
    "taps.js",
    "keys.js",
    "toolbar.js",
    "hints.js",
    "connection.js",
    "drafts.js",
    "restoring.js",
    "reopening.js",
    "leave.js",
    "left.js",
    "saving.js",
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
    ``saved_rev`` is the ``rev`` of the event that saved it, or took its save back: of several, the browser knows which.
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
    ``flip_pairs`` the pairs that swap in a mirror; ``photo_name`` is what the editor calls the photo, ``photo_key``
    says by its contents which photo it is (the browser keeps unsaved points under it; "" keeps none), ``settle_prior``
    is what :func:`packed_prior` makes.
    """

    image: FileData | None = None
    width: int
    height: int
    doc_id: str
    rev: int = 0
    scheme: str
    photo_name: str = ""
    photo_key: str = ""
    names: list[str]
    edges: list[tuple[int, int]] = Field(default_factory=list)
    flip_pairs: list[tuple[int, int]] = Field(default_factory=list)
    faces: list[EditorFace] = Field(default_factory=list)
    selected: int = 0
    settle_prior: str = ""


class KeypointEditor(gr.HTML):
    """The editor as a Gradio component; its value is an :class:`EditorDocument` or None (a placeholder is shown).

    Events, with the event data that ``gr.EventData`` carries:

    - ``edit`` after every finished gesture: ``{doc_id, rev}``. Never output to the editor from its listeners.
    - ``save`` when a face is to be stored: ``{doc_id, face_id, rev, points, states}``, see :func:`parse_face_edit`.
    - ``undo_save`` when a face's last save is to be taken back, or with ``gone`` every save of a face that was removed:
      ``{doc_id, face_id, rev, gone}``, see :func:`parse_save_undo`. In the answer, ``saved_rev`` is that ``rev``,
      ``saved_id`` the row in force now or None.
    - ``add_face`` when a person drew a box: ``{doc_id, rev, box_xyxy}``, see :func:`parse_box`.
    - ``reopen`` when the page was reloaded: ``{doc_id}``, the photo that it showed. Answer with a document of that
      ``doc_id``, of a ``rev`` above those of all its saves.
    - ``keep`` when a person stays with a photo although another was opened: ``{doc_id}``, the photo that stays.

    Listeners of ``save``, ``undo_save`` and ``add_face`` answer with a new document and need
    ``trigger_mode="multiple"``, so that no save is dropped while another one runs, and ``show_progress="hidden"``, so
    that the editor is not dimmed. Each document tells of all saves so far: of several answers that come at once, Gradio
    shows the browser only the last.
    """

    EVENTS = ["edit", "save", "undo_save", "add_face", "reopen", "keep"]  # noqa: RUF012 (Gradio's metaclass wants a list)
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
