"""Arguments that several subcommands share."""

from __future__ import annotations

import argparse
import getpass
import math
from collections.abc import Callable
from pathlib import Path

from fkd.errors import DataError
from training.commands.values import natural, text
from training.config import FinetuneConfig, TrainConfig

__all__ = ["add_common", "add_measured", "add_registry", "add_who", "progress", "split_weight", "stage_bars"]


def add_common(parser: argparse.ArgumentParser, defaults: TrainConfig | FinetuneConfig) -> None:
    parser.add_argument(
        "--seed", type=natural, default=defaults.seed, help="of everything random (default: %(default)s)"
    )
    parser.add_argument("--threads", type=natural, default=0, help="CPU threads, 0 for all (default: all)")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"], help="where to compute")


def add_measured(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Which faces to measure on, and how they are cropped."""
    parser.add_argument(
        "--data", nargs="+", required=required, default=[], metavar="PATH",
        help="labelled faces or corrections, as for train, but without weights",
    )  # fmt: skip
    parser.add_argument(
        "--boxes", choices=["labels", "detector"], default="labels",
        help="crop from the labelled points (as papers do) or find the face first (as the app does)",
    )  # fmt: skip
    parser.add_argument("--held-out", action="store_true", help="only the tenth that train holds out")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"], help="where to compute")


def add_registry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="DIR",
        help="folder with the registry of versions, as for app.py (default: %(default)s)",
    )  # fmt: skip


def add_who(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--who", type=text, metavar="NAME", default=user_name(), help="for the record (default: %(default)s)"
    )


def user_name() -> str:
    """Who the operating system says is at the keyboard; "unknown" where it knows nobody (some containers)."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return "unknown"


def split_weight(text: str) -> tuple[str, float]:
    """``PATH:2`` → path and weight; what exists by that name, or has no number behind a colon, has weight 1.

    Raises:
        DataError: if the weight is not a finite number above 0.
    """
    path, _, number = text.rpartition(":")
    if not path or Path(text).exists():
        return text, 1.0
    try:
        weight = float(number)
    except ValueError:
        return text, 1.0
    if not 0.0 < weight < math.inf:
        raise DataError(f"“{text}” cannot have the weight {number}: give a number above 0 behind the colon, or none.")
    return path, weight


def progress(items, label: str):
    from tqdm import tqdm

    return tqdm(items, desc=label, unit="", leave=False, disable=None)


def stage_bars() -> Callable[[str, int, int], None]:
    """What draws the progress of stages, given as (stage, step, steps): one bar a stage."""
    from tqdm import tqdm

    bars: dict[str, tqdm] = {}

    def watch(stage: str, step: int, steps: int) -> None:
        if stage not in bars:
            bars[stage] = tqdm(total=steps, desc=stage, unit="", leave=False, disable=None)
        bars[stage].update(step - bars[stage].n)
        if step == steps:
            bars[stage].close()

    return watch
