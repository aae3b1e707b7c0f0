"""Corrections on their way out of the page in another tool's format, and labels on their way in."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from fkd.correction_store import CorrectionStore
from fkd.errors import DataError
from fkd.exchange import FORMATS
from fkd.exchange.exporting import export
from fkd.exchange.importing import import_faces
from fkd.exchange.uploads import labels_in, unpacked
from fkd.schemes import load_scheme

__all__ = ["ExchangeDesk"]

KEPT = 2  # exports; the one before the newest may still be on its way to somebody


class ExchangeDesk:
    """Exports are zips in the folder for temporary files; the newest are kept."""

    def __init__(self, store: CorrectionStore):
        self._store = store
        self._temporary = tempfile.TemporaryDirectory(prefix="fkd-exchange-")  # removed when the process ends
        self._kept: list[Path] = []
        self._lock = threading.Lock()

    def zip_of(self, form: str, scheme: str) -> tuple[str, str]:
        """Path of a zip of the corrections in force of a scheme, and what became of them in a few sentences.

        Args:
            form: a key of :data:`fkd.exchange.FORMATS`.

        Raises:
            DataError: if there is no such format, nothing to write, or no room for it.
            CorrectionsError: if the corrections cannot be read.
        """
        title = _module(form).TITLE
        folder = Path(tempfile.mkdtemp(dir=self._temporary.name))
        try:
            done = export(self._store, form, folder / "fkd", scheme)
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
        faces = "1 face" if done.faces == 1 else f"{done.faces} faces"
        return packed, " ".join([f"{faces} exported as {title}.", *done.notices])

    def take_in(self, paths: Sequence[str | Path], form: str, scheme_name: str, annotator: str) -> str:
        """Append the labels in files, or zips of them, to the corrections; a sentence about what became of them.

        Raises:
            DataError: if there is no such format, or the files do not hold labels in it with their pictures; then
                nothing was appended.
            CorrectionsError: if the corrections cannot be read or written; what was appended stays.
        """
        module, scheme = _module(form), load_scheme(scheme_name)
        with tempfile.TemporaryDirectory(dir=self._temporary.name) as scratch:
            folder = Path(scratch)
            unpacked(map(Path, paths), folder)
            labels = labels_in(folder, module.LABELS)
            faces = module.read(labels, scheme, labels if labels.is_dir() else labels.parent)
            done = import_faces(
                faces, self._store, scheme, annotator,
                precision_px=module.PRECISION_PX, carries_hidden=module.CARRIES_HIDDEN,
            )  # fmt: skip
        return f"{module.TITLE}: {done.sentence}"


def _module(form: str):
    if form not in FORMATS:
        raise DataError("The page asked for a format that there is none. Reload the page and try again.")
    return FORMATS[form]
