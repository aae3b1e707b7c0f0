"""The figures of an evaluation, as the field reports them."""

from __future__ import annotations

import numpy as np

from fkd.metrics import (
    area_under_curve,
    failure_rate,
    mean_of_labelled,
    offset_free_nme,
    point_errors_px,
    rank_correlation,
    rmse_px,
)
from fkd.predictor import CLOSE
from training.calibration import expected_calibration_error, reliability
from training.evaluate import Evaluation

__all__ = ["FAILURE", "least_certain", "summary"]

FAILURE = 0.08  # of the eye distance
LEAST_CERTAIN = 0.2  # of the faces: those that a person should look at first


def summary(evaluation: Evaluation) -> dict:
    """The figures of an evaluation, ready for JSON.

    A missed face counts as an error of 1 in the NME and what is made of it, and is left out of the RMSE, of regions and
    points, and of all that is about confidence. The rank correlation is that of uncertainty and error over the faces,
    in predicted eye distances where no other is known. What cannot be measured, as an NME without outer eye corners, is
    not in it.
    """
    figures = _error_figures(evaluation) | _confidence_figures(evaluation)
    errors_px = point_errors_px(evaluation.predicted_xy, evaluation.labelled_xy)  # (N, K)
    shares = evaluation.shares  # (N, K)
    parts = {
        "regions": {name: list(points) for name, points in evaluation.scheme.regions.items()},
        "points": {name: [i] for i, name in enumerate(evaluation.scheme.names)},
    }
    for part, named in parts.items():
        errors = {name: _mean_errors(errors_px[:, points], shares[:, points]) for name, points in named.items()}
        figures[part] = {name: error for name, error in errors.items() if error}
    sources = list(dict.fromkeys(evaluation.sources))
    if len(sources) > 1:
        figures["sources"] = {
            source: _error_figures(evaluation.part(np.array(evaluation.sources) == source)) for source in sources
        }
    return figures


def least_certain(uncertainty: np.ndarray) -> np.ndarray:
    """(M,) bool, the fifth of faces that is the least certain: what is to be looked at first."""
    chosen = np.zeros(len(uncertainty), dtype=bool)
    chosen[np.argsort(-uncertainty, kind="stable")[: max(1, round(LEAST_CERTAIN * len(uncertainty)))]] = True
    return chosen


def _error_figures(evaluation: Evaluation) -> dict:
    figures = {"n": len(evaluation), "missed": int(evaluation.missed.sum())}
    nme = evaluation.nme[np.isfinite(evaluation.nme)]
    if len(nme):
        figures |= {
            "nme_iod": float(nme.mean()),
            "median": float(np.median(nme)),
            "auc_10": area_under_curve(nme, 0.10),
            "failure_8": failure_rate(nme, FAILURE),
            "failure_10": failure_rate(nme, 0.10),
        }
        free = offset_free_nme(evaluation.predicted_xy, evaluation.labelled_xy, evaluation.scheme, evaluation.groups)
        if np.isfinite(free).any():
            free = np.where(evaluation.missed, evaluation.nme, free)
            figures["nme_offset_free"] = float(np.nanmean(free))
    if np.isfinite(evaluation.predicted_xy - evaluation.labelled_xy).any():
        figures["rmse_px"] = rmse_px(evaluation.predicted_xy, evaluation.labelled_xy)
    return figures


def _confidence_figures(evaluation: Evaluation) -> dict:
    errors = evaluation.relative_errors  # (N, K)
    known = np.isfinite(errors)
    seen = known.any(axis=1)
    uncertainty, error = evaluation.uncertainty[seen], mean_of_labelled(errors)[seen]
    figures = {}
    correlation = rank_correlation(uncertainty, error)
    if np.isfinite(correlation):
        figures["uncertainty_spearman"] = correlation
    failed = error > FAILURE
    if failed.any():
        share = float(failed[least_certain(uncertainty)].sum() / failed.sum())
        figures["failures_in_least_certain_fifth"] = share
    table = reliability(evaluation.confidence[known], errors[known] <= CLOSE)
    if table:
        figures |= {"ece": expected_calibration_error(table), "reliability": [row.as_json() for row in table]}
    return figures


def _mean_errors(errors_px: np.ndarray, shares: np.ndarray) -> dict[str, float]:
    """Mean error of P points, both (N, P), in pixels and, face by face, in eye distances; empty without a label."""
    if not np.isfinite(errors_px).any():
        return {}
    of_faces = mean_of_labelled(shares)
    in_eyes = {"nme": float(np.nanmean(of_faces))} if np.isfinite(of_faces).any() else {}
    return {"px": float(np.nanmean(errors_px)), **in_eyes}
