"""Labels that come as files or zips, as a browser sends them: unpacked, and found among the pictures."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from fkd.errors import DataError
from fkd.photo_files import MAX_TOTAL_BYTES, ZIP_ERRORS, leads_out

__all__ = ["labels_in", "unpacked"]

_CHUNK_BYTES = 1024**2


def unpacked(paths: Iterable[Path], folder: Path, max_bytes: int = MAX_TOTAL_BYTES) -> None:
    """Copy files into a folder, and what zips hold, as it lies in them.

    Nothing in a zip is trusted: names that lead out of it are refused, and the bytes that come out are counted.

    Args:
        max_bytes: of all copies together.

    Raises:
        DataError: if a zip cannot be unpacked, leads out of itself, or there is too much; or for want of room.
    """
    left = max_bytes
    try:
        for path in paths:
            if path.suffix.lower() == ".zip":
                left = _unzipped(path, folder, left)
            else:
                left -= path.stat().st_size
                _check_room(left, path)
                shutil.copyfile(path, folder / path.name)
    except OSError as error:
        raise DataError(f"The files cannot be unpacked ({error.strerror or error}). Make room on the disk.") from error


def _unzipped(path: Path, folder: Path, left: int) -> int:
    """Unpack a zip; returns how many bytes are left."""
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                inner = PurePosixPath(entry.filename.replace("\\", "/"))
                if leads_out(inner):
                    raise DataError(f"“{path.name}”: {entry.filename[:100]} leads out of the zip. Pack it anew.")
                if entry.is_dir() or "__MACOSX" in inner.parts:
                    continue
                target = folder / inner
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as stream, target.open("wb") as copy:
                    while chunk := stream.read(_CHUNK_BYTES):
                        left -= len(chunk)
                        _check_room(left, path)
                        copy.write(chunk)
    except ZIP_ERRORS as error:
        raise DataError(f"“{path.name}” cannot be unpacked ({error}). Pack it anew, without a password.") from error
    return left


def _check_room(left: int, path: Path) -> None:
    if left < 0:
        raise DataError(f"“{path.name}” is too large. Import fewer pictures at a time, or use python -m fkd import.")


def labels_in(folder: Path, pattern: str) -> Path:
    """What a format's `read` takes, among files that somebody added.

    Args:
        pattern: what the format calls its labels; with a star, there are many of them, and `read` takes the folder.

    Raises:
        DataError: if there is no such file, nor one other of that kind.
    """
    if "*" in pattern:
        return folder
    for wanted in (pattern, f"*{Path(pattern).suffix}"):
        found = sorted(folder.rglob(wanted))
        if len(found) == 1:
            return found[0]
    raise DataError(f"There is no {pattern} among these files. Add it together with its pictures, or a zip of both.")
