"""A training that was stopped goes on: its whole state is one file in the run folder, replaced as a whole."""

from __future__ import annotations

import io
import json
import math
import pickle
from pathlib import Path
from typing import Any

import torch

from fkd.durable import write_whole
from fkd.errors import DataError
from training.ema import Ema
from training.lesson import Lesson

__all__ = ["Training", "check_run_folder", "load_state", "save_state", "write_metrics"]

STATE_FILE = "state.pt"
METRICS_FILE = "metrics.jsonl"
# What shows that a folder is a run's, or holds weights.
TRACES = (STATE_FILE, METRICS_FILE, "config.json", "model.safetensors")
# Settings that a state may lack, since it is older than they are, and what they were then.
BEFORE = {"mirror_averaged": True, "teacher": "none"}


def check_run_folder(run: Path, resume: bool) -> None:
    """Whether a training may write to `run`; called before the faces are cut out, which takes a while.

    Raises:
        DataError: if that would overwrite a run or weights, or if there is nothing to go on from.
    """
    traces = [name for name in TRACES if (run / name).exists()]
    if traces and not resume:
        raise DataError(f"“{run}” holds a run already ({traces[0]}). Go on with it by --resume, or name another --out.")
    if traces and STATE_FILE not in traces:
        raise DataError(f"“{run}” holds {traces[0]} but no {STATE_FILE} to go on from. Name another --out.")


class Training:
    """Everything that changes while a network trains.

    Attributes:
        lesson, ema, optimiser, scaler: the network with its offsets, the average of its weights, AdamW, and what keeps
            float16 gradients in range (None otherwise).
        epoch: epochs done.
        loss: the running loss.
        seconds: spent so far.
        best: the smallest held-out error so far.
        rows: what metrics.jsonl holds.
    """

    def __init__(self, lesson: Lesson, ema: Ema, optimiser: torch.optim.Optimizer, scaler: torch.amp.GradScaler | None):
        self.lesson, self.ema, self.optimiser, self.scaler = lesson, ema, optimiser, scaler
        self.epoch, self.loss, self.seconds, self.best = 0, 0.0, 0.0, math.inf
        self.rows: list[dict[str, float | None]] = []

    def state_dict(self) -> dict[str, Any]:
        numbers = {name: getattr(self, name) for name in ("epoch", "loss", "seconds", "best", "rows")}
        return numbers | {
            "lesson": self.lesson.state_dict(),
            "average": self.ema.net.state_dict(),
            "averaged": self.ema.steps,
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict() if self.scaler else {},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in ("epoch", "loss", "seconds", "best", "rows"):
            setattr(self, name, state[name])
        self.lesson.load_state_dict(state["lesson"])
        self.ema.net.load_state_dict(state["average"])
        self.ema.steps = state["averaged"]
        self.optimiser.load_state_dict(state["optimiser"])
        if self.scaler:
            self.scaler.load_state_dict(state["scaler"])


def save_state(run: Path, settings: dict[str, Any], training: Training) -> None:
    """Replace ``run/state.pt``.

    Args:
        settings: what the training must have again to go on: numbers, texts, tuples and dicts of these.
    """
    file = io.BytesIO()
    torch.save({"settings": settings, "training": training.state_dict()}, file)
    write_whole(run / STATE_FILE, file.getvalue())


def load_state(run: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """What ``training.state_dict()`` was when `save_state` saved it in `run`, on the CPU; None if it never did.

    Args:
        settings: must be what the state holds by that name.

    Raises:
        DataError: if the training had other settings or other data, or the file is damaged.
    """
    if not (run / STATE_FILE).exists():
        return None
    try:
        state = torch.load(run / STATE_FILE, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise DataError(f"“{run / STATE_FILE}” cannot be read: {error}. Name another --out.") from error
    for name, now in settings.items():
        then = state["settings"].get(name, BEFORE.get(name))
        if then != now:
            raise DataError(
                f"The run in “{run}” was begun with {name} {then}, not {now}: it can only go on as it began. "
                "Give the same settings and data, or name another --out."
            )
    return state["training"]


def write_metrics(run: Path, rows: list[dict[str, Any]]) -> None:
    """Replace ``run/metrics.jsonl`` by these rows, one JSON object a line."""
    write_whole(run / METRICS_FILE, "".join(json.dumps(row) + "\n" for row in rows).encode())
