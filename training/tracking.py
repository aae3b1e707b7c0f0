"""A run's figures in Trackio (https://huggingface.co/docs/trackio), where a person asks for that and has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from fkd.errors import FkdError

__all__ = ["check_trackio", "tracked"]


def check_trackio() -> None:
    """Whether Trackio is installed; called before the faces are cut out, which takes a while.

    Raises:
        FkdError: if it is not.
    """
    if find_spec("trackio") is None:
        raise FkdError("Trackio is not installed. Install it (pip install trackio), or leave --track out.")


@contextmanager
def tracked(project: str, run: str, settings: dict[str, Any]) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Open a run in a project, on this machine; gives what logs one epoch's figures.

    A run of that name goes on.

    Args:
        settings: shown beside the run.
    """
    import trackio

    trackio.init(project=project, name=run, config=settings, resume="allow")
    try:
        yield lambda row: trackio.log({k: v for k, v in row.items() if v is not None}, step=row["epoch"])
    finally:
        trackio.finish()
