"""What settling saves a person: a simulated annotator who drags the worst point to its label until the face is good.

The annotator drags the point that is farthest from its label onto it, and never touches it again; settled points that
leave the tolerance are dragged like any other. Points without a label are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from fkd.metrics import outer_eye_distance_px
from fkd.schemes import Scheme
from fkd.settle import SettlePrior, point_spread, settle
from training.settle import PredictedFace

__all__ = ["EVERY_WITHIN", "MEAN_WITHIN", "Clicks", "count_clicks", "drags_of_face"]

# Of the distance between the outer eye corners.
EVERY_WITHIN = 0.05
MEAN_WITHIN = 0.03

# (K, 2) points that were placed, NaN elsewhere → (K, 2) all points.
Placing = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Clicks:
    """Drags a face: (N, 2) int64 each, until every point is within `EVERY_WITHIN`, and the mean within `MEAN_WITHIN`.

    Attributes:
        plain: where a drag moves one point.
        settled: where the rest settles after each.
    """

    plain: np.ndarray
    settled: np.ndarray

    def summary(self) -> dict[str, float | int]:
        """Mean drags a face of either kind, and the change as a fraction."""
        figures: dict[str, float | int] = {"n": len(self.plain)}
        for column, name in enumerate(("every_within_5", "mean_within_3")):
            plain, settled = self.plain[:, column].mean(), self.settled[:, column].mean()
            figures |= {
                f"{name}_plain": float(plain),
                f"{name}_settled": float(settled),
                f"{name}_change": float(settled / plain - 1.0) if plain else 0.0,
            }
        return figures


def count_clicks(prior: SettlePrior, faces: Sequence[PredictedFace], scheme: Scheme) -> Clicks:
    """Let the annotator correct each face both ways; faces without both outer eye corners are left out."""
    plain, settled = [], []
    for face in faces:
        eye_distance_px = float(outer_eye_distance_px(face.labelled_xy[None], scheme)[0])
        if np.isnan(eye_distance_px):
            continue
        spread = point_spread(face.confidence)
        unaided = partial(leave_the_rest, face.predicted_xy)
        aided = partial(settle, prior, face.predicted_xy, spread, face.roll_rad)
        plain.append(drags_of_face(face.labelled_xy, eye_distance_px, unaided))
        settled.append(drags_of_face(face.labelled_xy, eye_distance_px, aided))
    return Clicks(np.array(plain).reshape(-1, 2), np.array(settled).reshape(-1, 2))


def leave_the_rest(predicted_xy: np.ndarray, placed_xy: np.ndarray) -> np.ndarray:
    """Placed points (K, 2) where they were placed, the others where they were predicted."""
    return np.where(np.isnan(placed_xy), predicted_xy, placed_xy)


def drags_of_face(labelled_xy: np.ndarray, eye_distance_px: float, place: Placing) -> tuple[int, int]:
    """Drags until every point is within `EVERY_WITHIN` of its label, and until their mean error is `MEAN_WITHIN`.

    Args:
        labelled_xy: (K, 2) image pixels, NaN where there is no label.
        place: where all points are, given those that were dragged.
    """
    labelled = np.isfinite(labelled_xy).all(axis=1)
    placed_xy = np.full_like(labelled_xy, np.nan)
    every, mean = None, None
    for drags in range(len(labelled_xy) + 1):
        errors = np.linalg.norm(place(placed_xy) - labelled_xy, axis=1)[labelled] / eye_distance_px
        if every is None and errors.max() <= EVERY_WITHIN:
            every = drags
        if mean is None and errors.mean() <= MEAN_WITHIN:
            mean = drags
        if every is not None and mean is not None:
            break
        worst = np.flatnonzero(labelled)[errors.argmax()]
        placed_xy[worst] = labelled_xy[worst]
    return every, mean
