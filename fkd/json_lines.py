"""A file of JSON objects, one a line, that is only ever appended to: a line is whole or it does not count."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock, Timeout

from fkd.durable import sync_folder, write_all, write_whole
from fkd.errors import RegistryError

__all__ = ["JsonLines"]

_LOCK_SECONDS = 30


class JsonLines:
    """The lines of one file, for any number of threads and processes.

    ``notices`` collects sentences about what was found and mended on the way (an incomplete last line).
    """

    def __init__(self, path: Path):
        self.path = path
        self.notices: list[str] = []
        self._lock = FileLock(f"{path}.lock")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all other writers out meanwhile; a thread that holds the lock may take it again.

        Raises:
            RegistryError: if the folder cannot be written to, or another process does not let go.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=_LOCK_SECONDS, poll_interval=0.01)
        except Timeout as error:
            raise RegistryError(
                f"Another process has held {self._lock.lock_file} for {_LOCK_SECONDS} seconds. Close it and try again."
            ) from error
        except OSError as error:
            raise RegistryError(f"{self.path.parent} cannot be written to ({error.strerror or error}).") from error
        try:
            yield
        finally:
            self._lock.release()

    def append(self, row: dict) -> None:
        """Append one line and return once it is on the disk; if it raises, the file is as it was before.

        Raises:
            RegistryError: if it cannot be written.
        """
        line = json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        with self.locked():
            try:
                self._append(line)
            except OSError as error:
                raise RegistryError(
                    f"{self.path} could not be written ({error.strerror or error}). Mend that, then try again."
                ) from error

    def read(self) -> list[dict]:
        """Every whole line, oldest first; a file that is not there has none.

        Raises:
            RegistryError: if the file cannot be read, or a line other than the last is no JSON object.
        """
        try:
            *lines, last = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RegistryError(f"{self.path} cannot be read ({error.strerror or error}).") from error
        rows = []
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            row = _decoded(line)
            if row is None:
                raise RegistryError(f"{self.path}, line {number}: this is no JSON object. Mend or remove the line.")
            rows.append(row)
        row = _decoded(last)
        if row is not None:
            rows.append(row)
        elif last:
            self._notice(f"The last line of {self.path.name} is incomplete and was left out: a write was cut off.")
        return rows

    def _append(self, line: bytes) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        descriptor = os.open(self.path, flags, 0o666)
        try:
            size = self._mend_end(descriptor)
            try:
                write_all(descriptor, line)
                os.fsync(descriptor)
                if size == 0:
                    sync_folder(self.path.parent)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)

    def _mend_end(self, descriptor: int) -> int:
        """Leave the file empty or ending with a whole line, and return its size; the lock is held."""
        content = self.path.read_bytes()
        last = content.rpartition(b"\n")[2]
        if not last:
            return len(content)
        if _decoded(last) is not None:  # the process died just before the line feed
            write_all(descriptor, b"\n")
            return len(content) + 1
        time = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%fZ")
        aside = self.path.with_name(f"{self.path.name}.torn-{time}")
        write_whole(aside, last)
        os.ftruncate(descriptor, len(content) - len(last))
        self._notice(f"The last line of {self.path.name} was incomplete; it was moved to {aside.name}.")
        return len(content) - len(last)

    def _notice(self, sentence: str) -> None:
        if sentence not in self.notices:
            self.notices.append(sentence)


def _decoded(line: bytes) -> dict | None:
    """The object that a line holds, or None. A line that was cut short lacks its last brace and is none."""
    try:
        row = json.loads(line)
    except ValueError:  # UnicodeDecodeError is one
        return None
    return row if isinstance(row, dict) else None
