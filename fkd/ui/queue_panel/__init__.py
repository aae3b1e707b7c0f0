"""The bar over the editor that leads through a queue of photos: how far it is, which are shown, and what comes next."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import gradio as gr
from gradio.data_classes import FileData, GradioModel
from pydantic import Field

from fkd.ui.editor import EditorDocument

__all__ = ["QueuePanel", "QueueView"]

_FOLDER = Path(__file__).parent
# One function body in the browser: the files share one scope and run in this order.
_SCRIPTS = ("panel.js", "steps.js", "keys.js", "start.js")


class QueueView(GradioModel):
    """The queue as one window sees it.

    ``counts`` are by filter, and ``waiting`` are the photos not read yet. ``name``, ``certainty`` (0 to 1, None
    without a face), ``flagged`` and ``corrected`` are of the photo of the queue that is open; ``name`` is "" if none
    is. ``ahead`` are pictures that the browser should have before they are asked for, and ``next`` is what may be
    shown as soon as it is asked for, while ``offered`` is its id. ``step`` is the number of the step that was
    answered last. Of two views, the one with the higher ``rev`` is the newer one, whichever arrives first.
    """

    rev: int
    shown: str
    counts: dict[str, int]
    waiting: int = 0
    name: str = ""
    certainty: float | None = None
    flagged: bool = False
    corrected: bool = False
    problems: list[str] = Field(default_factory=list)
    ahead: list[FileData] = Field(default_factory=list)
    next: EditorDocument | None = None
    offered: str = ""
    step: int = 0


class QueuePanel(gr.HTML):
    """The bar as a Gradio component; its value is a :class:`QueueView` or None. Without photos it is not there.

    Events, with the event data that ``gr.EventData`` carries:

    - ``step`` to go to another photo: ``{back, shown, number}``, whether to the one before, the id of the document that
      was shown in the meantime, and which step of the window's it is. When the answer is late, it says so once more.
    - ``ahead`` to have at hand what comes next.
    - ``choose`` to show other photos: ``{shown}``, a filter of :data:`~fkd.review_queue.FILTERS`.
    - ``flag`` to flag the open photo, or to take its flag down.
    - ``renew`` now and then while somebody works on the open photo.
    """

    EVENTS = ["step", "ahead", "choose", "flag", "renew"]  # noqa: RUF012 (Gradio's metaclass wants a list)
    data_model = QueueView

    def __init__(
        self,
        value: QueueView | None = None,
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
            html_template=(_FOLDER / "panel.html").read_text(encoding="utf-8"),
            css_template=(_FOLDER / "panel.css").read_text(encoding="utf-8"),
            js_on_load="\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in _SCRIPTS),
            apply_default_css=False,
            visible=visible,
            elem_id=elem_id,
            elem_classes=elem_classes,
            render=render,
            key=key,
        )

    def preprocess(self, payload: QueueView | None) -> QueueView | None:
        """Hand the view as the browser holds it to a listener; nothing in it is to be trusted."""
        return payload

    def postprocess(self, value: QueueView | None) -> QueueView | None:
        """Hand ``value`` to the browser; its pictures are copied into Gradio's cache."""
        return value

    def api_info(self) -> dict[str, Any]:
        return QueueView.model_json_schema()

    def example_payload(self) -> Any:
        return None

    def example_value(self) -> Any:
        return None
