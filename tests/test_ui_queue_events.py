"""Who somebody is to the queue, and what the page's help says about its keys."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

import fkd.ui
from fkd.ui.actions import Desk
from fkd.ui.door import Door
from fkd.ui.editor import EditorDocument
from fkd.ui.queue_desk import QueueDesk
from fkd.ui.queue_events import QueueEvents, visitor_of
from fkd.ui.rights import Rules
from tests.sure_predictor import SureModels, grey_picture

TOKEN = "A_b-" * 5 + "xy"


def test_a_login_comes_before_the_browser_and_the_browser_before_the_window():
    assert visitor_of("ada", TOKEN, "w1") == "user ada"
    assert visitor_of("", TOKEN, "w1") == f"browser {TOKEN}"
    assert visitor_of("", "", "w1") == "window w1"


@pytest.mark.parametrize("token", ["ada", TOKEN + "z", "user ada", TOKEN[:-1] + "\n", None, 7, [TOKEN], {"a": 1}])
def test_what_is_no_token_of_ours_opens_nothing(token):
    assert visitor_of("", token, "w1") == "window w1"


def test_nobody_can_call_themselves_what_somebody_else_is():
    assert visitor_of(f"browser {TOKEN}", "", "w1") != visitor_of("", TOKEN, "w1")
    assert visitor_of("window w1", "", "w2") != visitor_of("", "", "w1")


def test_the_help_lists_every_key():
    folder = Path(next(iter(fkd.ui.__path__)))
    script = (folder / "queue_panel" / "keys.js").read_text(encoding="utf-8")
    table = script[script.index("const QUEUE_KEYS") : script.index("};")]
    letters = set(re.findall(r"^ +([a-z]): \(\)", table, flags=re.MULTILINE))
    html = (folder / "editor" / "editor.html").read_text(encoding="utf-8")
    section = html[html.index("<h4>Queue of photos</h4>") :].split("</section>")[0]
    assert letters == {"d", "f", "s", "q"}
    assert {key.upper() for key in letters} | {"Ctrl Enter"} == set(re.findall("<kbd>(.*?)</kbd>", section))


class Window:
    """What a browser's window asks of the queue, of four photos that are the same to everybody."""

    def __init__(self, queue: QueueDesk, name: str = "tab"):
        self.events, self.name = QueueEvents(queue, Door(Rules())), name

    def _ask(self, action, *data):
        request = SimpleNamespace(session_hash=self.name, cookies={}, headers={}, client=None, username=None)
        return action("kaggle15", "Ada", "", request, *data)

    def look_ahead(self):
        return self._ask(self.events.look_ahead)

    def step(self, **data):
        """The document that the editor gets, None if it is left alone, and the view."""
        document, _, view = self._ask(self.events.step, SimpleNamespace(_data={"back": False, "shown": "", **data}))
        return document if isinstance(document, EditorDocument) else None, view


@pytest.fixture
def queue(tmp_path) -> QueueDesk:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for grey in (10, 20, 30, 40):
        grey_picture(folder / f"{grey}.png", grey)
    queue = QueueDesk(Desk(SureModels(), tmp_path / "annotations", folder))
    queue.want("", "kaggle15")
    assert queue.jobs.wait(20)
    return queue


def test_a_step_that_a_window_tells_of_twice_is_one(queue):
    window = Window(queue)
    document, view = window.step(number=1)
    assert document.photo_name == view.name == "10.png" and view.step == 1
    shown = window.look_ahead().next
    for _ in range(2):  # nothing comes into the editor: it is there already
        document, view = window.step(shown=shown.doc_id, number=2)
        assert document is None and (view.name, view.step) == ("20.png", 2)
    assert view.next.photo_name == "30.png"


def test_steps_that_come_in_at_once_are_one_after_the_other(queue):
    window = Window(queue)
    window.step(number=1)
    shown = window.look_ahead().next
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: window.step(shown=shown.doc_id, number=2), range(4)))
    assert {(document, view.name) for document, view in answers} == {(None, "20.png")}


def test_who_was_slower_is_told_so_again(queue):
    window = Window(queue)
    window.step(number=1)
    shown = window.look_ahead().next
    assert queue.leases.take(queue.seat("tab").offered, "another window")
    for _ in range(2):
        document, view = window.step(shown=shown.doc_id, number=2)
        assert document.photo_name == view.name == "30.png"
