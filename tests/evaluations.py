"""Evaluations made by hand: faces whose points are all off by a known distance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fkd import load_scheme
from training.evaluate import Evaluation

EYES_PX = 100.0


def face_labels(n: int, seed: int = 0) -> np.ndarray:
    """(n, 15, 2) labels of kaggle15 whose outer eye corners are `EYES_PX` apart and level."""
    scheme = load_scheme("kaggle15")
    labels = np.random.default_rng(seed).uniform(0, 200, (n, scheme.n_points, 2))
    left, right = scheme.outer_eye_corners
    labels[:, right] = labels[:, left] + [EYES_PX, 0]
    return labels


def an_evaluation(
    errors_px: Sequence[float], confidence: Sequence[float] | None = None, groups: Sequence[str] | None = None
) -> Evaluation:
    """Faces (N) whose points are all too far right by `errors_px`, each a group of its own if none are given."""
    n = len(errors_px)
    labels = face_labels(n)
    predicted = labels + np.stack([np.asarray(errors_px, float), np.zeros(n)], axis=1)[:, None]
    sure = np.full(n, 0.5) if confidence is None else np.asarray(confidence, float)
    return Evaluation(
        load_scheme("kaggle15"),
        predicted,
        labels,
        np.repeat(sure[:, None], labels.shape[1], axis=1),
        np.full(n, EYES_PX),
        ("drawn",) * n,
        tuple(groups or (f"drawn/{i}" for i in range(n))),
    )
