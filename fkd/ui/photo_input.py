"""The photo box: Gradio's image input, but the file itself comes through, unread."""

from __future__ import annotations

import gradio as gr
from gradio.components.image import ImageData

__all__ = ["PhotoInput"]


class PhotoInput(gr.Image):
    """A `gr.Image` whose value in Python is the path of the uploaded file, or None.

    Gradio's own preprocessing decodes the picture: it trips over what is none before fkd can say what is wrong, and
    drops what fkd wants to keep, the file as it was uploaded.
    """

    # Gradio's mark for "a variant of its base class": the browser draws it with the base class's code.
    is_template = True

    def preprocess(self, payload: ImageData | None) -> str | None:
        return None if payload is None else payload.path
