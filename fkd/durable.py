"""Files that are whole after a crash: written beside their place, flushed to the disk, then put there in one step."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

__all__ = ["PART_PATTERN", "sync_folder", "write_all", "write_whole"]

# What a process that was killed in mid-write leaves behind; nothing reads it.
PART_PATTERN = ".*.part"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all, also to another process, after a kill or without power.

    Raises OSError; a file that was at `path` before is there still then.
    """
    part = path.absolute().with_name(f".{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_all(descriptor: int, payload: bytes) -> None:
    """Write all of the bytes, in several calls if need be. Raises OSError when some of them may be written already."""
    written = os.write(descriptor, payload)
    while written < len(payload):  # the disk is nearly full, or a signal came in between: the next call says which
        payload = payload[written:]
        written = os.write(descriptor, payload)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder as durable as the contents of its files; Windows has no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
