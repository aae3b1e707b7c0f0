"""Work that waits for a moment when nobody does: one thread, one job at a time, interactive work first."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

__all__ = ["BackgroundJobs"]


class BackgroundJobs:
    """Jobs done one after the other in a thread of their own, which is there while there are jobs.

    Between two jobs the thread waits until no interactive work is going on: who asks for something meanwhile shares
    the machine with one job at most.

    Args:
        do: does a job. What it raises is a defect: it is logged, and the next job has its turn.
    """

    def __init__(self, do: Callable[[Hashable], None]):
        self._do = do
        self._jobs: deque[Hashable] = deque()
        self._known: set[Hashable] = set()
        self._interactive = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, job: Hashable) -> None:
        """Do `job` when its turn comes; a job that waits already is not added twice."""
        with self._changed:
            if self._closed:
                return
            if job not in self._known:
                self._known.add(job)
                self._jobs.append(job)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="fkd-queue", daemon=True)
                self._thread.start()

    @contextmanager
    def interactive(self) -> Iterator[None]:
        """Somebody waits for what is done in here: no further job is begun meanwhile."""
        with self._changed:
            self._interactive += 1
        try:
            yield
        finally:
            with self._changed:
                self._interactive -= 1
                self._changed.notify_all()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until every job is done; False if that took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._known, timeout_s)

    def close(self) -> None:
        """Forget the jobs that were not begun, and wait for the one that was."""
        with self._changed:
            self._closed = True
            self._known.difference_update(self._jobs)
            self._jobs.clear()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._interactive == 0 or self._closed)
                if not self._jobs:
                    self._thread = None
                    return
                job = self._jobs.popleft()
            try:
                self._do(job)
            except Exception:  # whatever is wrong with one job, the others behind it must not wait for ever
                logging.getLogger("fkd").exception("The job %r in the background failed.", job)
            finally:
                with self._changed:
                    self._known.discard(job)
                    self._changed.notify_all()
