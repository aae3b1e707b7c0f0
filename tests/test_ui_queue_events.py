"""Who somebody is to the queue, and what the page's help says about its keys."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import fkd.ui
from fkd.ui.queue_events import visitor_of

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
