"""The queue on the page: where photos are added, and what its panel's events do."""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from fkd.review_queue import FILTERS
from fkd.ui.door import Door
from fkd.ui.editor import KeypointEditor
from fkd.ui.messages import say, told
from fkd.ui.queue_desk import QueueDesk
from fkd.ui.queue_panel import QueuePanel, QueueView
from fkd.ui.rights import Right

__all__ = ["QueueEvents", "visitor_of"]

_TOKEN = re.compile(r"[0-9A-Za-z_-]{22}")
_FILLING_SECONDS = 1.5
_ID_LENGTH = 64  # at most, of a document's id: the browser may send anything, and some of it is remembered
_START = "Press “Start” or the key F: the least certain come first."
_FAILED_JS = (
    "() => document.querySelector('[data-testid=fkd-editor]')"
    ".dispatchEvent(new CustomEvent('fkd-failed', { detail: 'step' }))"
)


def visitor_of(name: str, token: Any, window: str) -> str:
    """Whose photos somebody may see: by their login, else by what their browser keeps, else this window's only.

    Args:
        name: the user name that they logged in with, or "".
        token: what the browser sent; one that this app did not make up cannot be guessed, and anything else is void.
        window: Gradio's session.
    """
    if name:
        return f"user {name}"
    return f"browser {token}" if isinstance(token, str) and _TOKEN.fullmatch(token) else f"window {window}"


