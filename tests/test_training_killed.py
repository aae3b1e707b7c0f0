"""A fine-tune or a promotion that is killed at any moment leaves whole weights serving, and the next one works."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from pathlib import Path

import pytest

from fkd.registry import Registry
from fkd.ui.models import ServedModels
from tests.drawn_data import corrected_drawings
from tests.kill_points import finetune_and_promote, promote
from tests.nets import tiny_net
from tests.weights_folders import registered

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


@pytest.fixture(scope="module")
def processes():
    """Real processes that are quick to start: their server has imported everything once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.kill_points"])
    return context


@pytest.fixture
def runs(tmp_path) -> Registry:
    """A registry whose version v0 serves, beside a few corrections."""
    registry = Registry(tmp_path / "runs")
    corrected_drawings(tmp_path / "corrections", n=3)
    make(registry, "v0")
    registry.promote("v0", "ada")
    return registry


def make(registry: Registry, name: str) -> None:
    tiny_net(version=name).save_pretrained(registry.folder / name)
    registered(registry, name, scheme="kaggle15", folder=registry.folder / name)


def run(processes, target, *arguments) -> int:
    process = processes.Process(target=target, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def version_that_serves(registry: Registry) -> str:
    """What a new app serves, loaded; its weights must be whole and its registry without complaint."""
    models = ServedModels(device="cpu", runs=registry.folder)
    assert "damaged" not in models.notice("kaggle15")
    version = models.predictor("kaggle15").version
    assert version == registry.serving("kaggle15").version.version
    return version


def test_a_fine_tune_that_is_killed_at_many_points(processes, runs, tmp_path):
    count = tmp_path / "touches"
    assert run(processes, finetune_and_promote, tmp_path, 0, count) == 0
    touches = int(count.read_text())
    assert touches > 40
    # Every moment from the weights' last file on, when the version is registered and promoted, and some before.
    points = [*range(2, touches - 10, 9), *range(touches - 10, touches + 1)]
    served = version_that_serves(runs)
    for point in points:
        known = set(runs.versions())
        assert run(processes, finetune_and_promote, tmp_path, point) == -signal.SIGKILL
        now = version_that_serves(Registry(runs.folder))
        assert now == served or now in set(runs.versions()) - known, f"killed at touch {point} of {touches}"
        served = now
    before = set(runs.versions())
    assert run(processes, finetune_and_promote, tmp_path, 0) == 0
    assert version_that_serves(runs) in set(runs.versions()) - before


def test_a_promotion_that_is_killed_between_its_steps(processes, runs, tmp_path):
    make(runs, "v1")
    make(runs, "v2")
    runs.promote("v1", "ada")
    seen = []
    for point in range(1, 100):
        if run(processes, promote, tmp_path, "v2", point) == 0:  # it came through before that
            break
        seen.append(version_that_serves(Registry(runs.folder)))
        if seen[-1] == "v2":
            assert runs.rollback("kaggle15", "ada") == "v2 no longer serves kaggle15: v1 does again."
    assert len(seen) >= 8 and set(seen) == {"v1", "v2"}
    assert version_that_serves(runs) == "v2"
    torn = [path.read_bytes() for path in runs.folder.glob("registry.jsonl.torn-*")]
    assert any(line.startswith(b'{"event": "promoted"') for line in torn)  # half a line, not glued to the next one


def test_a_process_dies_where_it_is_told_to(processes, tmp_path):
    registry = Registry(tmp_path / "runs")
    make(registry, "v1")
    lines = registry.path.read_bytes()
    assert run(processes, promote, tmp_path, "v1", 1) == -signal.SIGKILL
    assert registry.path.read_bytes() == lines and Path(registry.folder / "v1").is_dir()
