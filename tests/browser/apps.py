"""The app in a process of its own, for browser tests to open."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from fkd.correction_store import CorrectionStore

__all__ = ["free_port", "running_app", "until_open"]

ROOT = Path(__file__).parent.parent.parent
START_S = 120  # that it may take to start, and to end


@contextmanager
def running_app(folder: Path, *arguments: str) -> Iterator[SimpleNamespace]:
    """``python app.py`` until the block ends, with empty annotations and runs in `folder`.

    Gives ``url``, ``folder``, ``store`` (its corrections), ``runs`` and ``log``.
    """
    port, annotations, runs = free_port(), folder / "annotations", folder / "runs"
    named = ["--port", str(port), "--device", "cpu", "--annotations", str(annotations), "--runs", str(runs)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "app.py", *named, *arguments], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        until_open(url, process, folder / "log")
        yield SimpleNamespace(
            url=url, folder=folder, store=CorrectionStore(annotations), runs=runs, log=folder / "log"
        )  # fmt: skip
    finally:
        process.terminate()
        process.wait(START_S)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def until_open(url: str, process: subprocess.Popen, log: Path) -> None:
    """Wait until an app answers; it fails the test if its process ends instead, or takes too long."""
    deadline = time.monotonic() + START_S
    while not answers(url):
        assert not ends(process, within_s=0.1) and time.monotonic() < deadline, log.read_text()


def ends(process: subprocess.Popen, within_s: float) -> bool:
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False
