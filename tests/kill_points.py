"""A process that dies at its n-th touch of the disk, as if somebody had pulled the plug: for tests of what is left."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import torch._dynamo  # noqa: F401 (the first optimiser imports it, which takes longer than all the rest)

from fkd.registry import Registry
from training.config import FinetuneConfig
from training.finetune import FinetuneJob, finetune

__all__ = ["finetune_and_promote", "promote"]

_WATCHED = ("open", "os.mkdir", "os.rename", "os.remove", "os.truncate")


def die_at(point: int, folder: Path) -> Callable[[], int]:
    """Kill this process just before its touch number `point` of `folder`; returns what tells how many there were.

    A touch is the opening, making, renaming, removing or cutting short of a file, a flush, and a write, of which half
    is done. With point 0 it lives.
    """
    touches, inside = 0, str(folder)
    write, fsync = os.write, os.fsync

    def touched(before_death: Callable[[], object] = lambda: None) -> None:
        nonlocal touches
        touches += 1
        if touches == point:
            before_death()
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(event: str, arguments: tuple) -> None:
        if event in _WATCHED and str(arguments[0]).startswith(inside):
            touched()

    def half_write(descriptor: int, payload: bytes) -> int:
        touched(lambda: write(descriptor, payload[: len(payload) // 2]))
        return write(descriptor, payload)

    def watched_fsync(descriptor: int) -> None:
        touched()
        fsync(descriptor)

    os.write, os.fsync = half_write, watched_fsync
    sys.addaudithook(watch)
    return lambda: touches


def finetune_and_promote(folder: Path, point: int, count_to: Path | None = None) -> None:
    """Fine-tune from ``folder/corrections`` and promote the result, in ``folder/runs``; die at a point on the way."""
    touches = die_at(point, folder / "runs")
    registry = Registry(folder / "runs")
    serving = registry.serving("kaggle15").version
    job = FinetuneJob(registry.weights_of(serving), folder / "corrections", registry.folder, who="ada")
    version = finetune(job, FinetuneConfig(steps=2, batch_size=2, threads=1, device="cpu"))
    registry.promote(version.version, "ada", "whatever the gate says")
    if count_to is not None:
        count_to.write_text(str(touches()))


def promote(folder: Path, version: str, point: int) -> None:
    """Promote a version of ``folder/runs``; die at a point on the way."""
    die_at(point, folder / "runs")
    Registry(folder / "runs").promote(version, "ada")
