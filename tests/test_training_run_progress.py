"""A run's progress as another process sees it, and how that one stops it."""

from __future__ import annotations

import errno
import os

import pytest

from fkd.errors import CancelledError, DataError
from training.run_progress import RunProgress, ask_to_cancel, is_running, latest_run, read_progress


class Clock:
    """Two seconds pass between one look and the next."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 2.0
        return self.now


def test_steps_are_written_with_the_time_left(tmp_path):
    progress, seen = RunProgress(tmp_path, lambda *step: seen.append(step), Clock()), []
    progress.step("fine-tune", 1, 4, loss=0.5)
    progress.step("fine-tune", 2, 4, loss=0.25)
    progress.say("done", version="v1")
    assert read_progress(tmp_path) == [
        {"stage": "started", "pid": os.getpid()},
        {"stage": "fine-tune", "step": 1, "steps": 4, "seconds_left": 6.0, "loss": 0.5},
        {"stage": "fine-tune", "step": 2, "steps": 4, "seconds_left": 4.0, "loss": 0.25},
        {"stage": "done", "version": "v1"},
    ]
    assert seen == [("fine-tune", 1, 4), ("fine-tune", 2, 4)]


def test_several_lists_are_one_stage(tmp_path):
    progress = RunProgress(tmp_path)
    through = progress.wrapper("cut out", 3)
    assert [*through(["a", "b"]), *through(["c"])] == ["a", "b", "c"]
    assert [(row["step"], row["steps"]) for row in read_progress(tmp_path)[1:]] == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_long_stage_has_a_hundred_lines_and_its_last_step(tmp_path):
    progress = RunProgress(tmp_path)
    for step in range(1001):
        progress.step("cut out", step, 1000)
    rows = read_progress(tmp_path)[1:]
    assert len(rows) == 101 and rows[-1]["step"] == 1000


def test_whoever_asks_to_cancel_stops_the_next_step(tmp_path):
    progress = RunProgress(tmp_path)
    progress.step("fine-tune", 1, 4)
    ask_to_cancel(tmp_path)
    with pytest.raises(CancelledError, match="Cancelled at step 2 of 4 .fine-tune.: the old weights stay as they are."):
        progress.step("fine-tune", 2, 4)
    progress.step("fine-tune", 3, 4)  # it was asked once


def test_a_request_that_comes_too_late_does_not_stop_the_next_run(tmp_path):
    progress = RunProgress(tmp_path)
    ask_to_cancel(tmp_path)
    progress.say("done")
    RunProgress(tmp_path).step("fine-tune", 1, 4)


def test_a_request_that_was_there_before_a_run_does_not_stop_it_but_one_that_comes_at_once_does(tmp_path):
    ask_to_cancel(tmp_path)  # of a run that was killed, or ended just then
    progress = RunProgress(tmp_path)
    progress.step("fine-tune", 1, 4)
    RunProgress.say(progress, "failed", reason="")
    progress = RunProgress(tmp_path)
    ask_to_cancel(tmp_path)
    with pytest.raises(CancelledError):
        progress.step("cut out", 0, 4)


def test_a_full_disk_is_a_sentence_and_leaves_no_part_of_a_line(tmp_path, monkeypatch):
    progress = RunProgress(tmp_path)

    def half(descriptor: int, payload: bytes) -> None:
        os.write(descriptor, payload[: len(payload) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("training.run_progress.write_all", half)
        with pytest.raises(DataError, match="cannot be written .No space left on device.. Make room"):
            progress.step("fine-tune", 0, 4)
    progress.say("failed", reason="x")
    assert [row["stage"] for row in read_progress(tmp_path)] == ["started", "failed"]
    with monkeypatch.context() as full:
        full.setattr("training.run_progress.write_all", half)
        with pytest.raises(DataError, match="cannot be written"):
            RunProgress(tmp_path)
    assert not is_running(tmp_path)


def test_a_new_run_begins_with_nothing_and_a_line_that_is_being_written_does_not_count(tmp_path):
    assert read_progress(tmp_path) == []
    RunProgress(tmp_path).step("fine-tune", 1, 4)
    RunProgress(tmp_path)
    with (tmp_path / "progress.jsonl").open("a") as file:
        file.write('{"stage": "fine-tune", "st')
    assert [row["stage"] for row in read_progress(tmp_path)] == ["started"]


def test_a_run_is_at_work_until_it_ends_or_its_process_does(tmp_path):
    assert not is_running(tmp_path)
    progress = RunProgress(tmp_path)
    assert is_running(tmp_path)
    with pytest.raises(DataError, match="Another fine-tune is at work in"):
        RunProgress(tmp_path)
    progress.say("done")
    assert not is_running(tmp_path)
    killed = RunProgress(tmp_path)
    del killed
    assert not is_running(tmp_path)


def test_the_latest_run_is_the_one_that_wrote_last(tmp_path):
    assert latest_run(tmp_path / "nowhere") is None
    for name, seconds in (("b", 300), ("a", 200), ("c", 100)):
        (tmp_path / name).mkdir()
        RunProgress(tmp_path / name).say("done")
        os.utime(tmp_path / name / "progress.jsonl", (seconds, seconds))
    (tmp_path / "no run").mkdir()
    assert latest_run(tmp_path) == tmp_path / "b"
