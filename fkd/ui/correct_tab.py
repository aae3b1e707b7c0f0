"""The tab where photos are opened and their faces corrected: what stands where, and which button does what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gradio as gr

from fkd.schemes import load_scheme
from fkd.ui.actions import TABLE_COLUMNS, Desk
from fkd.ui.door import Door
from fkd.ui.editor import KeypointEditor
from fkd.ui.exchange_panel import build_exchange_panel
from fkd.ui.messages import say, told
from fkd.ui.photo_input import PhotoInput
from fkd.ui.queue_desk import QueueDesk
from fkd.ui.queue_events import QueueEvents
from fkd.ui.rights import Right
from fkd.ui.tables import table

__all__ = ["EXAMPLE", "build_correct_tab"]

EXAMPLE = Path(__file__).parent / "assets" / "grace_hopper.jpg"

# Clicks the hidden download button once its file is there.
_DOWNLOAD_JS = "() => document.querySelector('#fkd-csv-file').click()"
# The name stays in the browser: whoever reloads the page goes on under it. A browser that keeps nothing asks anew.
_NAME_KEPT_JS = "() => { try { return localStorage.getItem('fkd-name') || '' } catch { return '' } }"
_KEEP_NAME_JS = "(name) => { try { localStorage.setItem('fkd-name', name) } catch { /* it is asked for again */ } }"
# Tells the editor that no answer will come, so that it stops waiting; what the person did stays on the screen.
_FAILED_JS = "() => document.querySelector('[data-testid=fkd-editor]').dispatchEvent(new CustomEvent('fkd-failed'))"
_LOOK_SECONDS = 15  # how often an open page asks whether other weights serve
_ADD_AGAIN = "Add the photo, and it opens with these keypoints."
_GONE = "The photo that was open is gone from the server. Add it again: what was not saved can be restored then."
_TAKEN = (
    "The photo that was open is open in another window now. What was not saved is kept in this browser, and offered "
    "when you get to that photo."
)
_WELCOME = "Add a photo, or click the example: every face in it gets its keypoints, and you drag the wrong ones right."


def build_correct_tab(page: gr.Blocks, desk: Desk, door: Door, scheme: str) -> QueueEvents:
    """Lay the tab out where it is called, inside `page`; return its queue, which other tabs may add photos to.

    Args:
        door: decides who may save, and who sees what others saved.
        scheme: the scheme that is chosen at first.
    """
    queue = QueueDesk(desk)
    queue.want("", scheme)
    events = QueueEvents(queue, door)
    schemes = [(load_scheme(name).title, name) for name in desk.models.schemes]
    with gr.Row(elem_id="fkd-desk"):
        with gr.Column(scale=1, min_width=280):
            photo = PhotoInput(label="Photo", sources=["upload", "clipboard", "webcam"], height=230, buttons=[])
            gr.Examples([[str(EXAMPLE)]], inputs=[photo], label="Or try this one", cache_examples=False)
            events.inputs()
            chosen = gr.Radio(schemes, value=scheme, label="Keypoints")
            annotator = gr.Textbox(
                label="Your name", placeholder="optional, goes with what you save", max_lines=1, max_length=80
            )
        with gr.Column(scale=3, min_width=320):
            notice = gr.HTML(visible=False, elem_id="fkd-notice")
            events.panel()
            status = gr.HTML(say(_WELCOME), elem_id="fkd-status")
            editor = KeypointEditor(elem_id="fkd-editor")
    with gr.Accordion("Latest corrections", visible=not door.rules.public, elem_id="fkd-latest") as latest:
        # No gr.Dataframe: that keeps the page busy for a while after every save.
        rows = gr.HTML(elem_id="fkd-table")
        download = gr.Button("Download the corrections as CSV", size="sm", elem_id="fkd-download")
        csv_file = gr.DownloadButton(visible="hidden", elem_id="fkd-csv-file")
        imported = build_exchange_panel(desk.store, door, chosen)

    def open_photo(path: str | None, scheme: str, request: gr.Request):
        seat = queue.seat(request.session_hash)
        if path is None:
            if seat.in_editor:  # what was taken out of the photo box is not what the editor shows
                return gr.skip(), gr.skip()
            seat.open_alone("")
            return None, say(_WELCOME)
        with queue.jobs.interactive():
            document, sentence = desk.open_photo(path, scheme)
        seat.open_alone(document.doc_id)
        return document, say(sentence)

    def change_scheme(scheme: str, request: gr.Request):
        seat = queue.seat(request.session_hash)
        reopened = queue.reopen(request.session_hash, scheme)
        if reopened is None:
            with queue.jobs.interactive():
                reopened = desk.change_scheme(seat.alone, scheme)
            if reopened is None:
                return gr.skip(), say(_ADD_AGAIN)
            seat.open_alone(reopened[0].doc_id)
        document, sentence = reopened
        return document, say(sentence)

    def after_reload(request: gr.Request, event: gr.EventData):
        """The photo that the window showed before, unless it is of the queue and somebody else has it by now."""
        reopened = desk.reopen(event._data)
        if reopened is None:
            return gr.skip(), gr.skip(), say(_GONE)
        document, sentence = reopened
        if not queue.resume(request.session_hash, document.doc_id):
            return gr.skip(), gr.skip(), say(_TAKEN)
        return document.scheme, document, say(sentence)

    def add_face(event: gr.EventData):
        with queue.jobs.interactive():
            document, sentence = desk.add_face(event._data)
        return document, say(sentence)

    def save_face(annotator: str, request: gr.Request, event: gr.EventData):
        document, sentence = desk.save_face(event._data, door.person(request).name or annotator, request.session_hash)
        queue.saved(document.doc_id)
        return document, say(sentence)

    def undo_save(annotator: str, request: gr.Request, event: gr.EventData):
        document, sentence = desk.undo_save(event._data, door.person(request).name or annotator, request.session_hash)
        queue.saved(document.doc_id)
        return document, say(sentence)

    def tell_news(scheme: str):
        desk.models.refresh()
        sentences = [sentence for sentence in (*desk.start_notices, desk.models.notice(scheme)) if sentence]
        return gr.HTML(say(" ".join(sentences)), visible=bool(sentences))

    def see_latest(request: gr.Request):
        if not door.may(Right.SEE_ALL, request):  # it names other people
            return gr.skip(), gr.Accordion(visible=False)
        return latest_rows(desk), gr.Accordion(visible=True)

    def show_latest(request: gr.Request):
        return see_latest(request)[0]

    def keep_editing(request: gr.Request, event: gr.EventData):
        sentence = desk.keep_editing(event._data)
        queue.seat(request.session_hash).stay(event._data["doc_id"])
        return say(sentence)

    def let(right: Right, action: Callable) -> Callable:
        return told(door.guard(right, action))

    page.load(None, None, annotator, js=_NAME_KEPT_JS, api_visibility="private", show_progress="hidden")
    annotator.change(None, annotator, None, js=_KEEP_NAME_JS, api_visibility="private", show_progress="hidden")
    news = {"fn": let(Right.LOOK, tell_news), "inputs": chosen, "outputs": notice}
    for look in (page.load, gr.Timer(_LOOK_SECONDS).tick):
        look(**news, api_visibility="private", show_progress="hidden")
    page.load(let(Right.LOOK, see_latest), None, [rows, latest], api_visibility="private", show_progress="hidden")
    predicts = {"concurrency_limit": 1, "concurrency_id": "predict", "api_visibility": "private"}
    opened = [
        event(
            let(Right.PREDICT, action), inputs, [editor, status], show_progress_on=[photo],
            trigger_mode="always_last", **predicts,
        )
        for event, action, inputs in (
            (photo.change, open_photo, [photo, chosen]), (chosen.input, change_scheme, [chosen])
        )
    ]  # fmt: skip
    answers = {"show_progress": "hidden", "trigger_mode": "multiple"}
    added = editor.add_face(let(Right.PREDICT, add_face), None, [editor, status], **answers, **predicts)
    saved = editor.save(let(Right.SAVE, save_face), annotator, [editor, status], api_visibility="private", **answers)
    undone = editor.undo_save(
        let(Right.SAVE, undo_save), annotator, [editor, status], api_visibility="private", **answers
    )
    # On its own: a row that cannot be shown must not make a save that succeeded look as if it had failed.
    for answer in (saved, undone, imported):
        answer.success(let(Right.LOOK, show_latest), None, rows, api_visibility="private", **answers)
    reopened = editor.reopen(
        let(Right.PREDICT, after_reload), None, [chosen, editor, status], api_visibility="private",
        show_progress="hidden",
    )  # fmt: skip
    kept = editor.keep(let(Right.LOOK, keep_editing), None, status, api_visibility="private", show_progress="hidden")
    for answer in (added, saved, undone):
        answer.failure(None, js=_FAILED_JS, api_visibility="private")
    download.click(let(Right.SEE_ALL, desk.csv_snapshot), None, csv_file, api_visibility="private").success(
        None, js=_DOWNLOAD_JS, api_visibility="private"
    )
    events.wire(page, editor, status, [chosen, annotator], after=[*opened, saved, undone, kept, reopened])
    return events


def latest_rows(desk: Desk) -> str:
    """The newest corrections as HTML."""
    rows = desk.latest()
    return table(TABLE_COLUMNS, rows) if rows else say("Nothing was saved yet.")
