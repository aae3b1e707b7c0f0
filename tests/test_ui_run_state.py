"""A fine-tune as the page finds it in its folder, whoever started it."""

from __future__ import annotations

import os

import pytest

from fkd.ui.run_state import KILLED, newest_run_state
from training.run_progress import RunProgress


@pytest.fixture
def runs(tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_without_a_run_there_is_nothing_to_show(tmp_path):
    state = newest_run_state(tmp_path / "runs")
    assert state.phase == "idle" and not state.going_on and state.version == "" and state.last_step is None


def test_a_run_is_shown_while_it_works_and_when_it_is_done(runs):
    progress = RunProgress(runs / "first")
    progress.step("fine-tune", 1, 4, loss=0.5)
    progress.say("measured", what="frozen test", n=3, before=0.2, after=0.1)
    state = newest_run_state(runs)
    assert state.phase == "running" and state.going_on and state.run == runs / "first"
    assert state.last_step["step"] == 1 and state.rows[-1]["after"] == 0.1
    progress.say("done", version="v1")
    done = newest_run_state(runs)
    assert done.phase == "done" and done.version == "v1" and not done.going_on and done.key != state.key


@pytest.mark.parametrize("end", ["cancelled", "failed"])
def test_a_run_that_ended_otherwise_says_why(runs, end):
    RunProgress(runs / "first").say(end, reason="So it was.")
    state = newest_run_state(runs)
    assert (state.phase, state.sentence, state.version) == (end, "So it was.", "")


def test_a_run_whose_process_is_gone_was_killed(runs):
    progress = RunProgress(runs / "first")
    progress.step("fine-tune", 1, 4)
    assert newest_run_state(runs).phase == "running"
    del progress  # the system takes the lock from a process that is gone
    state = newest_run_state(runs)
    assert state.phase == "failed" and state.sentence == KILLED


def test_the_run_that_was_last_at_work_is_shown(runs):
    for name, time in (("second", 100), ("first", 200)):
        RunProgress(runs / name).say("done", version=name)
        os.utime(runs / name / "progress.jsonl", (time, time))
    assert newest_run_state(runs).version == "first"
