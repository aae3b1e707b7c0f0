"""Is a difference between two sets of weights more than the luck of which faces they were measured on?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["FEWEST_GROUPS", "Difference", "paired_bootstrap"]

RESAMPLES = 2000
COVERAGE = 0.95
# The ends of the interval of two groups are what these two say by themselves, and three or four agree by luck more
# often than one time in twenty.
FEWEST_GROUPS = 5


@dataclass(frozen=True)
class Difference:
    """How far a figure moved from before to after, and the 95 % interval of that.

    Attributes:
        difference: after minus before, in the figure's own unit.
        low, high: ends of the interval; minus and plus infinity where the faces are of fewer than `FEWEST_GROUPS`
            groups, which say too little about others.
    """

    difference: float
    low: float
    high: float

    @property
    def is_noise(self) -> bool:
        """Whether the interval holds zero, so that the faces do not tell which of the two is better."""
        return self.low <= 0.0 <= self.high


def paired_bootstrap(
    before: np.ndarray,
    after: np.ndarray,
    groups: Sequence[str],
    seed: int = 0,
    statistic: Callable[[np.ndarray], float] | None = None,
) -> Difference:
    """The change of a figure over the same faces, with the percentile interval of 2,000 resamples.

    Whole groups are drawn, with replacement, so that the frames of one person or the faces of one photo stay together:
    they err alike, and drawing them one by one would make the interval too narrow (the cluster bootstrap: Davison and
    Hinkley 1997, *Bootstrap Methods and their Application*, section 3.8; for paired systems, Koehn 2004,
    https://aclanthology.org/W04-3250/). With less than some twenty groups the interval is still too narrow by a bit.

    Args:
        before, after: (N,) finite, the faces in one order; or (N, …), rows that `statistic` takes.
        groups: (N,) name of each face's group.
        statistic: from rows to the figure; the mean if left out.

    Raises:
        ValueError: if there are no faces, or not as many of each.
    """
    if not len(before) or not len(before) == len(after) == len(groups):
        raise ValueError(f"{len(before)} faces before, {len(after)} after, {len(groups)} groups: they must be as many")
    _, group = np.unique(np.asarray(groups), return_inverse=True)  # (N,) index of each face's group
    size = np.bincount(group)  # (G,)
    drawn = np.random.default_rng(seed).integers(len(size), size=(RESAMPLES, len(size)))
    if statistic is None:
        gain = np.bincount(group, weights=np.asarray(after, float) - before)  # (G,) sums over the faces of each
        difference, moved = gain.sum() / size.sum(), gain[drawn].sum(axis=1) / size[drawn].sum(axis=1)
    else:
        members = np.split(np.argsort(group, kind="stable"), np.cumsum(size)[:-1])
        resamples = (np.concatenate([members[g] for g in groups_drawn]) for groups_drawn in drawn)
        difference = statistic(after) - statistic(before)
        moved = [statistic(after[rows]) - statistic(before[rows]) for rows in resamples]
    if len(size) < FEWEST_GROUPS:
        return Difference(float(difference), -np.inf, np.inf)
    # A resample of few groups may have no figure, as a correlation of faces that are all the same.
    low, high = np.nanquantile(moved, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Difference(float(difference), float(low), float(high))
