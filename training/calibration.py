"""Is a confidence of 80 % right four times in five? Measured, and mended by one factor on the network's own scales."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from fkd import hub
from fkd.durable import write_whole
from fkd.errors import DataError, WeightsError
from fkd.formats import LabelledFace
from fkd.metrics import outer_eye_distance_px, point_errors_px
from fkd.predictor import CLOSE, KeypointPredictor, chance_close
from training.evaluate import known_eye_distance, predict_in_labelled_boxes

__all__ = [
    "Bin",
    "Calibration",
    "calibrate",
    "expected_calibration_error",
    "fit_scale_factor",
    "log_loss",
    "reliability",
    "store_scale_factor",
]

BINS = 10
FACTORS = np.exp(np.linspace(np.log(0.25), np.log(4.0), 277))  # 1 % apart, 1 among them


@dataclass(frozen=True)
class Calibration:
    """What fitting a scale factor gave.

    Attributes:
        factor: fitted on all faces.
        n_faces, n_points: how many it was fitted on.
        loss_before, loss_after: log loss of the confidence, with the factor of the weights as they are, and with one
            fitted on the other half of the photos or people each.
        ece_before, ece_after: the expected calibration error of the same two.
    """

    factor: float
    n_faces: int
    n_points: int
    loss_before: float
    loss_after: float
    ece_before: float
    ece_after: float

    @property
    def helps(self) -> bool:
        """Whether a fitted factor does better, by both measures, on faces that it was not fitted on."""
        return self.loss_after < self.loss_before and self.ece_after < self.ece_before


@dataclass(frozen=True)
class Bin:
    """Points whose confidence is within an interval.

    Attributes:
        low, high: the interval.
        n: how many points.
        confidence: their mean confidence.
        close: the share of them that are as close to the label as the confidence is about.
    """

    low: float
    high: float
    n: int
    confidence: float
    close: float

    def as_json(self) -> dict[str, float | int]:
        return asdict(self)


def reliability(confidence: np.ndarray, close: np.ndarray) -> list[Bin]:
    """The reliability table: ten equal intervals of confidence, those that hold a point.

    Args:
        confidence: (M,) from 0 to 1.
        close: (M,) bool, whether it came true.
    """
    number = np.minimum((confidence * BINS).astype(int), BINS - 1)
    table = []
    for i in np.unique(number):
        inside = number == i
        mean, share = float(confidence[inside].mean()), float(close[inside].mean())
        table.append(Bin(i / BINS, (i + 1) / BINS, int(inside.sum()), mean, share))
    return table


def expected_calibration_error(table: list[Bin]) -> float:
    """Mean distance of confidence from what came true, over the points of all bins; NaN for an empty table.

    Guo et al. 2017, https://arxiv.org/abs/1706.04599
    """
    n = sum(row.n for row in table)
    return sum(row.n * abs(row.confidence - row.close) for row in table) / n if n else float("nan")


def log_loss(confidence: np.ndarray, close: np.ndarray) -> float:
    """Mean negative log-likelihood of what came true: (M,) float and (M,) bool."""
    chance = np.clip(confidence, 1e-6, 1 - 1e-6)
    return float(-np.where(close, np.log(chance), np.log(1 - chance)).mean())


def fit_scale_factor(scale: np.ndarray, close: np.ndarray) -> float:
    """The factor on the Laplace scales whose confidence has the least log loss, from 1/4 to 4 in steps of 1 %.

    One number for all points, as temperature scaling has it (Guo et al. 2017, https://arxiv.org/abs/1706.04599): it
    mends what is too sure or too doubtful all over, and cannot change which face is the least certain.

    Args:
        scale: (M,) the network's own Laplace scales in eye distances, factor 1.
        close: (M,) bool, whether the point is within :data:`fkd.predictor.CLOSE` eye distances of its label.
    """
    return float(FACTORS[np.argmin([log_loss(chance_close(factor * scale), close) for factor in FACTORS])])


def calibrate(
    predictor: KeypointPredictor,
    faces: Sequence[LabelledFace],
    progress: Callable[[Sequence], Sequence] = lambda items: items,
) -> Calibration:
    """Fit the scale factor on faces that the network was not trained on, and measure what it is worth.

    Raises:
        DataError: if the faces are of one photo or person, or none has a labelled point and a known eye distance.
        ImageError: if a photo cannot be read.
    """
    labelled_xy = np.stack([face.points_xy for face in faces])
    predicted_xy, scale_px = predict_in_labelled_boxes(predictor, faces, progress)
    # What the confidence is told by: the eyes as predicted. What decides: the eyes as they are known, where they are.
    predicted_eyes = outer_eye_distance_px(predicted_xy, predictor.scheme)
    eyes = known_eye_distance(faces, predictor.scheme)
    eyes = np.where(np.isfinite(eyes), eyes, predicted_eyes)
    errors = point_errors_px(predicted_xy, labelled_xy) / eyes[:, None]  # (N, K)
    known = np.isfinite(errors)
    _, group = np.unique([face.group for face in faces], return_inverse=True)
    half = np.broadcast_to((group % 2)[:, None], errors.shape)[known]  # (M,)
    if len(np.unique(half)) < 2:
        raise DataError("Labelled faces of two photos or people at least are needed to calibrate on.")
    scale, close = (scale_px / np.maximum(predicted_eyes, 1e-9)[:, None])[known], errors[known] <= CLOSE  # (M,) each
    before = chance_close(predictor.net.config.scale_factor * scale)
    after = np.empty_like(before)
    for side in (0, 1):
        after[half == side] = chance_close(
            fit_scale_factor(scale[half != side], close[half != side]) * scale[half == side]
        )
    ece = [expected_calibration_error(reliability(confidence, close)) for confidence in (before, after)]
    factor = round(fit_scale_factor(scale, close), 3)
    return Calibration(factor, len(faces), len(close), log_loss(before, close), log_loss(after, close), *ece)


def store_scale_factor(folder: Path, factor: float) -> None:
    """Write the factor into the ``config.json`` of a weights folder; the weights themselves stay as they are.

    Raises:
        WeightsError: if the folder holds no weights or cannot be written to.
    """
    config = hub.read_config(folder) | {"scale_factor": factor}
    try:
        write_whole(folder / "config.json", (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode())
    except OSError as error:
        raise WeightsError(f"“{folder}/config.json” cannot be written: {error.strerror}.") from error
