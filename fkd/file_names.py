"""Names of files that stand in other people's tables."""

from __future__ import annotations

from pathlib import Path

__all__ = ["is_file"]


def is_file(path: Path) -> bool:
    """Whether there is such a file; False as well for a name that no file can have, such as a picture's own bytes."""
    try:
        return path.is_file()
    except OSError:
        return False
