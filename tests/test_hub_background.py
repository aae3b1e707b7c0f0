"""Corrections pushed in the background, at the end, and at SIGTERM."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from fkd.hub_corrections import CorrectionSync, backoff_s
from tests.hub_fixtures import environment
from tests.hub_rows import NAME, REPO, ids_on_hub, save


def test_rows_are_pushed_after_the_interval_while_the_app_runs(hub, tmp_path):
    with CorrectionSync(tmp_path, REPO, interval_s=0.02) as sync:
        save(tmp_path, "a1")
        assert hub.wait_for_commits(NAME, 1)
        save(tmp_path, "a2")
        assert hub.wait_for_commits(NAME, 2)
    assert sync.pending == () and ids_on_hub(tmp_path / "x") == {"a1", "a2"}


def test_enough_rows_do_not_wait_for_the_interval(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("fkd.hub_corrections._LOOK_S", 0.02)
    with CorrectionSync(tmp_path, REPO, interval_s=3600.0, rows_at_once=3):
        save(tmp_path, "a1"), save(tmp_path, "a2")
        assert not hub.wait_for_commits(NAME, 1, timeout_s=0.2)
        save(tmp_path, "a3")
        assert hub.wait_for_commits(NAME, 1)


def test_the_end_of_the_block_pushes_the_rest(hub, tmp_path):
    with CorrectionSync(tmp_path, REPO, interval_s=3600.0):
        save(tmp_path, "a1")
    assert ids_on_hub(tmp_path / "x") == {"a1"}


def test_a_hub_that_hangs_does_not_hold_up_the_end(hub, tmp_path):
    save(tmp_path, "a1")
    sync = CorrectionSync(tmp_path, REPO)
    hub.fault("GET /api/datasets", hold="before", times=99)
    assert sync.stop(timeout_s=0.1).endswith("Not pushed: a1.")


def test_trouble_is_shown_and_goes_when_the_hub_is_back(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("fkd.hub_corrections.backoff_s", lambda failures, retry_after_s: 0.05)
    fault = hub.fault("GET /api/datasets", status=503, times=10_000)
    save(tmp_path, "a1")
    with CorrectionSync(tmp_path, REPO, interval_s=0.02) as sync:
        until(lambda: "trouble of its own" in sync.status() and "Next try in" in sync.status())
        fault.times = 0
        assert hub.wait_for_commits(NAME, 1)
        until(lambda: sync.status().startswith("All corrections are on") and "trouble" not in sync.status())


def test_damage_on_the_hub_is_shown_and_does_not_keep_rows_from_it(hub, tmp_path):
    hub.create(NAME).commit("x", "grace", {"corrections/grace.csv": b"id;time\n"})
    save(tmp_path, "a1")
    with CorrectionSync(tmp_path, REPO, interval_s=0.02) as sync:
        assert hub.wait_for_commits(NAME, 2)
    assert sync.pending == ()
    assert "was not brought here: corrections/grace.csv on the Hub is no corrections file" in sync.status()


def test_a_defect_in_the_background_is_shown(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    monkeypatch.setattr(CorrectionSync, "pull", lambda _: 1 / 0)
    with CorrectionSync(tmp_path, REPO) as sync:
        until(lambda: "has ended unexpectedly" in sync.status())


def until(true) -> None:
    """Look until it is so; a test that waits in vain fails after 20 s."""
    waited = threading.Event()
    for _ in range(2000):
        if true():
            return
        waited.wait(0.01)
    raise AssertionError("it did not come about")


def test_the_wait_doubles_up_to_ten_minutes_with_jitter_and_heeds_the_hub():
    waits = [[backoff_s(failures) for _ in range(50)] for failures in range(1, 20)]
    for failures, some in enumerate(waits, start=1):
        middle = min(600.0, 5.0 * 2 ** (failures - 1))
        assert all(0.5 * middle <= wait <= 1.5 * middle for wait in some) and len(set(some)) > 10
    assert all(300 <= backoff_s(1, retry_after_s=300) <= 360 for _ in range(50))


APP = """
import sys, threading
from pathlib import Path
from fkd.hub_corrections import CorrectionSync
with CorrectionSync(Path(sys.argv[1]), "ada/corrections", interval_s=3600.0):
    print("serving", flush=True)
    threading.Event().wait(60)
"""


def test_sigterm_means_afterwards_what_it_meant_before(hub, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    with CorrectionSync(tmp_path, REPO):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_sigterm_pushes_what_waits_and_after_a_kill_the_next_start_does(hub, tmp_path, name):
    here = tmp_path / "here"
    app = subprocess.Popen(
        [sys.executable, "-c", APP, str(here)],
        env=environment(hub, tmp_path / "home"),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert app.stdout.readline() == "serving\n"
    for number in range(3):
        save(here, f"a{number}", b"%d" % number)  # pictures of their own: their upload needs a pool of threads
    app.terminate() if name == "SIGTERM" else app.kill()
    assert app.wait(30) == (143 if name == "SIGTERM" else -9)
    if name == "SIGKILL":
        assert NAME not in hub.repos
        sync = CorrectionSync(here, REPO)
        assert sync.pending == ("a0", "a1", "a2") and "3 corrections are not on" in sync.status()
        sync.push_now()
    assert ids_on_hub(tmp_path) == {"a0", "a1", "a2"}
