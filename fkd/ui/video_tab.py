"""The tab where the faces of a clip, or of the camera, are followed."""

from __future__ import annotations

import json

import gradio as gr

from fkd.schemes import load_scheme
from fkd.ui.door import Door
from fkd.ui.live import LiveView
from fkd.ui.live.sessions import LiveSessions
from fkd.ui.messages import say, told
from fkd.ui.models import ServedModels
from fkd.ui.queue_events import QueueEvents
from fkd.ui.rights import Right
from fkd.ui.video_desk import DOUBTFUL_COLUMNS, VideoDesk, doubtful_rows, offer_of, summary

__all__ = ["CORRECT_TAB", "build_video_tab"]

CORRECT_TAB = "correct"
_WELCOME = (
    "Add a clip: its faces are followed from frame to frame. You get a video with the points on it, a table of all "
    "frames, and the frames where points jump or are uncertain, to correct."
)


def build_video_tab(models: ServedModels, queue: QueueEvents, tabs: gr.Tabs, door: Door, scheme: str) -> None:
    """Lay the tab out where it is called.

    Args:
        queue: what the frames to look at are added to.
        tabs: where `CORRECT_TAB` is, the tab with that queue.
        scheme: the scheme that is chosen at first.
    """
    desk, live = VideoDesk(models), LiveSessions(models)
    schemes = [(load_scheme(name).title, name) for name in models.schemes]
    frames = gr.State([])  # the files of the frames to look at; kept on the server
    with gr.Row(elem_id="fkd-video"):
        with gr.Column(scale=1, min_width=280):
            clip = gr.Video(label="Clip", sources=["upload"], height=230, elem_id="fkd-clip")
            chosen = gr.Radio(schemes, value=scheme, label="Keypoints")
            start = gr.Button("Follow the faces", variant="primary", elem_id="fkd-follow")
        with gr.Column(scale=2, min_width=320):
            status = gr.HTML(say(_WELCOME), elem_id="fkd-video-status")
            annotated = gr.Video(label="Annotated", interactive=False, visible=False, elem_id="fkd-annotated")
            with gr.Row():
                video_file = gr.DownloadButton("MP4 with the points", size="sm", visible=False, elem_id="fkd-video-mp4")
                table_file = gr.DownloadButton("CSV of all frames", size="sm", visible=False, elem_id="fkd-video-csv")
                frames_file = gr.DownloadButton(
                    "Frames to look at (zip)", size="sm", visible=False, elem_id="fkd-video-zip"
                )
            offer = gr.Button(variant="primary", visible=False, elem_id="fkd-offer")
            doubtful = gr.Dataframe(
                headers=DOUBTFUL_COLUMNS, type="array", interactive=False, visible=False, label="Frames to look at",
                elem_id="fkd-doubtful",
            )  # fmt: skip
    with gr.Accordion("Live: the camera", open=False, visible=not door.rules.public, elem_id="fkd-live"):
        LiveView(live, door, scheme)

    def follow(path: str | None, scheme: str, progress=gr.Progress()):  # noqa: B008 (how Gradio hands it over)
        result, packed = desk.follow(path, scheme, lambda share, what: progress(share, desc=what))
        return (
            say(summary(result)),
            gr.Video(str(result.video), visible=True),
            gr.DownloadButton(value=str(result.video), visible=True),
            gr.DownloadButton(value=str(result.table), visible=True),
            gr.DownloadButton(value=packed and str(packed), visible=packed is not None),
            gr.Button(offer_of(result), visible=bool(result.queued)),
            gr.Dataframe(doubtful_rows(result), visible=bool(result.doubtful)),
            [str(path) for path in result.queued],
        )

    # The sentence makes room for the progress bar.
    followed = start.click(None, None, status, js="() => ''", api_visibility="private").then(
        told(door.guard(Right.FOLLOW, follow)), [clip, chosen],
        [status, annotated, video_file, table_file, frames_file, offer, doubtful, frames],
        concurrency_limit=1, concurrency_id="video", api_visibility="private", show_progress_on=[status],
    )  # fmt: skip
    followed.failure(None, None, status, js=f"() => {json.dumps(say(_WELCOME))}", api_visibility="private")
    queue.take(offer.click, frames, show_progress_on=[status]).success(
        door.guard(Right.LOOK, lambda: gr.Tabs(selected=CORRECT_TAB)), None, tabs,
        api_visibility="private", show_progress="hidden",
    )  # fmt: skip
