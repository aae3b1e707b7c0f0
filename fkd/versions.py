"""Versions of weights: what was made from what, how well it does, and what became of it since."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone

from fkd.errors import RegistryError

__all__ = [
    "CANCELLED",
    "FROZEN",
    "HELD_OUT",
    "LEARNT",
    "OVERRIDDEN",
    "PROMOTED",
    "REFUSED",
    "ROLLED_BACK",
    "UNLABELLED",
    "Event",
    "Measured",
    "Serving",
    "Version",
    "one_line",
    "utc_now",
    "version_of_row",
]

# What was measured: faces that no version ever learns from, corrections held out of this fine-tune, and the corrections
# that it learnt from (no proof of anything, but all there is after the first few faces). Where there is no frozen test,
# faces without labels stand in for it: the old weights' points are taken for their labels, so the error before is 0 and
# the one after says how far the points moved.
FROZEN, HELD_OUT, LEARNT = "frozen test", "held-out corrections", "corrections learnt from"
UNLABELLED = "faces without labels"
# What becomes of a version beside being registered. The first two put it on the pile of what serves, the third takes
# others off it.
PROMOTED, OVERRIDDEN, ROLLED_BACK, REFUSED, CANCELLED = "promoted", "overridden", "rolled_back", "refused", "cancelled"


def utc_now() -> str:
    """The time as the registry writes it: ``2026-01-31T12:00:00Z``."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Mean errors of the old and the new weights on the same faces, as shares of the distance between the eyes.

    Attributes:
        what: `FROZEN`, `HELD_OUT`, `LEARNT` or `UNLABELLED`.
        faces_id: changes with the faces and their labels: errors with the same one can be compared.
        n: how many faces.
        before, after: the mean errors.
        low, high: 95 % interval of the mean of after less before; None where there are too few photos for one.
    """

    what: str
    faces_id: str
    n: int
    before: float
    after: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Version:
    """Fine-tuned weights.

    Attributes:
        version, scheme: as in their ``config.json``.
        parent: the version that they were tuned from.
        folder: where they are, relative to the registry's folder, or absolute.
        sha256: of their ``model.safetensors``.
        corrections: ids of the rows that they learnt from.
        measured: what was measured.
        decision: the gate's: ``passed``, ``refused`` or, where it cannot tell, ``undecided``.
        reasons: its sentences.
        who, time_utc: who made them, and when.
    """

    version: str
    scheme: str
    parent: str
    folder: str
    sha256: str
    corrections: tuple[str, ...] = ()
    measured: tuple[Measured, ...] = ()
    decision: str = "undecided"
    reasons: tuple[str, ...] = ()
    who: str = ""
    time_utc: str = field(default_factory=utc_now)

    def on(self, what: str) -> Measured | None:
        """What was measured on `what`, if it was."""
        return next((one for one in self.measured if one.what == what), None)


@dataclass(frozen=True, kw_only=True)
class Event:
    """What became of a version: ``promoted``, ``overridden`` (against the gate), ``refused``, ``rolled_back`` (to it;
    "" is the weights that the app brings along) or ``cancelled`` (before it was whole)."""

    event: str
    version: str
    scheme: str
    who: str = ""
    reason: str = ""
    time_utc: str = field(default_factory=utc_now)


@dataclass(frozen=True)
class Serving:
    """What serves a scheme.

    Attributes:
        version: None for the weights that the app brings along.
        problems: a sentence for each promoted version that was passed over because its weights are damaged.
        changes: how many promotions and roll backs there have been; grows with each.
    """

    version: Version | None
    problems: tuple[str, ...]
    changes: int


def version_of_row(row: dict) -> Version:
    """A version from what ``dataclasses.asdict`` made of it and JSON of that; raises KeyError or TypeError."""
    measured = tuple(Measured(**one) for one in row["measured"])
    lists = {name: tuple(row[name]) for name in ("corrections", "reasons")}
    return Version(**(row | lists | {"measured": measured}))


def one_line(text: str) -> str:
    """A name or a reason that a person gave, as tables have room for it: every run of white space is one space.

    Raises:
        RegistryError: if it holds bytes that are no UTF-8, as a command line may.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RegistryError(f"{text!r} is no text that can be kept: write it in UTF-8.") from error
    return " ".join(text.split())
