"""The page: what stands where, and which button does what."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from html import escape
from pathlib import Path

import gradio as gr

from fkd.errors import FkdError
from fkd.schemes import load_scheme
from fkd.ui.actions import TABLE_COLUMNS, Desk
from fkd.ui.editor import KeypointEditor
from fkd.ui.photo_input import PhotoInput

__all__ = ["CSS", "EXAMPLE", "build_page", "theme"]

_FOLDER = Path(__file__).parent
CSS = (_FOLDER / "page.css").read_text(encoding="utf-8")
EXAMPLE = _FOLDER / "assets" / "grace_hopper.jpg"

# Clicks the hidden download button once its file is there.
_DOWNLOAD_JS = "() => document.querySelector('#fkd-csv-file').click()"
# Tells the editor that no answer will come, so that it stops waiting; what the person did stays on the screen.
_FAILED_JS = "() => document.querySelector('[data-testid=fkd-editor]').dispatchEvent(new CustomEvent('fkd-failed'))"
_WELCOME = "Add a photo, or click the example: every face in it gets its keypoints, and you drag the wrong ones right."


def theme() -> gr.themes.Base:
    """Neutral colours that leave the photo alone, in light and dark."""
    return gr.themes.Soft(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="slate",
        radius_size="md",
        font=["ui-sans-serif", "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        # Quiet labels: the photo is what there is to look at.
        background_fill_primary="*neutral_50",  # Soft's own; `set` would forget it
        block_border_width="1px",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_800",
        block_label_background_fill="*block_background_fill",
        block_label_text_color="*body_text_color_subdued",
        block_title_background_fill="none",
        block_title_text_color="*body_text_color_subdued",
        block_title_text_weight="500",
        block_title_padding="0",
        checkbox_label_text_size="*text_sm",
    )


def build_page(desk: Desk, scheme: str) -> gr.Blocks:
    """The Blocks app. `theme()` and `CSS` go to its `launch()`.

    Args:
        scheme: the scheme that is chosen at first.
    """
    schemes = [(load_scheme(name).title, name) for name in desk.models.schemes]
    # An open tab keeps its photo in Gradio's cache for a day; fkd's own copies are bounded in `OpenPhotos`.
    with gr.Blocks(title="fkd: facial keypoints you can correct", delete_cache=(3600, 86400)) as page:
        gr.HTML('<header id="fkd-title"><h1>fkd</h1><p>facial keypoints you can correct</p></header>')
        with gr.Row(elem_id="fkd-desk"):
            with gr.Column(scale=1, min_width=280):
                photo = PhotoInput(label="Photo", sources=["upload", "clipboard", "webcam"], height=230, buttons=[])
                gr.Examples([[str(EXAMPLE)]], inputs=[photo], label="Or try this one", cache_examples=False)
                chosen = gr.Radio(schemes, value=scheme, label="Keypoints")
                annotator = gr.Textbox(
                    label="Your name", placeholder="optional, goes with what you save", max_lines=1, max_length=80
                )
            with gr.Column(scale=3, min_width=320):
                status = gr.HTML(say(_WELCOME), elem_id="fkd-status")
                editor = KeypointEditor(elem_id="fkd-editor")
        with gr.Accordion("Latest corrections", open=bool(desk.latest()), elem_id="fkd-latest") as latest:
            table = gr.Dataframe(
                headers=TABLE_COLUMNS, type="array", interactive=False, show_label=False, elem_id="fkd-table",
            )  # fmt: skip
            download = gr.Button("Download the corrections as CSV", size="sm", elem_id="fkd-download")
            csv_file = gr.DownloadButton(visible="hidden", elem_id="fkd-csv-file")

        def open_photo(path: str | None, scheme: str):
            if path is None:
                return None, say(_WELCOME)
            document, sentence = desk.open_photo(path, scheme)
            return document, say(sentence)

        def add_face(event: gr.EventData):
            document, sentence = desk.add_face(event._data)
            return document, say(sentence)

        def save_face(annotator: str, request: gr.Request, event: gr.EventData):
            document, sentence = desk.save_face(event._data, request.username or annotator)
            return document, say(sentence)

        def show_latest():
            return desk.latest(), gr.Accordion(open=True)

        def keep_editing(event: gr.EventData):
            return say(desk.keep_editing(event._data))

        page.load(told(desk.latest), None, table, api_visibility="private", show_progress="hidden")
        predicts = {"concurrency_limit": 1, "concurrency_id": "predict", "api_visibility": "private"}
        for event in (photo.change, chosen.change):
            event(told(open_photo), [photo, chosen], [editor, status], show_progress_on=[photo], **predicts)
        answers = {"show_progress": "hidden", "trigger_mode": "multiple"}
        added = editor.add_face(told(add_face), None, [editor, status], **answers, **predicts)
        saved = editor.save(told(save_face), annotator, [editor, status], api_visibility="private", **answers)
        # On its own: a row that cannot be shown must not make a save that succeeded look as if it had failed.
        saved.success(told(show_latest), None, [table, latest], api_visibility="private", **answers)
        editor.keep(told(keep_editing), None, status, api_visibility="private", show_progress="hidden")
        for answer in (added, saved):
            answer.failure(None, js=_FAILED_JS, api_visibility="private")
        download.click(told(desk.csv_snapshot), None, csv_file, api_visibility="private").success(
            None, js=_DOWNLOAD_JS, api_visibility="private"
        )
    return page.queue(max_size=100)


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
