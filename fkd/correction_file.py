"""``corrections.csv`` as a file of lines that is only ever appended to, by any number of processes.

A line is written under a lock and flushed to the disk before it is acknowledged. What a dying process left half
written is moved aside and reported: never glued to the next line, and never thrown away.
:mod:`fkd.correction_store` knows what the lines mean.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from fkd.correction_rows import HEADER, check_header, decode_line, from_row
from fkd.durable import sync_folder, write_all, write_whole
from fkd.errors import CorrectionsError

__all__ = ["CorrectionFile"]

_LOCK_SECONDS = 30
_POLL_SECONDS = 0.05  # fifty processes that ask more often keep a core busy with asking
_BLOCK_BYTES = 64 * 1024
_BUFFER_BYTES = 64 * 1024
_LONG_READ_BYTES = 1024 * 1024  # reads a file to its end a third faster
_HEADER_BYTES = 4096  # ours is far shorter; a file without line ends is not read to its end to find that out


class _CannotWriteError(CorrectionsError):
    """The operating system refuses."""


class CorrectionFile:
    """The lines of one ``corrections.csv``; the header is written with the first line and checked ever after.

    ``notices`` collects sentences about what was found and mended on the way (an incomplete last line). Every method
    raises CorrectionsError if the file is not a corrections file or the operating system refuses.
    """

    def __init__(self, path: Path):
        self.path = path
        self.notices: list[str] = []
        self._lock = FileLock(f"{path}.lock")
        # Threads queue up here, so that only one of them at a time asks for the lock of the file again and again.
        self._queue = threading.RLock()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all other writers out meanwhile; a thread that holds the lock may take it again."""
        self._wait_for(lambda: self._queue.acquire(timeout=_LOCK_SECONDS), "another save")
        try:
            self._wait_for(self._lock_file, "another process")
            try:
                yield
            finally:
                self._lock.release()
        finally:
            self._queue.release()

    def mend(self) -> None:
        """Move an incomplete last line aside and say so in ``notices``; a file that is not there stays so.

        Where nothing can be written, that is said in ``notices``: whoever reads is not in need of it.
        """
        if self.path.exists():
            try:
                with self.locked(), self._open_to_append() as descriptor:
                    self._mend_end(descriptor)
            except _CannotWriteError as error:
                refused = str(error).removeprefix("Nothing was saved: ")
                self._notice(f"{refused} What is there can be read, but no face can be saved until that is mended.")

    def append(self, line: bytes) -> None:
        """Append one line, given with its line feed, and return once it is on the disk.

        The time it takes does not grow with the file. If it raises CorrectionsError, the file is as it was before.
        """
        with self.locked(), self._open_to_append() as descriptor:
            size = self._mend_end(descriptor)
            try:
                write_all(descriptor, line if size else HEADER + line)
                os.fsync(descriptor)
                if size == 0:
                    sync_folder(self.path.parent)
            except OSError as error:
                os.ftruncate(descriptor, size)
                reason = error.strerror or error
                raise CorrectionsError(
                    f"Nothing was saved: {self.path} could not be written ({reason}). Mend that, then save again."
                ) from error

    def forwards(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """Yield (offset, line) from the first row to the last, without line ends, blank lines or a torn last line.

        With ``start``, from the line that starts at that offset.
        """
        with self._open_to_read(_LONG_READ_BYTES) as file:
            offset = file.seek(max(start, file.tell()))
            for line in file:
                if not line.isspace() and (line.endswith(b"\n") or self._is_whole(line)):
                    yield offset, line.rstrip(b"\r\n")
                offset += len(line)

    def backwards(self) -> Iterator[tuple[int, bytes]]:
        """Yield what :meth:`forwards` does from the last row to the first, reading no more than is asked for."""
        with self._open_to_read() as file:
            first = file.tell()
            size = file.seek(0, os.SEEK_END)
            for offset, line in _split_backwards(file, size):
                if offset < first:
                    return
                if line.strip() and (offset + len(line) < size or self._is_whole(line)):
                    yield offset, line.rstrip(b"\r\n")

    def at_line(self, offset: int, error: CorrectionsError) -> CorrectionsError:
        """Return the error with the path and the number of the line at the offset in front of it."""
        with self.path.open("rb") as file:  # counting is slow on a long file, and done for an error only
            number = 1 + sum(block.count(b"\n") for block in _blocks(file, offset))
        return CorrectionsError(f"{self.path}, line {number}: {error}")

    def line_at(self, offset: int) -> bytes:
        """Return the line that starts at the offset, without its line end; empty if none starts there."""
        with self._open_to_read() as file:
            file.seek(max(0, offset - 1))
            before, line = file.read(1), file.readline()
            return line.rstrip(b"\r\n") if before == b"\n" else b""

    def _wait_for(self, attempt: Callable[[], bool], holder: str) -> None:
        size = self._size()
        while not attempt():
            # Where others saved meanwhile there is a crowd, and its turn comes; else somebody is stuck.
            before, size = size, self._size()
            if size == before:
                raise CorrectionsError(
                    f"Nothing was saved: {holder} has held {self._lock.lock_file} for {_LOCK_SECONDS} seconds. "
                    "Close it, then save again."
                )

    def _lock_file(self) -> bool:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=_LOCK_SECONDS, poll_interval=_POLL_SECONDS)
        except Timeout:
            return False
        except OSError as error:
            reason = error.strerror or error
            raise _CannotWriteError(
                f"Nothing was saved: {self.path.parent} cannot be written to ({reason})."
            ) from error
        return True

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @contextmanager
    def _open_to_append(self) -> Iterator[int]:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(self.path, flags, 0o666)
            try:
                yield descriptor
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _CannotWriteError(f"{self.path} cannot be written ({error.strerror or error}).") from error

    @contextmanager
    def _open_to_read(self, buffer_bytes: int = _BUFFER_BYTES) -> Iterator[BinaryIO]:
        """Open the file, check its header and stand behind it; a file that is not there reads as an empty one."""
        try:
            with self.path.open("rb", buffer_bytes) if self.path.exists() else io.BytesIO() as file:
                head = file.readline(_HEADER_BYTES)
                if not _is_torn_header(head):
                    self._check_header(head)
                yield file
        except OSError as error:
            raise CorrectionsError(f"{self.path} cannot be read ({error.strerror or error}).") from error

    def _check_header(self, head: bytes) -> None:
        try:
            check_header(head)
        except CorrectionsError as error:
            raise CorrectionsError(f"{self.path} is not a corrections file that this fkd reads. {error}") from error

    def _mend_end(self, descriptor: int) -> int:
        """Leave the file empty or ending with a whole line, and return its size; the lock is held."""
        size = os.fstat(descriptor).st_size
        head = _read_at(descriptor, 0, min(size, _HEADER_BYTES))
        if _is_torn_header(head):
            return self._move_aside(descriptor, 0, head) if head else 0
        self._check_header(head.split(b"\n")[0])
        if _read_at(descriptor, size - 1, 1) == b"\n":
            return size
        with os.fdopen(os.dup(descriptor), "rb") as file:
            start, line = next(_split_backwards(file, size))
        if _is_row(line):  # an editor that leaves out the last line feed, or a process that died just before it
            write_all(descriptor, b"\n")
            return size + 1
        return self._move_aside(descriptor, start, line)

    def _move_aside(self, descriptor: int, start: int, torn: bytes) -> int:
        time = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%fZ")
        aside = self.path.with_name(f"{self.path.name}.torn-{time}")
        write_whole(aside, torn)
        os.ftruncate(descriptor, start)
        self._notice(
            f"The last line of {self.path.name} was incomplete, because a save was cut off before it was confirmed; "
            f"it was moved to {aside.name}."
        )
        return start

    def _is_whole(self, line: bytes) -> bool:
        whole = _is_row(line)
        if not whole:
            self._notice(
                f"The last line of {self.path.name} is incomplete and was left out: a save was cut off or is under way."
            )
        return whole

    def _notice(self, sentence: str) -> None:
        if sentence not in self.notices:
            self.notices.append(sentence)


def _is_torn_header(head: bytes) -> bool:
    return len(head) < len(HEADER) and HEADER.startswith(head)


def _is_row(line: bytes) -> bool:
    # The last cell is a word of a closed list, so a row that was cut short anywhere cannot pass for a whole one.
    try:
        from_row(decode_line(line))
    except CorrectionsError:
        return False
    return True


def _split_backwards(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, line without its line feed) from ``end`` to the start, reading block by block."""
    rest = b""
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        file.seek(start)
        head, *lines = (file.read(end - start) + rest).split(b"\n")
        offset = end + len(rest)
        for line in reversed(lines):
            offset -= len(line)
            yield offset, line
            offset -= 1
        end, rest = start, head
    yield 0, rest


def _blocks(file: BinaryIO, end: int) -> Iterator[bytes]:
    while (rest := end - file.tell()) > 0:
        yield file.read(min(rest, _BLOCK_BYTES))


def _read_at(descriptor: int, offset: int, count: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, count)
