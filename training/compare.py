"""Two sets of weights on the same faces: which one is better, and whether that can be told at all."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fkd.metrics import mean_of_labelled, offset_free_nme, rank_correlation
from training.bootstrap import Difference, paired_bootstrap
from training.evaluate import Evaluation
from training.summary import FAILURE

__all__ = ["Measure", "compare"]


@dataclass(frozen=True)
class Measure:
    """One figure of both weights.

    Attributes:
        name: as :func:`training.summary.summary` calls it.
        first, second: the figure of each.
        change: second minus first, and its 95 % interval.
        low_is_good: whether less of it is better.
    """

    name: str
    first: float
    second: float
    change: Difference
    low_is_good: bool = True

    @property
    def winner(self) -> str:
        """``first``, ``second``, or ``neither`` where the difference is within noise."""
        if self.change.is_noise:
            return "neither"
        return "second" if (self.change.difference < 0) == self.low_is_good else "first"

    def as_json(self) -> dict[str, float | str | None]:
        """Plain JSON types; an end of the interval that is infinite is None."""
        low, high = (value if math.isfinite(value) else None for value in (self.change.low, self.change.high))
        figures = {"first": self.first, "second": self.second, "difference": self.change.difference}
        return figures | {"low": low, "high": high, "winner": self.winner}


def compare(first: Evaluation, second: Evaluation, seed: int = 0) -> list[Measure]:
    """Every figure that both have, the one that decides first: the NME, or the RMSE where no eye distance is known.

    Args:
        first, second: of the same faces in the same order.
        seed: of the resamples, see :func:`training.bootstrap.paired_bootstrap`.
    """
    groups = np.array(first.groups)
    measures = []

    def measure(name: str, rows: list[np.ndarray], statistic: Callable | None = None, low_is_good: bool = True) -> None:
        kept = np.all([np.isfinite(row.reshape(len(row), -1)).any(axis=1) for row in rows], axis=0)
        if not kept.any():
            return
        before, after = (row[kept] for row in rows)
        figures = [float((statistic or np.mean)(row)) for row in (before, after)]
        if np.isfinite(figures).all():
            change = paired_bootstrap(before, after, groups[kept], seed, statistic)
            measures.append(Measure(name, *figures, change, low_is_good))

    both = (first, second)
    nme = [each.nme for each in both]
    measure("nme_iod", nme)
    measure("rmse_px", [((each.predicted_xy - each.labelled_xy) ** 2).reshape(len(each), -1) for each in both], _root)
    measure("median", nme, np.median)
    measure("auc_10", [_where_known(row, np.clip(1 - row / 0.10, 0, 1)) for row in nme], low_is_good=False)
    for name, threshold in (("failure_8", FAILURE), ("failure_10", 0.10)):
        measure(name, [_where_known(row, row > threshold) for row in nme])
    measure("nme_offset_free", [_offset_free(each) for each in both])
    if any(each.missed.any() for each in both):
        measure("missed_rate", [each.missed.astype(float) for each in both])
    measure("uncertainty_spearman", [_uncertainty_and_error(each) for each in both], _correlation, low_is_good=False)
    shares = [each.shares for each in both]
    for region, points in first.scheme.regions.items():
        measure(region, [mean_of_labelled(each[:, list(points)]) for each in shares])
    return measures


def _where_known(nme: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(nme), values, np.nan)


def _root(squares: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(squares)))


def _offset_free(evaluation: Evaluation) -> np.ndarray:
    free = offset_free_nme(evaluation.predicted_xy, evaluation.labelled_xy, evaluation.scheme, evaluation.groups)
    return np.where(evaluation.missed, evaluation.nme, free)


def _uncertainty_and_error(evaluation: Evaluation) -> np.ndarray:
    """(N, 2); both are NaN for a missed face."""
    return np.stack([evaluation.uncertainty, mean_of_labelled(evaluation.relative_errors)], axis=1)


def _correlation(rows: np.ndarray) -> float:
    return rank_correlation(rows[:, 0], rows[:, 1])
