"""The camera with its faces' keypoints on it.

A frame goes to the server as a small JPEG, one at a time, and only points come back; the browser then shows the frame
that they belong to. So the points are where the face is however long an answer took, and nothing piles up.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from fkd.errors import FkdError, RightsError
from fkd.schemes import load_scheme
from fkd.ui.door import Door
from fkd.ui.live.sessions import LiveSessions
from fkd.ui.rights import Right

__all__ = ["LiveView"]

_FOLDER = Path(__file__).parent


def LiveView(sessions: LiveSessions, door: Door, scheme: str) -> gr.HTML:
    """The component; on an app that strangers can reach, it serves owners only: a camera takes a whole core."""

    def live_frame(payload: dict, request: gr.Request) -> dict:
        try:
            if door.rules.public and not door.rules.owns(door.person(request)):
                raise RightsError(door.rules.refusal(Right.SEE_ALL))
            return sessions.frame(payload, scheme)
        except FkdError as error:
            return {"error": str(error)}

    script = (_FOLDER / "live.js").read_text(encoding="utf-8")
    return gr.HTML(
        {"edges": [list(edge) for edge in load_scheme(scheme).edges]},
        html_template=(_FOLDER / "live.html").read_text(encoding="utf-8"),
        css_template=(_FOLDER / "live.css").read_text(encoding="utf-8"),
        js_on_load=script,
        apply_default_css=False,
        server_functions=[live_frame],
        elem_id="fkd-camera",
    )
