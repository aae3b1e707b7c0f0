"""The app is killed while it fine-tunes, alone or together with its trainer: the next start is clean."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fkd.correction_store import CorrectionStore
from fkd.ui.models import ServedModels
from fkd.ui.run_state import KILLED
from fkd.ui.tuning import TuneSources, Tuning
from tests.drawn_data import corrected_drawings
from tests.nets import tiny_net
from tests.weights_folders import registered
from training.run_progress import latest_run, read_progress

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


def app_of(folder: Path) -> Tuning:
    """What the app is made of, without its page."""
    models = ServedModels(device="cpu", runs=folder / "runs")
    return Tuning(models, CorrectionStore(folder / "annotations"), TuneSources("kaggle15"))


def run_app(folder: Path) -> None:
    """An app that fine-tunes until it is killed."""
    app_of(folder).start("kaggle15", "quick", "ada", promote=True)
    signal.pause()


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.test_ui_killed"])
    return context


@pytest.fixture
def folder(tmp_path) -> Path:
    """Corrections, and a version v0 that serves."""
    corrected_drawings(tmp_path / "annotations")
    registry = app_of(tmp_path).registry
    tiny_net(version="v0").save_pretrained(registry.folder / "v0")
    registered(registry, "v0", scheme="kaggle15", folder=registry.folder / "v0")
    registry.promote("v0", "ada")
    return tmp_path


@pytest.fixture
def app(processes, folder):
    """Its process."""
    process = processes.Process(target=run_app, args=(folder,))
    process.start()
    yield process
    process.kill()
    process.join()
    app_of(folder).cancel()  # of a test that failed, the trainer is still at work


def until(true: Callable[[], bool]) -> None:
    """Look until it is so; a test that waits in vain fails after minutes."""
    waited = threading.Event()
    for _ in range(12_000):
        if true():
            return
        waited.wait(0.02)
    raise AssertionError("it did not come about")


def has_reached(folder: Path, stage: str) -> bool:
    run = latest_run(folder / "runs")
    return run is not None and any(row["stage"] == stage for row in read_progress(run))


def serves_whole_weights(tuning: Tuning) -> bool:
    problems = [tuning.registry.problem_with(version) for version in tuning.registry.versions().values()]
    return not any(problems) and tuning.about_serving("kaggle15") == "v0 serves kaggle15."


@pytest.mark.parametrize("stage", ["started", "fine-tune", "measured"])
def test_an_app_and_its_trainer_that_are_killed_leave_what_serves(app, folder, stage):
    until(lambda: has_reached(folder, stage))
    trainer = read_progress(latest_run(folder / "runs"))[0]["pid"]
    app.kill()
    os.kill(trainer, signal.SIGKILL)
    app.join()
    again = app_of(folder)
    until(lambda: not again.state().going_on)  # the system takes the lock from a process that is gone
    assert again.state().phase == "failed" and again.state().sentence == KILLED
    assert serves_whole_weights(again) and again.cancel() == "There is no fine-tune to cancel."
    assert "has started" in again.start("kaggle15", "quick", "ada", promote=False)
    again.close()


def test_a_fine_tune_goes_on_without_its_app_and_the_next_one_follows_it(app, folder):
    until(lambda: has_reached(folder, "started"))
    app.kill()
    app.join()
    again = app_of(folder)
    until(lambda: not again.state().going_on)
    state = again.state()
    assert state.phase == "done" and serves_whole_weights(again)
    assert f"{state.version} serves kaggle15 now" in again.promote(state.version, "ada", "")
    assert again.about_serving("kaggle15") == f"{state.version} serves kaggle15."
