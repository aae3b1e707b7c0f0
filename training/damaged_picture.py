"""Whether a stored picture is whole: one that is not should cost its own face and no more."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from fkd.errors import ImageError
from fkd.image_store import content_name
from fkd.images import read_image

__all__ = ["is_damaged"]


def is_damaged(path: Path) -> bool:
    """Whether a picture that is there cannot be read, for all its length."""
    try:
        status = path.stat()
    except OSError:
        return True
    return _is_damaged(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=100_000)
def _is_damaged(path: Path, size_bytes: int, changed_ns: int) -> bool:
    try:
        # The store names a picture by its contents: that is told faster than a picture is decoded.
        if content_name(path.read_bytes()) == path.stem:
            return False
        read_image(path)
    except (ImageError, OSError):
        return True
    return False
