"""What a run says of itself while it works, for whoever watches it from another process, and how it is told to stop.

``progress.jsonl`` in the run's folder has a JSON object a line: ``stage`` (`STAGES`), and while it lasts ``step``,
``steps``, ``seconds_left`` of the stage and ``loss``. ``measured`` comes once for each set of faces: ``what`` they are,
``n`` of them, and the errors ``before`` and ``after``. ``look`` comes some ten times while it learns: the step that it
is ``at``, and the ``error`` so far on ``what``. The first line has the process's ``pid``, the last one a stage
of `ENDS`. While it works the process holds a lock, which the system takes from one that is killed. A file ``cancel``
in the folder asks the run to stop.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from fkd.durable import write_all
from fkd.errors import CancelledError, DataError
from fkd.json_lines import JsonLines

__all__ = [
    "ENDS",
    "STAGES",
    "RunProgress",
    "ask_to_cancel",
    "cannot_write",
    "is_running",
    "latest_run",
    "read_progress",
]

STAGES = (
    "started", "find faces", "cut out", "fine-tune", "look", "measure", "measured", "done", "cancelled", "failed",
)  # fmt: skip
ENDS = ("done", "cancelled", "failed")
_PROGRESS, _CANCEL, _LOCK = "progress.jsonl", "cancel", "running.lock"

Item = TypeVar("Item")


def read_progress(run: Path) -> list[dict]:
    """Every whole line of a run's progress so far, oldest first; none if it has not begun.

    Raises:
        RegistryError: if the file cannot be read.
    """
    return JsonLines(run / _PROGRESS).read()


def latest_run(runs: Path) -> Path | None:
    """The folder in `runs` whose progress was written last; None if there is none."""
    written = []
    for file in runs.glob(f"*/{_PROGRESS}"):
        try:
            written.append((file.stat().st_mtime_ns, file.parent))
        except FileNotFoundError:  # it was removed since
            continue
    return max(written)[1] if written else None


def is_running(run: Path) -> bool:
    """Whether a process is at work on the run."""
    if not (run / _LOCK).exists():
        return False
    try:
        with FileLock(run / _LOCK, timeout=0):
            return False
    except Timeout:
        return True


def ask_to_cancel(run: Path) -> None:
    """Ask the run to stop at its next step; nothing happens if it has ended."""
    (run / _CANCEL).touch()


def cannot_write(run: Path, error: OSError) -> str:
    """A sentence for what the operating system refused a run."""
    return (
        f"“{error.filename or run}” cannot be written ({error.strerror or error}). Make room on the disk, or name "
        "another folder with --out or --runs; what serves stays as it is."
    )


def append_line(path: Path, line: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        try:
            write_all(file.fileno(), line)
        except OSError:
            file.truncate(size)  # a part of a line would spoil the next one
            raise


class RunProgress:
    """The progress of one run, written to its folder.

    Args:
        run: the folder, which must be there.
        watch: is told of each step as well (stage, step, steps), e.g. to draw a bar.
        clock: seconds, for the time left.

    Raises:
        DataError: if another process is at work on the run, or its folder cannot be written.
    """

    def __init__(
        self,
        run: Path,
        watch: Callable[[str, int, int], None] = lambda stage, step, steps: None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.run = run
        self._watch, self._clock = watch, clock
        self._stage, self._began = "", 0.0
        self._lock = FileLock(run / _LOCK, timeout=1)  # longer than somebody takes to look whether it is free
        try:
            self._lock.acquire()
        except Timeout as error:
            raise DataError(f"Another fine-tune is at work in “{run}”. Name another folder with --out.") from error
        except OSError as error:
            raise DataError(cannot_write(run, error)) from error
        # Of a run that was here before. The request goes first: nobody can have meant a run that has no line yet.
        (run / _CANCEL).unlink(missing_ok=True)
        (run / _PROGRESS).unlink(missing_ok=True)
        self.say("started", pid=os.getpid())

    def say(self, stage: str, **values) -> None:
        """Append a line.

        Raises:
            DataError: if there is no room for it; then none of it is there. The end of a run is its end all the same.
        """
        try:
            append_line(self.run / _PROGRESS, json.dumps({"stage": stage} | values).encode() + b"\n")
        except OSError as error:
            raise DataError(cannot_write(self.run, error)) from error
        finally:
            if stage in ENDS:  # too late to be told to stop
                (self.run / _CANCEL).unlink(missing_ok=True)
                (self.run / _LOCK).unlink(missing_ok=True)
                self._lock.release()

    def step(self, stage: str, step: int, steps: int, **values) -> None:
        """A step of a stage is done (0 begins it); written a hundred times a stage at most.

        Raises:
            CancelledError: if somebody asked to cancel.
        """
        if stage != self._stage:
            self._stage, self._began = stage, self._clock()
        self._watch(stage, step, steps)
        if step == 0 or step * 100 // steps > (step - 1) * 100 // steps:
            left = (self._clock() - self._began) / step * (steps - step) if step else None
            self.say(stage, step=step, steps=steps, seconds_left=None if left is None else round(left, 1), **values)
        if (self.run / _CANCEL).exists():
            (self.run / _CANCEL).unlink()
            raise CancelledError(f"Cancelled at step {step} of {steps} ({stage}): the old weights stay as they are.")

    def wrapper(self, stage: str, steps: int) -> Callable[[Sequence[Item]], Iterator[Item]]:
        """A function that goes through items, one list after the other, each item a step of one stage."""
        done = 0

        def wrap(items: Sequence[Item]) -> Iterator[Item]:
            nonlocal done
            for item in items:
                yield item
                done += 1
                self.step(stage, done, steps)

        self.step(stage, 0, steps)
        return wrap
