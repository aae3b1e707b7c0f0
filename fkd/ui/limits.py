"""How much a stranger may ask of the app: so much at once, and so much a minute after that."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["CLIPS", "LOGINS", "PASSWORDS", "PHOTOS", "SAVES", "STRANGERS", "UPLOADED_BYTES", "Allowance", "Limits"]

PHOTOS, CLIPS, SAVES = "photos", "clips", "saves"
LOGINS, PASSWORDS, UPLOADED_BYTES = "logins", "passwords", "uploaded bytes"


@dataclass(frozen=True)
class Allowance:
    """`at_once` to begin with, and `a_minute` more every minute, up to `at_once` again."""

    at_once: float
    a_minute: float


# An annotator at work opens a photo and saves its faces every ten seconds or so; nobody works at these rates for long.
STRANGERS = {
    PHOTOS: Allowance(20, 12),
    CLIPS: Allowance(3, 0.5),
    SAVES: Allowance(40, 30),
    LOGINS: Allowance(20, 6),  # annotators behind one address may begin work together
    PASSWORDS: Allowance(5, 1),
    UPLOADED_BYTES: Allowance(100e6, 50e6),
}


@dataclass
class _Account:
    left: float
    at_s: float


class Limits:
    """Counts what each client did, in memory: token buckets (https://en.wikipedia.org/wiki/Token_bucket).

    All methods may be called from any thread.

    Args:
        allowances: by what is counted.
        most_clients: so many are remembered; who did nothing for longest is forgotten first.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        allowances: Mapping[str, Allowance] = STRANGERS,
        most_clients: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._allowances, self._most_clients, self._clock = dict(allowances), most_clients, clock
        self._accounts: OrderedDict[tuple[str, str], _Account] = OrderedDict()
        self._lock = threading.Lock()

    def spend(self, client: str, what: str, amount: float = 1.0) -> float:
        """Count something that `client` is about to do.

        Returns:
            0 if they may, else in how many seconds they may; nothing is counted then. What is more than they are ever
            allowed at once counts as all that they are allowed.
        """
        allowance, now_s = self._allowances[what], self._clock()
        amount = min(amount, allowance.at_once)
        with self._lock:
            account = self._accounts.pop((client, what), None) or _Account(allowance.at_once, now_s)
            earned = (now_s - account.at_s) / 60.0 * allowance.a_minute
            account.left, account.at_s = min(allowance.at_once, account.left + earned), now_s
            self._accounts[client, what] = account
            while len(self._accounts) > self._most_clients:
                self._accounts.popitem(last=False)
            if account.left >= amount:
                account.left -= amount
                return 0.0
            return (amount - account.left) / allowance.a_minute * 60.0
