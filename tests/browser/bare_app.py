"""An app with nothing but the editor, a ring of 68 points in it; it can hold its answers to saves back."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
import numpy as np
from gradio.data_classes import FileData

import fkd.ui
from fkd.settle import SettlePrior
from fkd.ui.editor import (
    EditorDocument,
    EditorFace,
    KeypointEditor,
    packed_prior,
    parse_box,
    parse_face_edit,
    point_lists,
)
from tests.browser.apps import free_port

__all__ = ["BareApp", "bare_app"]

PHOTO = Path(next(iter(fkd.ui.__path__))) / "assets" / "grace_hopper.jpg"
WIDTH, HEIGHT, N_POINTS = 512, 600, 68
HOSTILE = '<img src=x onerror="window.hacked = 1">${window.hacked = 2}{{constructor}}'
FAILED_JS = "() => document.querySelector('[data-testid=fkd-editor]').dispatchEvent(new CustomEvent('fkd-failed'))"


def make_face(face_id: str, centre: tuple[float, float], radius: float, first_missing: bool = False) -> EditorFace:
    """A ring of points; with ``first_missing``, point 0 was not predicted."""
    turn = np.linspace(0, 2 * np.pi, N_POINTS, endpoint=False)
    points = np.stack([centre[0] + radius * np.cos(turn), centre[1] + 1.2 * radius * np.sin(turn)], axis=1)
    if first_missing:
        points[0] = np.nan
    lists = point_lists(points.round(2))
    return EditorFace(
        face_id=face_id,
        box_xyxy=[*(np.array(centre) - 1.3 * radius), *(np.array(centre) + 1.3 * radius)],
        predicted=lists,
        points=lists,
        confidence=list(np.linspace(0, 1, N_POINTS)),
        states=["untouched" if point else "absent" for point in lists],
    )


def settling(document: EditorDocument) -> EditorDocument:
    """Half of each error is the whole face's: a point that is moved takes the others half the way along."""
    shared = np.kron(np.ones((N_POINTS, N_POINTS)), np.eye(2))
    document.settle_prior = packed_prior(SettlePrior(shared + np.eye(2 * N_POINTS)))
    for face in document.faces:
        face.spread = [1.0] * N_POINTS
    return document


class BareApp:
    """What the app is asked for. ``gate`` holds back the answers to saves while it is cleared.

    ``refused`` holds the numbers of the saves that fail, of 1, 2, …; ``saved`` the row and the ``rev`` of each face.
    """

    hostile = HOSTILE

    def __init__(self, photo: Path):
        self.photo = photo
        self.url = ""
        self.gate = threading.Event()
        self.forget()

    def forget(self) -> None:
        self.saves, self.boxes, self.kept = [], [], []
        self.refused: set[int] = set()
        self.saved: dict[tuple[str, str], tuple[str, int]] = {}
        self.gate.set()

    def document(self, doc_id: str = "one", names: list[str] | None = None, rev: int = 0) -> EditorDocument:
        faces = [make_face("a", (230, 190), 90)]
        if doc_id == "two":
            faces.append(make_face("b", (410, 480), 60, first_missing=True))
        for face in faces:
            face.saved_id, face.saved_rev = self.saved.get((doc_id, face.face_id), (None, -1))
        return EditorDocument(
            image=FileData(path=str(self.photo)), width=WIDTH, height=HEIGHT, doc_id=doc_id, rev=rev, scheme=HOSTILE,
            photo_name=f"{doc_id}.jpg", names=names or [f"p{index}" for index in range(N_POINTS)],
            edges=[(index, index + 1) for index in range(N_POINTS - 1)], faces=faces,
        )  # fmt: skip

    def save(self, event: gr.EventData):
        edit = parse_face_edit(event._data, N_POINTS, WIDTH, HEIGHT)
        self.saves.append(edit)
        number = len(self.saves)
        if number not in self.refused:
            self.saved[edit.doc_id, edit.face_id] = (f"row {number}", edit.rev)
        assert self.gate.wait(60)
        if number in self.refused:
            raise gr.Error(f"refused {number}", print_exception=False)
        return self.document(edit.doc_id, rev=edit.rev), f"saved {number}"

    def add_face(self, event: gr.EventData):
        box = parse_box(event._data, WIDTH, HEIGHT)
        self.boxes.append(box)
        answer = self.document(box.doc_id, rev=box.rev)
        x1, y1, x2, y2 = box.box_xyxy
        answer.faces.append(make_face("new", ((x1 + x2) / 2, (y1 + y2) / 2), (x2 - x1) / 2.6))
        return answer, "added"

    def keep(self, event: gr.EventData):
        self.kept.append(event._data["doc_id"])

    def blocks(self) -> gr.Blocks:
        with gr.Blocks() as demo:
            editor = KeypointEditor(self.document())
            said = gr.Textbox(label="said")
            for name, make in {
                "one": self.document,
                "two": lambda: self.document("two"),
                "settling": lambda: settling(self.document("settling")),
                "hostile": lambda: self.document("hostile", names=[HOSTILE] * N_POINTS),
                "nothing": lambda: None,
            }.items():
                gr.Button(name).click(make, None, editor, show_progress="hidden")
            answered = {"outputs": [editor, said], "trigger_mode": "multiple", "show_progress": "hidden"}
            editor.save(self.save, None, concurrency_limit=None, **answered).failure(None, js=FAILED_JS)
            editor.keep(self.keep, None, None)
            editor.add_face(self.add_face, None, **answered)
            editor.edit(lambda: None, None, None, trigger_mode="multiple")
        return demo


@contextmanager
def bare_app(folder: Path) -> Iterator[BareApp]:
    """The app on a port of its own until the block ends."""
    photo = folder / PHOTO.name
    shutil.copy(PHOTO, photo)  # Gradio serves files of the temporary folder
    app, port = BareApp(photo), free_port()
    demo = app.blocks()
    demo.launch(
        server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, inbrowser=False, run_history=False,
        quiet=True, ssr_mode=False,
    )  # fmt: skip
    app.url = f"http://127.0.0.1:{port}/"
    try:
        yield app
    finally:
        app.gate.set()
        demo.close()
