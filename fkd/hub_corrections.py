"""Corrections saved to a dataset repository on the Hub while the app runs, so that a container may vanish.

The local ``corrections.csv`` is the source. What this process finds there that the Hub does not have goes into a shard
of its own, ``corrections/<host>-<uuid>.csv``: as nobody else ever writes that file, two programs cannot lose each
other's rows. The Hub cannot append, so a shard is uploaded whole, and a new one begun when it has grown.
"""

from __future__ import annotations

import json
import logging
import random
import re
import signal
import socket
import threading
import time
import uuid
from itertools import islice
from pathlib import Path

from fkd.correction_file import CorrectionFile
from fkd.correction_rows import HEADER, decode_line, from_row, image_of, links_of
from fkd.corrections import Correction, Undo
from fkd.durable import write_whole
from fkd.errors import CorrectionsError, FkdError
from fkd.hub_client import check_repo_id, holds_token, tokens_in_use
from fkd.hub_commit import commit_rows
from fkd.hub_shards import PulledCorrections, pull_corrections, rows_on_hub

__all__ = ["CorrectionSync", "backoff_s"]

STATE_FILE = ".hub-sync.json"
_LOOK_S = 5.0
_SHARD_BYTES = 1_000_000
_ROWS_A_COMMIT = 200


class CorrectionSync:
    """Keeps the corrections in a folder and those in a dataset repository on the Hub the same.

    >>> with CorrectionSync("annotations", "ada/corrections") as sync:
    ...     serve_the_app()
    ...     print(sync.status())

    `start` (or the ``with`` block) brings what is on the Hub here and then pushes in the background: new rows when the
    oldest of them has waited for `interval_s`, or when there are `rows_at_once`. The end of the block pushes the rest;
    SIGTERM ends the block. If the Hub cannot be reached, rows wait and `status` says so. All methods may be called
    from any thread.

    Args:
        folder: with ``corrections.csv`` and ``images/``, as of :class:`~fkd.correction_store.CorrectionStore`.
        repo: the dataset repository, ``user/name``; made, private, with the first push.
        interval_s: how much work may be lost with the container.
        rows_at_once: push earlier, once so many rows wait.
    """

    def __init__(self, folder: str | Path, repo: str, interval_s: float = 180.0, *, rows_at_once: int = 50):
        self.folder, self.repo = Path(folder), check_repo_id(repo)
        self.interval_s, self.rows_at_once = interval_s, rows_at_once
        self._file = CorrectionFile(self.folder / "corrections.csv")
        self._stopping = threading.Event()
        self._before = None  # what SIGTERM did
        self._pushing = threading.Lock()  # one push at a time
        self._rows = threading.RLock()  # guards what follows
        self._on_hub: frozenset[str] | None = None  # ids there when this process began; None before they are known
        self._waiting: dict[str, int] = {}  # where they start by id, in the order of the file
        self._held_back: set[str] = set()
        self._waiting_since = 0.0
        self._seen: tuple[int, bytes] = self._seen_before()
        self._shard, self._shard_lines = _new_shard(), []
        self._pushed_at, self._problem, self._refused, self._notices = "", "", "", ()

    # -- what people see

    @property
    def pending(self) -> tuple[str, ...]:
        """Ids of the rows that are not on the Hub yet, oldest first."""
        with self._rows:
            self._look()
            return tuple(self._waiting)

    @property
    def waiting(self) -> list[Correction | Undo]:
        """These rows themselves: what a container that is killed now takes with it."""
        with self._rows:
            self._look()
            return [from_row(decode_line(self._file.line_at(at))) for at in self._waiting.values()]

    def status(self) -> str:
        """One sentence on how many rows are not on the Hub yet, and what stands in the way."""
        with self._rows:
            self._look()
            n, held = len(self._waiting), len(self._held_back)
            count = "1 correction is" if n == 1 else f"{n} corrections are"
            said = [f"{count} not on {self.repo} yet"]
            if not n:
                said = [f"All corrections are on {self.repo}" if self._on_hub is not None else "No correction waits"]
            if self._pushed_at:
                said.append(f"last pushed at {self._pushed_at} UTC")
            if held:
                said.append(f"{held} held back, because what looks like a Hub token is in them")
            more = (self._problem, self._refused, *self._notices)
            return " ".join([", ".join(said) + ".", *filter(None, more)])

    # -- what the app calls

    def __enter__(self) -> CorrectionSync:
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to pull and push in the background; returns at once. Called in the main thread, SIGTERM ends the
        program from now on as ``sys.exit`` does, so that ``with`` and ``finally`` have their turn."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, _exit)
        threading.Thread(target=self._run, name="fkd-hub-corrections", daemon=True).start()

    def stop(self, timeout_s: float = 20.0) -> str:
        """Push what waits, for `timeout_s` at most, and end; return the last status.

        Rows that are left behind are named in it, and in a warning in the log.
        """
        self._stopping.set()
        if self._before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._before)
        last = threading.Thread(target=self._push_quietly, name="fkd-hub-last-push", daemon=True)
        last.start()
        last.join(timeout_s)
        left, said = self.pending, self.status()
        if left:
            said += f" Not pushed: {', '.join(left)}."
            logging.getLogger("fkd").warning(said)
        return said

    def push_now(self) -> int:
        """Push the rows that wait; return how many there were.

        Raises:
            HubError: if the Hub cannot be reached or refuses; the rows wait on.
            CorrectionsError: if a corrections file, here or there, cannot be read.
        """
        with self._pushing:
            if self._on_hub is None:
                self._know(rows_on_hub(self.repo))
            pushed = 0
            while batch := self._next_batch():
                self._push(batch)
                pushed += len(batch)
            return pushed

    def pull(self) -> PulledCorrections:
        """Bring what is on the Hub here, see :func:`fkd.hub_shards.pull_corrections`."""
        pulled = pull_corrections(self.repo, self.folder)
        self._know(pulled.ids)
        with self._rows:
            self._notices = pulled.problems
        return pulled

    # -- in the background

    def _run(self) -> None:
        try:
            self._keep_up()
        finally:
            if not self._stopping.is_set():
                self._problem = "Pushing in the background has ended unexpectedly; restart the program to resume it."

    def _keep_up(self) -> None:
        failures, pulled, wait_s = 0, False, 0.0
        while not self._stopping.wait(wait_s):
            wait_s = min(_LOOK_S, self.interval_s)
            try:
                if not pulled:
                    self._pull_or_say_why_not()
                    pulled = True
                if self._is_due():
                    self.push_now()
                failures, self._problem = 0, ""
            except (FkdError, OSError) as error:
                failures += 1
                wait_s = backoff_s(failures, getattr(error, "retry_after_s", None))
                again = "" if self._stopping.is_set() else f" Next try in {wait_s:.0f} s."
                self._problem = f"{error}{again}"

    def _pull_or_say_why_not(self) -> None:
        try:
            self.pull()
        except CorrectionsError as error:  # something there or here is damaged: that must not keep rows from the Hub
            self._refused = f"What is on the Hub was not brought here: {error}"

    def _is_due(self) -> bool:
        with self._rows:
            n = len(self.pending)
            return n >= self.rows_at_once or (n > 0 and time.monotonic() - self._waiting_since >= self.interval_s)

    def _push_quietly(self) -> None:
        try:
            if self.pending:
                self.push_now()
                self._problem = ""
        except (FkdError, OSError) as error:
            self._problem = str(error)

    # -- rows

    def _look(self) -> None:
        """Take in the rows that were saved since the last look."""
        offset, line = self._seen
        if line and self._file.line_at(offset) != line:
            offset, line = 0, b""  # another file is there now: all of its rows may be new
        tokens: list[str] | None = None
        for at, row in self._file.forwards(offset):
            if line and at <= offset:
                continue
            self._seen = (at, row)
            row_id = links_of(row).id
            tokens = tokens_in_use() if tokens is None else tokens
            if holds_token(row, tokens):
                self._held_back.add(row_id)
            elif self._on_hub is None or row_id not in self._on_hub:
                self._waiting_since = self._waiting_since if self._waiting else time.monotonic()
                self._waiting[row_id] = at

    def _know(self, ids: frozenset[str]) -> None:
        """Start anew from what is on the Hub: it alone knows what earlier processes pushed."""
        with self._rows:
            self._on_hub, self._seen, self._waiting = (self._on_hub or frozenset()) | ids, (0, b""), {}
            self._look()

    def _next_batch(self) -> dict[str, bytes]:
        """The oldest lines that wait, by their ids."""
        with self._rows:
            self._look()
            first = islice(self._waiting.items(), _ROWS_A_COMMIT)
            return {row_id: self._file.line_at(offset) for row_id, offset in first}

    def _push(self, batch: dict[str, bytes]) -> None:
        if sum(map(len, self._shard_lines)) > _SHARD_BYTES:
            self._shard, self._shard_lines = _new_shard(), []
        lines = [*self._shard_lines, *batch.values()]
        content = HEADER + b"".join(line + b"\n" for line in lines)
        pictures = sorted({image_of(line).decode() for line in batch.values()})
        notices = commit_rows(self.repo, self._shard, content, self.folder, pictures)
        with self._rows:
            self._shard_lines, self._notices = lines, tuple(notices)
            self._on_hub |= set(batch)
            for row_id in batch:
                del self._waiting[row_id]
            self._pushed_at = time.strftime("%H:%M:%S", time.gmtime())
            self._waiting_since = time.monotonic()
            if not self._waiting:
                self._remember()

    # -- what outlives the process

    def _remember(self) -> None:
        """Note up to which row all are on the Hub, so that a start without the Hub can say which are not."""
        offset, line = self._seen
        state = {"repo": self.repo, "offset": offset, "id": links_of(line).id}
        try:
            write_whole(self.folder / STATE_FILE, json.dumps(state).encode())
        except OSError as error:
            self._notices += (f"{self.folder / STATE_FILE} cannot be written ({error.strerror}).",)

    def _seen_before(self) -> tuple[int, bytes]:
        try:
            state = json.loads((self.folder / STATE_FILE).read_bytes())
            line = self._file.line_at(int(state["offset"]))
            known = state["repo"] == self.repo and line and links_of(line).id == state["id"]
        except (OSError, ValueError, KeyError, TypeError, FkdError):
            return 0, b""  # nothing is known: all rows wait
        return (state["offset"], line) if known else (0, b"")


def backoff_s(failures: int, retry_after_s: float | None = None) -> float:
    """How long to wait after so many failures in a row: 5 s doubled each time up to 10 minutes, give or take half.

    Programs that failed together shall not come again together. What the Hub asks for counts if it is longer.
    """
    wait_s = min(600.0, 5.0 * 2 ** (failures - 1)) * random.uniform(0.5, 1.5)
    return max(wait_s, (retry_after_s or 0.0) * random.uniform(1.0, 1.2))


def _new_shard() -> str:
    host = re.sub("[^A-Za-z0-9-]", "-", socket.gethostname())[:40].strip("-") or "host"
    return f"corrections/{host}-{uuid.uuid4().hex}.csv"


def _exit(*_) -> None:
    raise SystemExit(128 + signal.SIGTERM)
