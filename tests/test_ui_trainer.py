"""The process beside the app that fine-tunes."""

from __future__ import annotations

import signal
import sys

import pytest

from fkd.ui.trainer import Trainer, trainer_threads


@pytest.fixture
def trainer():
    trainer = Trainer()
    yield trainer
    trainer.close()


def ended(trainer: Trainer) -> int:
    """Wait for the process and return its status."""
    trainer._process.wait(300)
    return trainer.status


def test_what_stops_a_process_is_its_last_words(trainer, tmp_path):
    assert not trainer.started and not trainer.running and trainer.last_words() == ""
    trainer.start(["merge", "--corrections", str(tmp_path / "nowhere")])
    assert trainer.started and ended(trainer) == 1 and not trainer.running
    assert trainer.last_words().startswith("“") and "is no corrections.csv" in trainer.last_words()


def test_it_is_found_from_any_folder(trainer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trainer.start(["--help"])
    assert ended(trainer) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_it_ends_with_the_app(trainer, tmp_path):
    trainer.start(["finetune", "--corrections", str(tmp_path)])
    trainer.close()
    assert trainer.status in (-signal.SIGTERM, 1) and not trainer.running  # 1: it was quicker to find nothing


def test_half_the_cores_are_left_to_predictions(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert trainer_threads() == 4
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0}, raising=False)
    assert trainer_threads() == 1
