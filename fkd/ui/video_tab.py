"""The tab where the faces of a clip, or of the camera, are followed."""

from __future__ import annotations

import time

import gradio as gr

from fkd.schemes import load_scheme
from fkd.ui.door import Door
from fkd.ui.live import LiveView
from fkd.ui.live.sessions import LiveSessions
from fkd.ui.messages import say, told
from fkd.ui.models import ServedModels
from fkd.ui.rights import Right
from fkd.ui.video_desk import DOUBTFUL_COLUMNS, VideoDesk, doubtful_rows, summary

__all__ = ["build_video_tab"]

_WELCOME = (
    "Add a clip: its faces are followed from frame to frame, and the frames to look at can be opened under “Correct”."
)


def build_video_tab(models: ServedModels, door: Door, scheme: str) -> None:
    """Lay the tab out where it is called.

    Args:
        scheme: the scheme that is chosen at first.
    """
    desk, live = VideoDesk(models), LiveSessions(models)
    schemes = [(load_scheme(name).title, name) for name in models.schemes]
    with gr.Row(elem_id="fkd-video"):
        with gr.Column(scale=1, min_width=280):
            clip = gr.Video(label="Clip", sources=["upload"], height=230, elem_id="fkd-clip")
            chosen = gr.Radio(schemes, value=scheme, label="Keypoints")
            start = gr.Button("Follow the faces", variant="primary", elem_id="fkd-follow")
        with gr.Column(scale=2, min_width=320):
            status = gr.HTML(say(_WELCOME), elem_id="fkd-video-status")
            annotated = gr.Video(label="Annotated", interactive=False, visible=False, elem_id="fkd-annotated")
            with gr.Row():
                table_file = gr.DownloadButton("CSV of all frames", size="sm", visible=False, elem_id="fkd-video-csv")
                frames_file = gr.DownloadButton(
                    "Frames to look at (zip, for the queue)", size="sm", visible=False, elem_id="fkd-video-zip"
                )
            doubtful = gr.Dataframe(
                headers=DOUBTFUL_COLUMNS, type="array", interactive=False, visible=False, label="Frames to look at",
                elem_id="fkd-doubtful",
            )  # fmt: skip
    with gr.Accordion("Live: the camera", open=False, visible=not door.rules.public, elem_id="fkd-live"):
        LiveView(live, door, scheme)

    def follow(path: str | None, scheme: str, progress=gr.Progress()):  # noqa: B008 (how Gradio hands it over)
        start_s = time.perf_counter()
        result, packed = desk.follow(path, scheme, lambda share, what: progress(share, desc=what))
        return (
            say(summary(result, time.perf_counter() - start_s)),
            gr.Video(str(result.video), visible=True),
            gr.DownloadButton(value=str(result.table), visible=True),
            gr.DownloadButton(value=packed and str(packed), visible=packed is not None),
            gr.Dataframe(doubtful_rows(result), visible=bool(result.doubtful)),
        )

    # The sentence makes room for the progress bar.
    start.click(None, None, status, js="() => ''", api_visibility="private").then(
        told(door.guard(Right.PREDICT, follow)), [clip, chosen], [status, annotated, table_file, frames_file, doubtful],
        concurrency_limit=1, concurrency_id="video", api_visibility="private", show_progress_on=[status],
    )  # fmt: skip
