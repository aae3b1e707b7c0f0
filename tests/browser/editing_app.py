"""An app with nothing but the editor, two small faces in it, and a memory of what it was sent; it can be restarted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
from gradio.data_classes import FileData

import fkd.ui
from fkd.ui.editor import (
    EditorDocument,
    EditorFace,
    KeypointEditor,
    parse_box,
    parse_face_edit,
    parse_save_undo,
    point_lists,
)
from tests.browser.apps import free_port

__all__ = ["CERTAINTY", "FLIP_PAIRS", "NAMES", "PLACES", "editing_app"]

PHOTO = Path(next(iter(fkd.ui.__path__))) / "assets" / "grace_hopper.jpg"
WIDTH, HEIGHT = 512, 600
FAILED_JS = "() => document.querySelector('[data-testid=fkd-editor]').dispatchEvent(new CustomEvent('fkd-failed'))"
NAMES = ["left brow", "right brow", "left eye", "right eye", "nose", "left mouth", "right mouth", "chin"]
FLIP_PAIRS = [(0, 1), (2, 3), (5, 6)]
PLACES = np.array(
    [[190, 150], [270, 150], [195, 180], [265, 180], [230, 210], [205, 245], [255, 245], [230, 285]], np.float64
)
CERTAINTY = [0.9, 0.2, 0.8, 0.5, 0.7, 0.1, 0.6, 0.4]


def a_face(face_id: str, shift: tuple[float, float]) -> EditorFace:
    points = PLACES + shift
    return EditorFace(
        face_id=face_id,
        box_xyxy=[*(points.min(axis=0) - 15), *(points.max(axis=0) + 15)],
        predicted=point_lists(points),
        points=point_lists(points),
        confidence=CERTAINTY,
        states=["untouched"] * len(points),
    )


class Server:
    """What the app knows. ``rows`` are the saves, ``in_force`` those of a face that were not taken back."""

    def __init__(self, photo: Path):
        self.photo = photo
        self.forget()

    def forget(self) -> None:
        """Know nothing but the photo that the page opens with."""
        self.doc_id = "first"
        self.known = {"first"}
        self.shifts = {"a": (0.0, 0.0), "b": (170.0, 270.0)}
        self.rows: list = []
        self.undone: list[str] = []
        self.in_force: dict[str, list] = {}
        self.revs: dict[str, int] = {}

    def document(self, rev: int = 0) -> EditorDocument:
        faces = [a_face(face_id, shift) for face_id, shift in self.shifts.items()]
        for face in faces:
            saves = self.in_force.get(face.face_id)
            face.saved_rev = self.revs.get(face.face_id, -1)
            if saves:
                face.saved_id = f"row {len(saves)}"
                face.points, face.states = point_lists(saves[-1].points), list(saves[-1].states)
        return EditorDocument(
            image=FileData(path=str(self.photo)), width=WIDTH, height=HEIGHT, doc_id=self.doc_id, rev=rev,
            scheme="eight", photo_name="photo.jpg", photo_key="images/abc.jpg", names=NAMES,
            edges=[(2, 4), (3, 4)], flip_pairs=FLIP_PAIRS, faces=faces,
        )  # fmt: skip

    def open_again(self) -> EditorDocument:
        """The same photo as a new document, which knows of no event yet."""
        self.doc_id = f"{self.doc_id}+"
        self.known.add(self.doc_id)
        self.revs.clear()
        return self.document()

    def checked(self, doc_id: str) -> None:
        if doc_id not in self.known:
            raise gr.Error("not known here", print_exception=False)

    def save(self, event: gr.EventData):
        edit = parse_face_edit(event._data, len(NAMES), WIDTH, HEIGHT)
        self.checked(edit.doc_id)
        self.rows.append(edit)
        self.in_force.setdefault(edit.face_id, []).append(edit)
        self.revs[edit.face_id] = edit.rev
        return self.document(edit.rev)

    def undo_save(self, event: gr.EventData):
        undone = parse_save_undo(event._data)
        self.checked(undone.doc_id)
        saves = self.in_force.get(undone.face_id, [])
        del saves[0 if undone.gone else -1 :]
        self.undone.append(undone.face_id)
        self.revs[undone.face_id] = undone.rev
        return self.document(undone.rev)

    def add_face(self, event: gr.EventData):
        box = parse_box(event._data, WIDTH, HEIGHT)
        self.checked(box.doc_id)
        left, top, *_ = box.box_xyxy
        corner = PLACES.min(axis=0) - 15
        self.shifts[f"added {len(self.shifts)}"] = (left - corner[0], top - corner[1])
        return self.document(box.rev)

    def blocks(self) -> gr.Blocks:
        with gr.Blocks() as demo:
            editor = KeypointEditor(self.document())
            gr.Button("open again").click(self.open_again, None, editor, show_progress="hidden")
            answered = {"outputs": editor, "trigger_mode": "multiple", "show_progress": "hidden"}
            for event, answer in (
                (editor.save, self.save),
                (editor.undo_save, self.undo_save),
                (editor.add_face, self.add_face),
            ):
                event(answer, None, **answered).failure(None, js=FAILED_JS)
        return demo


@contextmanager
def editing_app(folder: Path) -> Iterator[SimpleNamespace]:
    """The app on a port of its own until the block ends: ``url``, ``server``, and ``stop()`` and ``start()``.

    ``start(forget=True)`` starts another process as far as a browser can tell: it knows no photo any more.
    """
    photo = folder / PHOTO.name
    shutil.copy(PHOTO, photo)  # Gradio serves files of the temporary folder
    server, port = Server(photo), free_port()
    app = SimpleNamespace(url=f"http://127.0.0.1:{port}/", server=server, demo=server.blocks())

    def start(forget: bool = False) -> None:
        if forget:
            server.known = set()
            app.demo = server.blocks()
        app.demo.launch(
            server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, inbrowser=False, run_history=False,
            quiet=True, ssr_mode=False,
        )  # fmt: skip

    app.start, app.stop = start, lambda: app.demo.close()
    start()
    try:
        yield app
    finally:
        app.stop()
