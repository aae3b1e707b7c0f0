"""Who works on what: a lease keeps a thing for one holder until it is released, or not renewed in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection

__all__ = ["LEASE_SECONDS", "Leases"]

LEASE_SECONDS = 600.0  # without activity; an annotator who went to lunch does not block the others for long


class Leases:
    """Leases of any number of things, for any number of threads of one process.

    Args:
        seconds: how long a lease lasts after it was taken or renewed.
        clock: seconds that only ever grow.
    """

    def __init__(self, seconds: float = LEASE_SECONDS, clock: Callable[[], float] = time.monotonic):
        self.seconds = seconds
        self._clock = clock
        self._held: dict[str, tuple[str, float]] = {}  # thing → holder, and when the lease ends
        self._lock = threading.Lock()

    def take(self, thing: str, holder: str) -> bool:
        """Lease the thing, or renew one's own lease of it; False if somebody else holds it."""
        with self._lock:
            if not self._is_free(thing, holder):
                return False
            self._held[thing] = (holder, self._clock() + self.seconds)
            return True

    def is_free(self, thing: str, holder: str) -> bool:
        """Whether `take` would succeed now."""
        with self._lock:
            return self._is_free(thing, holder)

    def hand_over(self, thing: str, giver: str, taker: str) -> None:
        """What the giver holds is the taker's from now on; what they do not hold stays as it is."""
        with self._lock:
            if thing in self._held and self._held[thing][0] == giver:
                self._held[thing] = (taker, self._clock() + self.seconds)

    def renew(self, holder: str) -> None:
        """The holder is at work: their leases start anew. What ran out is theirs again unless somebody took it."""
        with self._lock:
            for thing, (its_holder, _) in self._held.items():
                if its_holder == holder:
                    self._held[thing] = (holder, self._clock() + self.seconds)

    def release(self, holder: str, keep: Collection[str] = ()) -> None:
        """Give back everything that the holder has, except what is in `keep`."""
        with self._lock:
            gone = [thing for thing, (its_holder, _) in self._held.items() if its_holder == holder]
            for thing in gone:
                if thing not in keep:
                    del self._held[thing]

    def _is_free(self, thing: str, holder: str) -> bool:
        its_holder, ends = self._held.get(thing, (holder, 0.0))
        return its_holder == holder or ends <= self._clock()
