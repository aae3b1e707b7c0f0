"""What the page shows of corrections, runs and versions."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from fkd.lineage import LineageRow
from fkd.ui.run_state import RunState
from fkd.ui.tune_views import lineage_view, nothing_to_learn, preview, progress, verdict
from fkd.versions import FROZEN, HELD_OUT, UNLABELLED, Measured, Version
from training.merge_report import Conflict, MergeReport
from training.tuning_data import TuningData

HOSTILE = '<img src=x onerror="alert(1)">'


class Text(HTMLParser):
    """Reads the cells of all tables and the tags of a piece of HTML, which must be well nested."""

    def __init__(self, html: str):
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, text):
        if "td" in self._open or "th" in self._open:
            self.rows[-1][-1] += text


def report(**changes) -> MergeReport:
    values = {
        "source": "corrections.csv", "scheme": "ibug68", "rows": 9, "training": ("a", "b"), "held_out": ("c",),
        "skipped": {"taken back": ("d", "e")}, "points": {"moved": 7, "confirmed": 3}, "conflicts": (), "missing": (),
        "base": 0, "replaced": 0,
    }  # fmt: skip
    return MergeReport(**(values | changes))


def data(**changes) -> TuningData:
    return TuningData([], (), [], [object()] * 40, [object()] * 4, report(**changes), [])


def test_the_preview_counts_what_is_used_and_says_why_rows_are_left_out():
    html = preview(data(), ["Nothing to measure on."])
    figures = re.findall(r"<b>(\d+)</b><span>([^<]+)</span>", html)
    assert [count for count, _ in figures] == ["2", "1", "40", "4"]
    assert "3 confirmed, 7 moved" in html and "Nothing to measure on." in html
    assert Text(html).rows == [["rows left out, and why", "rows"], ["taken back", "2"]]


def test_conflicts_are_shown_with_their_distance_the_widest_first():
    conflicts = [
        Conflict(f"images/{i}.jpg", "u", "s", "Ada", HOSTILE if i == 3 else "", distance)
        for i, distance in enumerate([0.01, float("nan"), 0.2, 0.05])
    ]
    rows = Text(preview(data(conflicts=tuple(conflicts), skipped={}), [])).rows[1:]
    assert [row[2] for row in rows] == ["20.0%", "5.0%", "1.0%", "not known"]
    assert rows[1][1] == HOSTILE and rows[0][1] == "no name"
    many = preview(data(conflicts=tuple(conflicts * 5)), [])
    assert "… and 10 more." in many


def rows_of(*steps: int) -> tuple[dict, ...]:
    start = {"stage": "started", "pid": 1}
    return start, *({"stage": "fine-tune", "step": i, "steps": 4, "seconds_left": 30.0, "loss": i / 2} for i in steps)


@pytest.mark.parametrize(
    ("state", "words", "share"),
    [
        (RunState("starting"), "Starting", 0),
        (RunState("running", rows=rows_of()), "Reading the corrections", 0),
        (RunState("running", rows=rows_of(1, 2)), "step 2 of 4, about 30 s left", 52),
        (RunState("done", rows=(*rows_of(4), {"stage": "done", "version": "v1"})), "v1 is registered", 100),
        (RunState("failed", "The disk is full.", rows=rows_of(2)), "The disk is full.", 52),
        (RunState("cancelled", "Cancelled at step 2.", rows=rows_of(2)), "Cancelled at step 2.", 52),
    ],
)
def test_progress_has_a_bar_and_a_sentence(state, words, share):
    html = progress(state)
    assert words in html and f'aria-valuenow="{share}"' in html
    assert Text(html).tags.count("polyline") == (1 if len(state.rows) > 1 else 0)


def test_errors_are_shown_as_they_come():
    assert progress(RunState("idle")) == ""
    measured = {"stage": "measured", "what": "frozen test", "n": 4, "before": 0.0441, "after": 0.0443}
    html = progress(RunState("running", rows=(*rows_of(4), measured)))
    assert Text(html).rows[1] == ["frozen test", "4", "4.41%", "4.43%"]
    moved = {"stage": "measured", "what": UNLABELLED, "n": 7, "before": 0.0, "after": 0.0035}
    html = progress(RunState("running", rows=(*rows_of(4), moved)))
    assert Text(html).rows[1] == [UNLABELLED, "7", "–", "moved 0.35%"]
    assert "about 10 min left" in progress(RunState("running", rows=({**rows_of(1)[1], "seconds_left": 600},)))


def test_the_error_so_far_is_a_curve_beside_the_loss():
    first, *looks = ({"stage": "look", "at": i, "what": HELD_OUT, "error": 0.08 - i / 100} for i in (0, 1, 2))
    html = progress(RunState("running", rows=(*rows_of(1, 2), first)))
    assert Text(html).tags.count("polyline") == 1 and "error on" not in html
    html = progress(RunState("running", rows=(*rows_of(1, 2), first, *looks)))
    assert Text(html).tags.count("polyline") == 2
    assert "error on held-out corrections<b>6.00%</b>" in html and "<title>step 1: 7.00%</title>" in html
    (dots,) = re.findall(r'points="([^"]*)"/><path class="dot"', html)
    assert [place.split(",")[0] for place in dots.split()] == ["10.0", "155.0", "300.0"]  # half of the way to step 4


def version(**changes) -> Version:
    measured = (
        Measured(what=FROZEN, faces_id="f", n=200, before=0.044, after=0.0435, low=-0.001, high=0.0001),
        Measured(what=HELD_OUT, faces_id="h", n=1, before=0.1, after=0.08),
    )
    values = {"version": "v1", "scheme": "ibug68", "parent": "v0", "folder": "v1", "sha256": "", "measured": measured}
    return Version(**(values | {"decision": "passed", "reasons": ("It gained.", HOSTILE)} | changes))


def test_the_verdict_has_its_reasons_and_the_errors_with_their_intervals():
    html = verdict(version(), serves=False)
    assert "The gate lets it pass." in html and "<li>It gained.</li>" in html and "img" not in Text(html).tags
    assert Text(html).rows[1:] == [
        ["frozen test", "200", "4.40%", "4.35%", "-1.1%", "-0.10% to +0.01%"],
        ["held-out corrections", "1", "10.00%", "8.00%", "-20.0%", "too few photos"],
    ]
    assert "v1 serves now" in verdict(version(), serves=True)
    assert "The gate refuses it." in verdict(version(decision="refused"), serves=False)
    assert "a person has to." in verdict(version(decision="undecided"), serves=False)


def test_the_lineage_is_a_table_and_a_chart_of_what_was_measured_on_one_test():
    rows = [
        LineageRow("v0", "", 0, 0.044, None, "origin"),
        LineageRow("v1", "v0", 20, 0.043, version().on(HELD_OUT), "serves", HOSTILE, "Ada", "2026-01-31T12:00:00Z"),
        LineageRow("v2", "v1", 3, None, None, "refused"),
    ]
    html = lineage_view(rows, "v1 serves ibug68.")
    shown = Text(html)
    assert [row[1] for row in shown.rows[1:]] == ["v2", "v1", "v0"] and "img" not in shown.tags
    assert shown.rows[2] == [
        "serves", "v1", "v0", "20", "4.30%", "10.00% → 8.00%", "Ada", "2026-01-31 12:00:00", HOSTILE
    ]  # fmt: skip
    assert 'data-status="serves"' in html and "<title>v1: 4.30%</title>" in html and "v2: " not in html
    assert "No fine-tune has made one yet" in lineage_view([], "v0 serves ibug68.")


def test_what_is_wrong_is_shown_as_it_is():
    html = nothing_to_learn(f"There is no {HOSTILE}.")
    assert "img" not in Text(html).tags and "There is no &lt;img" in html
