"""The folder that a training writes to."""

from __future__ import annotations

import os
from pathlib import Path

from fkd.errors import DataError

__all__ = ["make_run_folder"]


def make_run_folder(out: Path) -> None:
    """Make the folder `out` before the training: that it cannot be written should not come out after it.

    Raises:
        DataError: if it cannot be made or written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"The folder “{out}” cannot be made: {error.strerror}. Name another one with --out.") from error
    if not os.access(out, os.W_OK):
        raise DataError(f"The folder “{out}” cannot be written to. Name another one with --out.")