class QueueEvents:
    """What the page's queue is made of, and its events.

    Made in two steps: the places where photos are added (`inputs`) and the panel (`panel`) are laid out where they are
    called, then `wire` connects them with the editor.
    """

    def __init__(self, queue: QueueDesk, door: Door):
        self.queue = queue
        self.door = door
        # From now on: a page that outlives a restart of the app takes what comes after it for newer.
        self._revs = itertools.count(time.time_ns() // 1_000_000)

    def inputs(self) -> None:
        """Lay out where photos are added."""
        self.files = gr.File(
            label="Many photos, a zip, a video", file_count="multiple", height=110, elem_id="fkd-queue-files"
        )
        self.folder = gr.UploadButton(
            "Add a folder of photos", file_count="directory", size="sm", elem_id="fkd-queue-folder"
        )
        self.token = gr.BrowserState("", storage_key="fkd-visitor")

    def panel(self) -> None:
        """Lay out the panel."""
        self.view = QueuePanel(elem_id="fkd-queue")
        self.timer = gr.Timer(_FILLING_SECONDS, active=False)

    def wire(
        self,
        page: gr.Blocks,
        editor: KeypointEditor,
        status: gr.HTML,
        fields: Sequence[Component],
        after: Sequence[Dependency],
    ) -> None:
        """Connect the queue with the page around it.

        Args:
            fields: where the scheme is chosen, and where people write their name.
            after: events after which the queue looks different.
        """
        self._person, self._status = [*fields, self.token], status
        person = self._person
        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        # Quick, and of no concern to others: they need not wait for each other.
        at_once = {**quiet, "concurrency_limit": None, "trigger_mode": "multiple"}

        page.load(self._let(Right.LOOK, self.arrive), person, [self.token, status, self.view, self.timer], **quiet)
        for added, by in ((self.files.upload, self.files), (self.folder.upload, self.folder)):
            self.take(added, by, show_progress_on=[by]).then(
                None, None, self.files, js="() => null", show_progress="hidden", api_visibility="private"
            )
        self.timer.tick(self._let(Right.LOOK, self.tick), person, [self.view, self.timer], **at_once)
        stepped = self.view.step(
            self._let(Right.LOOK, self.step), person, [editor, status, self.view], **at_once,
            queue=False,  # the answer comes with the request itself, a round trip earlier
        )  # fmt: skip
        stepped.failure(None, js=_FAILED_JS, api_visibility="private")
        self.view.ahead(self._let(Right.LOOK, self.look_ahead), person, self.view, **at_once)
        self.view.choose(self._let(Right.LOOK, self.choose), person, self.view, **at_once)
        self.view.flag(self._let(Right.SAVE, self.flag), person, [status, self.view], **at_once)
        self.view.renew(self._let(Right.LOOK, self.renew), None, None, **at_once)
        for event in after:
            event.then(self._let(Right.LOOK, self.see), person, self.view, **at_once)
        page.unload(self._let(Right.LOOK, self.leave))

    def take(self, event: Callable[..., Dependency], files: Component, **options: Any) -> Dependency:
        """Put files into the queue when something happens on the page, once the queue is wired.

        Args:
            event: that of a component, such as ``button.click``.
            files: holds a list of paths of photos, zips and clips: an upload, or a ``gr.State`` with files that the
                app made, like the frames of a clip to look at. They are copied.
            options: of the event.
        """
        return event(
            self._let(Right.PREDICT, self.add), [files, *self._person], [self._status, self.view, self.timer],
            api_visibility="private", **options,
        )  # fmt: skip

    def arrive(self, scheme: str, name: str, token: Any, request: gr.Request):
        """A window was opened: the browser gets a token unless it has one."""
        if visitor_of("", token, "") == "window ":
            token = secrets.token_urlsafe(16)
        view = self.see(scheme, name, token, request)
        left = view.counts["unlabelled"] + view.waiting
        sentence = say(f"{'1 photo' if left == 1 else f'{left} photos'} to correct. {_START}") if left else gr.skip()
        return token, sentence, view, gr.Timer(active=view.waiting > 0)

    def add(self, paths: list[str] | None, scheme: str, name: str, token: Any, request: gr.Request):
        sentence = self.queue.add_files(paths or [], self._visitor(token, request), scheme)
        view = self.see(scheme, name, token, request)
        start = "" if view.name or view.counts["all"] + view.waiting == 0 else f" {_START}"
        return say(sentence + start), view, gr.Timer(active=True)

    def tick(self, scheme: str, name: str, token: Any, request: gr.Request):
        view = self.see(scheme, name, token, request)
        return view, gr.Timer(active=view.waiting > 0)

    def step(self, scheme: str, name: str, token: Any, request: gr.Request, event: gr.EventData):
        asked = event._data if isinstance(event._data, dict) else {}
        back, shown, number = bool(asked.get("back")), str(asked.get("shown", ""))[:_ID_LENGTH], asked.get("number")
        place = self.queue.seat(request.session_hash)
        with place.lock:
            if shown in place.told:  # the window says so once more, since the answer was late
                stayed = None if place.told[shown] else self.queue.reopen(request.session_hash, scheme)
                return stayed[0] if stayed else gr.skip(), gr.skip(), self.look_ahead(scheme, name, token, request)
            visitor, person = self._visitor(token, request), self._name(name, request)
            document, sentence = self.queue.step(request.session_hash, visitor, scheme, person, back)
            place.step = number if isinstance(number, int) else place.step
            if not shown:
                return document or gr.skip(), say(sentence), self.see(scheme, name, token, request)
            # The window did not wait for the answer, which is another one if somebody was faster.
            is_right = document is not None and document.doc_id == shown
            place.tell(shown, is_right)
            stayed = self.queue.reopen(request.session_hash, scheme) if document is None else None
            answer = stayed[0] if stayed else gr.skip() if is_right else document
            return answer, say(sentence), self.look_ahead(scheme, name, token, request)

    def look_ahead(self, scheme: str, name: str, token: Any, request: gr.Request):
        visitor, name = self._visitor(token, request), self._name(name, request)
        documents = self.queue.look_ahead(request.session_hash, visitor, scheme, name)
        view = self.see(scheme, name, token, request)
        view.ahead = [document.image for document in documents]
        view.next = documents[0] if documents else None
        return view

    def choose(self, scheme: str, name: str, token: Any, request: gr.Request, event: gr.EventData):
        shown = event._data.get("shown") if isinstance(event._data, dict) else None
        if shown in FILTERS:
            self.queue.seat(request.session_hash).show(shown)
        return self.see(scheme, name, token, request)

    def flag(self, scheme: str, name: str, token: Any, request: gr.Request):
        sentence = self.queue.flag(request.session_hash, self._name(name, request))
        return say(sentence), self.see(scheme, name, token, request)

    def renew(self, request: gr.Request) -> None:
        """Somebody works on a photo: it stays theirs."""
        self.queue.renew(request.session_hash)

    def leave(self, request: gr.Request) -> None:
        """The window was closed."""
        self.queue.leave(request.session_hash)

    def see(self, scheme: str, name: str, token: Any, request: gr.Request) -> QueueView:
        """The queue as a window shows it now; what these weights have not predicted yet is put on the list."""
        visitor, name = self._visitor(token, request), self._name(name, request)
        self.queue.want(visitor, scheme)
        photo = self.queue.current(request.session_hash)
        counts = self.queue.queue.counts(visitor, scheme, name)
        estimate = photo.estimates.get(scheme) if photo else None
        return QueueView(
            rev=next(self._revs),
            step=self.queue.seat(request.session_hash).step,
            shown=self.queue.seat(request.session_hash).shown,
            counts={shown: counts[shown] for shown in FILTERS},
            waiting=counts["waiting"],
            name=photo.path.name if photo else "",
            certainty=estimate.certainty if estimate else None,
            flagged=bool(photo and photo.flagged),
            corrected=bool(photo and photo.correctors.get(scheme)),
            problems=self.queue.queue.problems(visitor),
            offered=self.queue.offered(request.session_hash, scheme),
        )

    def _visitor(self, token: Any, request: gr.Request) -> str:
        window = visitor_of("", "", request.session_hash)
        visitor = visitor_of(self.door.person(request).name, token, request.session_hash)
        if visitor != window:  # who is quick adds photos before their browser has its token
            self.queue.queue.hand_over(window, visitor)
        return visitor

    def _name(self, name: str, request: gr.Request) -> str:
        return self.door.person(request).name or name.strip()

    def _let(self, right: Right, action: Callable) -> Callable:
        return told(self.door.guard(right, action))
