"""The photo box: Gradio's image input, but the file itself comes through, unread."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.components.image import ImageData
from gradio.utils import get_upload_folder

from fkd.errors import ImageError

__all__ = ["PhotoInput", "uploaded"]


class PhotoInput(gr.Image):
    """A `gr.Image` whose value in Python is the path of the uploaded file, or None.

    Gradio's own preprocessing decodes the picture: it trips over what is none before fkd can say what is wrong, and
    drops what fkd wants to keep, the file as it was uploaded.
    """

    # Gradio's mark for "a variant of its base class": the browser draws it with the base class's code.
    is_template = True

    def preprocess(self, payload: ImageData | None) -> str | None:
        return None if payload is None else str(uploaded(payload.path))


def uploaded(path: str | None) -> Path:
    """A file that somebody uploaded, by the path that came with a request.

    Gradio checks only those paths that say themselves that they are files, so a path without that mark may name any
    file of this machine.

    Raises:
        ImageError: if the path leads out of the folder of uploads.
    """
    file = Path(path or "")
    if not file.resolve().is_relative_to(Path(get_upload_folder()).resolve()):
        raise ImageError("This is no uploaded photo. Upload it, then try again.")
    return file
