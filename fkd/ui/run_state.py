"""What a fine-tune is at, read from its run folder: whoever opens the page sees the run that is going on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.run_progress import ENDS, is_running, latest_run, read_progress

__all__ = ["KILLED", "RunState", "newest_run_state"]

KILLED = "The last fine-tune was ended from outside; what serves was not changed. Start it again."


@dataclass(frozen=True)
class RunState:
    """A fine-tune as the page shows it.

    Attributes:
        phase: ``idle`` where there was none, ``starting``, ``running``, ``done``, ``cancelled`` or ``failed``.
        sentence: what became of it, for the last two; the log of one that runs away from here, while it starts.
        run: its folder; the last one's while it starts.
        rows: its progress, see :mod:`training.run_progress`.
    """

    phase: str
    sentence: str = ""
    run: Path | None = None
    rows: tuple[dict, ...] = ()

    @property
    def going_on(self) -> bool:
        return self.phase in ("starting", "running")

    @property
    def version(self) -> str:
        """The version that it made; "" while there is none."""
        return self.rows[-1].get("version", "") if self.phase == "done" else ""

    @property
    def key(self) -> str:
        """Changes when a run begins and when it ends."""
        return f"{self.run.name if self.run else ''} {self.phase}"

    @property
    def last_step(self) -> dict | None:
        """The newest row with a step of a stage."""
        return next((row for row in reversed(self.rows) if "steps" in row), None)


def newest_run_state(runs: Path) -> RunState:
    """The state of the run that was last at work in a folder of runs, whoever started it.

    Raises:
        RegistryError: if its progress cannot be read.
    """
    run = latest_run(runs)
    if run is None:
        return RunState("idle")
    at_work = is_running(run)  # first: what ends between the two looks has written its last line
    rows = tuple(read_progress(run))
    last = rows[-1] if rows else {}
    if last.get("stage") in ENDS:
        return RunState(last["stage"], last.get("reason", ""), run, rows)
    return RunState("running", "", run, rows) if at_work else RunState("failed", KILLED, run, rows)
