"""The process that fine-tunes beside the app: started, asked to stop, and asked what became of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import training

__all__ = ["INTERRUPTED", "Trainer", "trainer_threads"]

INTERRUPTED = 130  # the status of a process that Ctrl-C or a signal told to end, and that did so in order
_STOP_SECONDS = 5
_LOG_LINES = 8


def trainer_threads() -> int:
    """Half the processor's cores, so that predictions find the other half free."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // 2)


class Trainer:
    """``python -m training …`` in a process of its own, one at a time. Not for several threads at once."""

    def __init__(self):
        self._process: subprocess.Popen | None = None
        self._output: IO[bytes] | None = None

    @property
    def started(self) -> bool:
        """Whether there ever was a process."""
        return self._process is not None

    @property
    def status(self) -> int | None:
        """Its exit status, negative for the signal that ended it; None while it runs and before the first."""
        return None if self._process is None else self._process.poll()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, arguments: Sequence[str]) -> None:
        """Start the process with these arguments of ``python -m training``.

        Raises:
            OSError: if it cannot be started.
        """
        if self._output is not None:
            self._output.close()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (read when the process is over)
        # The app may have been started from another folder than that of the training program.
        root = str(Path(training.__file__).parent.parent)
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        environment = os.environ | {"PYTHONPATH": path}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "training", *arguments],
            stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT, env=environment,
        )  # fmt: skip

    def last_words(self) -> str:
        """The last line that the process printed: where it failed, the sentence or the error that says why."""
        lines = self._lines()
        return lines[-1].removeprefix("training: ") if lines else ""

    def log(self) -> str:
        """The last lines that the process printed so far."""
        return "\n".join(self._lines()[-_LOG_LINES:])

    def _lines(self) -> list[str]:
        if self._output is None:
            return []
        number = self._output.fileno()
        # Read without a seek: the process writes on where this file stands.
        printed = os.pread(number, os.fstat(number).st_size, 0).decode("utf-8", "replace")
        return [line.strip() for line in printed.split("\n") if line.strip()]

    def terminate(self) -> None:
        """Tell the process to end; it does so at its next step, or at once where it has not begun."""
        if self.running:
            self._process.terminate()

    def close(self) -> None:
        """End the process with the app, by force if it takes longer than some seconds: nothing whole is lost by it."""
        self.terminate()
        if self._process is not None:
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
