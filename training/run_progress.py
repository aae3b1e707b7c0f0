"""What a run says of itself while it works, for whoever watches it from another process, and how it is told to stop.

``progress.jsonl`` in the run's folder has a JSON object a line: ``stage`` (`STAGES`), and while it lasts ``step``,
``steps``, ``seconds_left`` of the stage and ``loss``. The first line has the process's ``pid``, the last one a stage of
`ENDS`; if it has not and the process is gone, it was killed. A file ``cancel`` in the folder asks the run to stop.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from fkd.errors import CancelledError
from fkd.json_lines import JsonLines

__all__ = ["ENDS", "STAGES", "RunProgress", "ask_to_cancel", "read_progress"]

STAGES = ("started", "find faces", "cut out", "fine-tune", "measure", "done", "cancelled", "failed")
ENDS = ("done", "cancelled", "failed")
_PROGRESS, _CANCEL = "progress.jsonl", "cancel"

Item = TypeVar("Item")


def read_progress(run: Path) -> list[dict]:
    """Every whole line of a run's progress so far, oldest first; none if it has not begun.

    Raises:
        RegistryError: if the file cannot be read.
    """
    return JsonLines(run / _PROGRESS).read()


def ask_to_cancel(run: Path) -> None:
    """Ask the run to stop at its next step; nothing happens if it has ended."""
    (run / _CANCEL).touch()


class RunProgress:
    """The progress of one run, written to its folder.

    Args:
        run: the folder, which must be there.
        watch: is told of each step as well (stage, step, steps), e.g. to draw a bar.
        clock: seconds, for the time left.
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
        (run / _PROGRESS).unlink(missing_ok=True)  # of a run that was killed here
        self.say("started", pid=os.getpid())

    def say(self, stage: str, **values) -> None:
        """Append a line."""
        with (self.run / _PROGRESS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"stage": stage} | values) + "\n")
        if stage in ENDS:  # too late to be told to stop
            (self.run / _CANCEL).unlink(missing_ok=True)

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
