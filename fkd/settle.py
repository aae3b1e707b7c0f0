"""Fix one point, the rest settle: where the other points of a face are, given those that a person has placed.

The model's errors are not independent: where one point of the jaw is off, its neighbours are off alike, and where the
whole face was misjudged every point is. A :class:`SettlePrior` is the Gaussian of the model's own errors, and what a
person's corrections say about the other points is its conditional mean (Rasmussen and Williams 2006, appendix A.2,
http://gaussianprocess.org/gpml/). It lies beside the weights that it belongs to, and is made by ``python -m training
settle``. ``fkd/ui/editor/settle.js`` computes the same in the browser.

Errors are taken in the frame of the predicted face, turned upright by its eyes. How large they are is known for each
face and point: the model gives a scale for each, and a point of which it was unsure follows its neighbours further.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fkd.durable import write_whole
from fkd.errors import WeightsError

__all__ = ["SETTLE_FILE", "SettlePrior", "load_settle_prior", "point_spread", "save_settle_prior", "settle"]

SETTLE_FILE = "settle.safetensors"
# A confidence outside these is rounded or saturated, and says no more than that.
LEAST_SURE, MOST_SURE = 1e-3, 1.0 - 1e-4


@dataclass(frozen=True, eq=False)
class SettlePrior:
    """How the errors of one set of weights go together.

    Attributes:
        covariance: (2K, 2K) float64, of the coordinates x0, y0, x1, y1, … of the errors in the upright face, each over
            its point's spread (see :func:`point_spread`). Its unit does not matter: only ratios count.
    """

    covariance: np.ndarray

    def __post_init__(self) -> None:
        side = self.covariance.shape[0] if self.covariance.ndim else 0
        if self.covariance.shape != (side, side) or side % 2 or not side:
            raise WeightsError(f"A settling prior is a square of two rows a point, not {self.covariance.shape}.")
        try:
            np.linalg.cholesky(self.covariance)
        except np.linalg.LinAlgError as error:
            raise WeightsError("The settling prior is no covariance: fit it anew.") from error
        if not np.allclose(self.covariance, self.covariance.T):
            raise WeightsError("The settling prior is not symmetric: fit it anew.")

    @property
    def n_points(self) -> int:
        """K, the number of points."""
        return len(self.covariance) // 2


def point_spread(confidence: np.ndarray) -> np.ndarray:
    """How far each point may be off, relative to the others: (…, K) confidence from 0 to 1 → (…, K) float64.

    The square root of the Laplace scale that the model gave the point: half way between trusting that estimate and
    giving every point the same, see docs/experiments.md. A confidence is the chance of an error within some distance:
    1 - (1 + u) exp(-u), where u is that distance over the scale.
    """
    u = np.geomspace(1e-2, 20.0, 4000)
    confidence = np.clip(np.nan_to_num(confidence, nan=LEAST_SURE), LEAST_SURE, MOST_SURE)
    return 1.0 / np.sqrt(np.interp(confidence, 1.0 - (1.0 + u) * np.exp(-u), u))


def settle(
    prior: SettlePrior,
    predicted_xy: np.ndarray,
    spread: np.ndarray,
    roll_rad: float,
    placed_xy: np.ndarray,
) -> np.ndarray:
    """The points of a face, given those that a person placed.

    Args:
        predicted_xy: (K, 2) image pixels, NaN where nothing was predicted.
        spread: (K,) positive, see :func:`point_spread`.
        roll_rad: of the predicted face, see :func:`fkd.geometry.roll_of_points`; NaN is taken for upright.
        placed_xy: (K, 2) image pixels where a person placed or confirmed a point, NaN elsewhere.

    Returns:
        (K, 2) float64: placed points where they were placed, the others where that says they are; the prediction if
        nothing was placed.
    """
    seen = np.isfinite(placed_xy - predicted_xy).all(axis=1)
    settled = np.where(np.isfinite(placed_xy), placed_xy, predicted_xy)
    if not seen.any():
        return settled
    roll_rad = 0.0 if np.isnan(roll_rad) else roll_rad
    cos, sin = np.cos(roll_rad), np.sin(roll_rad)
    upright = (placed_xy - predicted_xy)[seen] @ np.array([[cos, -sin], [sin, cos]])  # (m, 2): turned by -roll
    scale = np.repeat(spread, 2)  # (2K,)
    rows = np.repeat(seen, 2)
    among_seen = prior.covariance[np.ix_(rows, rows)]
    # Whitened by the spreads, the errors have the covariance of the prior; only the result is scaled back.
    weights = np.linalg.solve(among_seen, upright.ravel() / scale[rows])
    error = (prior.covariance[:, rows] @ weights * scale).reshape(-1, 2) @ np.array([[cos, sin], [-sin, cos]])
    free = np.isnan(placed_xy).any(axis=1)
    settled[free] += error[free]
    return settled


def save_settle_prior(prior: SettlePrior, folder: Path) -> None:
    """Write ``settle.safetensors`` into a folder of weights, whole or not at all."""
    from safetensors.numpy import save

    write_whole(folder / SETTLE_FILE, save({"covariance": prior.covariance.astype(np.float32)}))


def load_settle_prior(folder: Path, n_points: int) -> SettlePrior | None:
    """The prior beside the weights in `folder`; None if they have none.

    Raises:
        WeightsError: if the file is damaged, or is for another number of points than `n_points`.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    file = folder / SETTLE_FILE
    if not file.is_file():
        return None
    try:
        covariance = load_file(file)["covariance"].astype(np.float64)
    except (SafetensorError, OSError, KeyError) as error:
        raise WeightsError(f"“{SETTLE_FILE}” in “{folder.name}” is damaged ({error}). Get it anew.") from error
    prior = SettlePrior(covariance)
    if prior.n_points != n_points:
        raise WeightsError(f"“{SETTLE_FILE}” in “{folder.name}” is for {prior.n_points} points, not {n_points}.")
    return prior
