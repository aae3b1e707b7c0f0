"""Measuring weights on labelled faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from fkd.formats import LabelledFace
from fkd.geometry import box_of_points, cut, image_tensor
from fkd.images import read_image
from fkd.metrics import area_under_curve, failure_rate, nme_iod, point_errors_px, rmse_px
from fkd.predictor import Face, KeypointPredictor
from fkd.schemes import Scheme
from training.dataset import face_crop

__all__ = ["Evaluation", "evaluate", "predict_in_detected_boxes", "predict_in_labelled_boxes", "summary"]


@dataclass(frozen=True)
class Evaluation:
    """Predictions beside labels: (N, K, 2) float64 each in image pixels; a missed face's predictions are NaN."""

    predicted_xy: np.ndarray
    labelled_xy: np.ndarray
    missed: int


def evaluate(
    predictor: KeypointPredictor,
    faces: Sequence[LabelledFace],
    boxes: str,
    progress: Callable[[Sequence], Sequence] = lambda items: items,
) -> Evaluation:
    """Predict labelled faces.

    Args:
        boxes: ``labels`` crops each face from its labelled points, as papers do; ``detector`` finds it first, as the
            app does.
    """
    predict = predict_in_labelled_boxes if boxes == "labels" else predict_in_detected_boxes
    predicted = np.stack(predict(predictor, faces, progress))
    labelled = np.stack([face.points_xy for face in faces])
    return Evaluation(predicted, labelled, int(np.isnan(predicted).all(axis=(1, 2)).sum()))


def predict_in_labelled_boxes(predictor, faces, progress) -> list[np.ndarray]:
    """Points (K, 2) of each face from the crop around its labelled points."""
    predicted = []
    for face in progress(faces):
        crop = face_crop(face, predictor.scheme)
        crops = cut(image_tensor(read_image(face.image)), [crop], predictor.net.config.input_px).to(predictor.device)
        predicted.append(crop.to_image(predictor.predict_crops(crops)[0][0].cpu().double().numpy()))
    return predicted


def predict_in_detected_boxes(predictor, faces, progress) -> list[np.ndarray]:
    """Points (K, 2) of each face as the app would find and predict it; NaN for a face that is not found."""
    predicted = []
    for _, same_photo in groupby(
        progress(faces), key=lambda face: str(face.image) if isinstance(face.image, Path) else id(face)
    ):
        photo = list(same_photo)
        found = predictor(photo[0].image)
        predicted += [points_of_match(face.points_xy, found, predictor.scheme) for face in photo]
    return predicted


def points_of_match(labelled_xy: np.ndarray, found: Sequence[Face], scheme: Scheme) -> np.ndarray:
    """The points of the found face whose mean point is nearest to the labelled one's; NaN if none is near it.

    Near is half the longer side of the labelled points' box.
    """
    x0, y0, x1, y1 = box_of_points(labelled_xy)
    best, points = max(x1 - x0, y1 - y0) / 2, np.full((scheme.n_points, 2), np.nan)
    for face in found:
        known = np.isfinite(labelled_xy).all(axis=1)
        distance = float(np.linalg.norm(face.points[known].mean(axis=0) - labelled_xy[known].mean(axis=0)))
        if distance < best:
            best, points = distance, face.points
    return points


def summary(evaluation: Evaluation, scheme: Scheme) -> dict[str, float | int]:
    """The usual figures. A missed face counts as an error of 1 in every share, and is left out of the RMSE."""
    nme = nme_iod(evaluation.predicted_xy, evaluation.labelled_xy, scheme)
    missed = np.isnan(evaluation.predicted_xy).all(axis=(1, 2))
    nme = np.where(missed, 1.0, nme)
    nme = nme[np.isfinite(nme)]  # faces without both outer eye corners have no NME
    figures: dict[str, float | int] = {"n": len(missed), "missed": evaluation.missed}
    if len(nme):
        figures |= {
            "nme_iod": float(nme.mean()),
            "median": float(np.median(nme)),
            "auc_10": area_under_curve(nme, 0.10),
            "failure_8": failure_rate(nme, 0.08),
            "failure_10": failure_rate(nme, 0.10),
        }
    figures["rmse_px"] = rmse_px(evaluation.predicted_xy, evaluation.labelled_xy)
    errors = point_errors_px(evaluation.predicted_xy, evaluation.labelled_xy)  # (N, K)
    for region, points in scheme.regions.items():
        part = errors[:, list(points)]
        if np.isfinite(part).any():
            figures[f"{region}_px"] = float(np.nanmean(part))
    return figures
