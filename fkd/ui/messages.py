"""How the page tells a person something: a sentence in place, or fkd's own errors as they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from html import escape

import gradio as gr

from fkd.errors import FkdError

__all__ = ["say", "told"]


def told(action: Callable) -> Callable:
    """`action`, with fkd's errors shown to the person as they are."""

    @wraps(action)
    def wrapped(*args):
        try:
            return action(*args)
        except FkdError as error:
            raise gr.Error(str(error), duration=None, print_exception=False) from error

    return wrapped


def say(sentence: str) -> str:
    """A sentence as HTML, whatever is in it."""
    return f"<p>{escape(sentence)}</p>"
