"""What became of every row of a corrections file, and where two people disagree."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

__all__ = ["Conflict", "MergeReport", "plural"]

_IDS_SHOWN = 3
_ID_CHARACTERS = 9  # as in the app's table


@dataclass(frozen=True)
class Conflict:
    """One face that two people corrected, neither of them on top of the other's row.

    Attributes:
        image: the picture, as rows name it.
        used, set_aside: ids of the newer row, which counts, and of the older one.
        used_by, set_aside_by: who saved them.
        distance_iod: mean distance between their points, over the points that at least one of them judged and both
            place, as a fraction of the distance between the outer eye corners; NaN if there is none.
    """

    image: str
    used: str
    set_aside: str
    used_by: str
    set_aside_by: str
    distance_iod: float


@dataclass(frozen=True)
class MergeReport:
    """What a merge did.

    Attributes:
        source: the corrections file.
        scheme: name of the scheme.
        rows: how many rows the file has; each is in exactly one of `training`, `held_out` and `skipped`.
        training: ids of the rows that train.
        held_out: ids of the rows that are measured on.
        skipped: ids of the rows that do neither, by the reason.
        points: how many points of the training rows train, by their state.
        conflicts: the faces that two people corrected.
        missing, damaged: the pictures that rows name and that are not there, or cannot be read.
        base: how many base faces there were.
        replaced: how many of them gave way to a correction of the same face.
    """

    source: str
    scheme: str
    rows: int
    training: tuple[str, ...]
    held_out: tuple[str, ...]
    skipped: dict[str, tuple[str, ...]]
    points: dict[str, int]
    conflicts: tuple[Conflict, ...]
    missing: tuple[str, ...]
    base: int
    replaced: int
    damaged: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """The report for people, a sentence a line."""
        used, left_out = len(self.training) + len(self.held_out), sum(map(len, self.skipped.values()))
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.points.items()))
        lines = [
            f"{plural(self.rows, 'row')} in “{self.source}”: {used} used for {self.scheme}, {left_out} left out.",
            f"{plural(len(self.training), 'corrected face')} to learn from with "
            f"{plural(sum(self.points.values()), 'point')}{f' ({states})' if states else ''}, "
            f"{len(self.held_out)} held out to measure on.",
        ]
        for reason, ids in self.skipped.items():
            lines.append(f"Left out, {reason}: {plural(len(ids), 'row')} ({shortened(ids)}).")
        if self.missing:
            lines.append(f"Missing pictures: {shortened(self.missing, characters=200)}.")
        if self.damaged:
            lines.append(f"Damaged pictures: {shortened(self.damaged, characters=200)}.")
        lines += self._disagreements()
        if self.base:
            replaced = f"; {self.replaced} gave way to corrections of the same faces" if self.replaced else ""
            lines.append(f"{plural(self.base, 'base face')}{replaced}.")
        return lines

    def as_json(self) -> dict:
        """The report as plain values for `json.dumps`; a distance that is not known is None."""
        values = asdict(self)
        for conflict in values["conflicts"]:
            if math.isnan(conflict["distance_iod"]):
                conflict["distance_iod"] = None
        return values

    def _disagreements(self) -> list[str]:
        by_people: dict[tuple[str, ...], list[Conflict]] = defaultdict(list)
        for conflict in self.conflicts:
            by_people[tuple(sorted((conflict.used_by, conflict.set_aside_by)))].append(conflict)
        return [disagreement(people, conflicts) for people, conflicts in sorted(by_people.items())]


def disagreement(people: Sequence[str], conflicts: Sequence[Conflict]) -> str:
    names = " and ".join(name or "somebody without a name" for name in people)
    both = f"{names} both corrected {plural(len(conflicts), 'face')}, and the newer row counts"
    known = [conflict for conflict in conflicts if not math.isnan(conflict.distance_iod)]
    if not known:
        return f"{both}; how far apart their points are is not known."
    worst = max(known, key=lambda conflict: conflict.distance_iod)
    middle = median(conflict.distance_iod for conflict in known)
    return (
        f"{both}; their points are {middle:.1%} of the distance between the outer eye corners apart (median), "
        f"{worst.distance_iod:.1%} at worst, in {worst.image} ({shortened((worst.used, worst.set_aside))})."
    )


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def shortened(names: Sequence[str], characters: int = _ID_CHARACTERS) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(name[:characters] for name in names[:_IDS_SHOWN])
    return shown if len(names) <= _IDS_SHOWN else f"{shown} and {len(names) - _IDS_SHOWN} more"
