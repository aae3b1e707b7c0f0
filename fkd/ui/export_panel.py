"""The button that hands the corrections out in the format of another tool."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path

import gradio as gr

from fkd.correction_store import CorrectionStore
from fkd.errors import DataError
from fkd.exchange import FORMATS
from fkd.exchange.exporting import export
from fkd.ui.door import Door
from fkd.ui.messages import told
from fkd.ui.rights import Right

__all__ = ["Exports", "build_export_panel"]

KEPT = 2  # files; the one before the newest may still be on its way to somebody
# Clicks the hidden download button once its file is there.
_DOWNLOAD_JS = "() => document.querySelector('#fkd-export-file').click()"


class Exports:
    """Zips of exports, in the folder for temporary files; the newest are kept."""

    def __init__(self, store: CorrectionStore):
        self._store = store
        self._temporary = tempfile.TemporaryDirectory(prefix="fkd-export-")  # removed when the process ends
        self._kept: list[Path] = []
        self._lock = threading.Lock()

    def zip_of(self, form: str, scheme: str) -> str:
        """Path of a zip of the corrections in force of a scheme, in a format of :data:`fkd.exchange.FORMATS`.

        Raises:
            DataError: if there is no such format, nothing to write, or no room for it.
            CorrectionsError: if the corrections cannot be read.
        """
        if form not in FORMATS:
            raise DataError("The page asked for a format that there is none. Reload the page and try again.")
        folder = Path(tempfile.mkdtemp(dir=self._temporary.name))
        try:
            export(self._store, form, folder / "fkd", scheme)
            packed = shutil.make_archive(str(folder / f"fkd-{form}"), "zip", folder / "fkd")
            shutil.rmtree(folder / "fkd")
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError):
                raise DataError(f"The export cannot be written ({error.strerror or error}).") from error
            raise
        with self._lock:
            self._kept.append(folder)
            while len(self._kept) > KEPT:
                shutil.rmtree(self._kept.pop(0), ignore_errors=True)
        return packed


def build_export_panel(store: CorrectionStore, door: Door, scheme: gr.Radio) -> None:
    """Lay the panel out where it is called.

    Args:
        scheme: holds the scheme whose corrections are exported.
    """
    exports = Exports(store)
    with gr.Row(elem_id="fkd-export"):
        forms = [(module.TITLE, name) for name, module in FORMATS.items()]
        form = gr.Dropdown(forms, value="coco", label="Format", scale=2, elem_id="fkd-export-format")
        start = gr.Button("Export", size="sm", scale=1, elem_id="fkd-export-start")
        packed = gr.DownloadButton(visible="hidden", elem_id="fkd-export-file")
    start.click(
        told(door.guard(Right.SEE_ALL, exports.zip_of)), [form, scheme], packed, api_visibility="private",
    ).success(None, js=_DOWNLOAD_JS, api_visibility="private")  # fmt: skip
