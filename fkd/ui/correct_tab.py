"""The tab where photos are opened and their faces corrected: what stands where, and which button does what."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from fkd.schemes import load_scheme
from fkd.ui.actions import TABLE_COLUMNS, Desk
from fkd.ui.editor import KeypointEditor
from fkd.ui.messages import say, told
from fkd.ui.photo_input import PhotoInput

__all__ = ["EXAMPLE", "build_correct_tab"]

EXAMPLE = Path(__file__).parent / "assets" / "grace_hopper.jpg"

# Clicks the hidden download button once its file is there.
_DOWNLOAD_JS = "() => document.querySelector('#fkd-csv-file').click()"
# Tells the editor that no answer will come, so that it stops waiting; what the person did stays on the screen.
_FAILED_JS = "() => document.querySelector('[data-testid=fkd-editor]').dispatchEvent(new CustomEvent('fkd-failed'))"
_WELCOME = "Add a photo, or click the example: every face in it gets its keypoints, and you drag the wrong ones right."


def build_correct_tab(page: gr.Blocks, desk: Desk, scheme: str) -> None:
    """Lay the tab out where it is called, inside `page`.

    Args:
        scheme: the scheme that is chosen at first.
    """
    schemes = [(load_scheme(name).title, name) for name in desk.models.schemes]
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
