"""The buttons that hand the corrections out in the format of another tool, and take its labels in."""

from __future__ import annotations

import gradio as gr
from gradio.events import Dependency

from fkd.correction_store import CorrectionStore
from fkd.exchange import FORMATS
from fkd.ui.door import Door
from fkd.ui.exchange_desk import ExchangeDesk
from fkd.ui.messages import say, told
from fkd.ui.rights import Right

__all__ = ["build_exchange_panel"]

# Clicks the hidden download button once its file is there.
_DOWNLOAD_JS = "() => document.querySelector('#fkd-export-file').click()"
_HINT = (
    "Other tools' formats: “Export” gives a zip, “Import …” takes the labels together with their pictures, or a zip of "
    "both."
)


def build_exchange_panel(store: CorrectionStore, door: Door, scheme: gr.Radio) -> Dependency:
    """Lay the panel out where it is called; return the event after which the corrections are other ones.

    Args:
        scheme: holds the scheme whose corrections are exported, and whose points are imported.
    """
    desk = ExchangeDesk(store)
    status = gr.HTML(say(_HINT), elem_id="fkd-exchange-status", padding=False)
    with gr.Row(elem_id="fkd-exchange"):
        forms = [(module.TITLE, name) for name, module in FORMATS.items()]
        form = gr.Dropdown(
            forms, value="coco", label="Format", container=False, scale=2, min_width=200, elem_id="fkd-exchange-format"
        )
        out = gr.Button("Export", size="sm", scale=1, min_width=100, elem_id="fkd-export")
        into = gr.UploadButton(
            "Import …", file_count="multiple", size="sm", scale=1, min_width=100, elem_id="fkd-import"
        )
        packed = gr.DownloadButton(visible="hidden", elem_id="fkd-export-file")

    def export(form: str, scheme: str):
        path, sentence = desk.zip_of(form, scheme)
        return path, say(sentence)

    def take_in(paths: list[str] | None, form: str, scheme: str, request: gr.Request):
        return say(desk.take_in(paths or [], form, scheme, door.person(request).name))

    out.click(
        told(door.guard(Right.SEE_ALL, export)), [form, scheme], [packed, status], api_visibility="private",
        show_progress_on=[status],
    ).success(None, js=_DOWNLOAD_JS, api_visibility="private")  # fmt: skip
    return into.upload(
        told(door.guard(Right.IMPORT, take_in)), [into, form, scheme], status, api_visibility="private",
        show_progress_on=[status],
    )  # fmt: skip
