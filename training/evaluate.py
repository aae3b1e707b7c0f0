"""Labelled faces predicted: what weights say beside what people say. The figures are training.summary's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import torch

from fkd.errors import DataError
from fkd.formats import LabelledFace
from fkd.geometry import box_of_points, crop_from_points, cut, image_tensor, roll_of_points
from fkd.images import read_image
from fkd.metrics import mean_of_labelled, nme_iod, outer_eye_distance_px, point_errors_px
from fkd.predictor import Face, KeypointPredictor
from fkd.schemes import Scheme
from training.data import is_corrections
from training.dataset import face_crop, is_held_out
from training.framing import read_framed
from training.merge import merge, open_corrections

__all__ = [
    "Evaluation",
    "evaluate",
    "known_eye_distance",
    "predict_in_detected_boxes",
    "predict_in_labelled_boxes",
    "read_measured",
]

PHOTOS_AT_ONCE = 8
CORRECTED = "corrections"  # the source of corrected faces among measured ones


@dataclass(frozen=True, eq=False)
class Evaluation:
    """N faces with K points: predictions beside labels, in image pixels.

    Attributes:
        scheme: of the points.
        predicted_xy: (N, K, 2) float64; NaN all over a face that was missed.
        labelled_xy: (N, K, 2) float64; NaN where there is no label.
        confidence: (N, K) float64, see :class:`fkd.predictor.Face`; NaN for a face that was missed.
        eye_distance: (N,) float64, between the labelled outer eye corners, or as it is known otherwise; else NaN.
        sources: (N,) whose convention each face's labels follow.
        groups: (N,) name of each face's photo or person.
    """

    scheme: Scheme
    predicted_xy: np.ndarray
    labelled_xy: np.ndarray
    confidence: np.ndarray
    eye_distance: np.ndarray
    sources: tuple[str, ...]
    groups: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def missed(self) -> np.ndarray:
        """(N,) bool, whether the detector did not find the face."""
        return np.isnan(self.predicted_xy).all(axis=(1, 2))

    @property
    def nme(self) -> np.ndarray:
        """(N,) error of each face in eye distances; 1 for a missed face, NaN where the eye distance is not known."""
        nme = nme_iod(self.predicted_xy, self.labelled_xy, self.scheme, self.eye_distance)
        return np.where(self.missed & np.isfinite(self.eye_distance), 1.0, nme)

    @property
    def shares(self) -> np.ndarray:
        """(N, K) error of each labelled point in eye distances; NaN where the eye distance is not known."""
        known = np.where(self.eye_distance > 0, self.eye_distance, np.nan)
        return point_errors_px(self.predicted_xy, self.labelled_xy) / known[:, None]

    @property
    def relative_errors(self) -> np.ndarray:
        """(N, K) error of each labelled point in eye distances, predicted ones where no other is known."""
        predicted = outer_eye_distance_px(self.predicted_xy, self.scheme)
        size_px = np.where(np.isfinite(self.eye_distance), self.eye_distance, predicted)
        return point_errors_px(self.predicted_xy, self.labelled_xy) / size_px[:, None]

    @property
    def uncertainty(self) -> np.ndarray:
        """(N,) one minus the mean confidence of the labelled points; NaN for a missed face."""
        labelled = np.isfinite(self.labelled_xy).all(axis=2)
        return 1.0 - mean_of_labelled(np.where(labelled, self.confidence, np.nan))

    def part(self, chosen: np.ndarray) -> Evaluation:
        """The faces that `chosen` (N,) bool says."""
        where = np.nonzero(chosen)[0]
        arrays = (self.predicted_xy, self.labelled_xy, self.confidence, self.eye_distance)
        names = (tuple(every[i] for i in where) for every in (self.sources, self.groups))
        return Evaluation(self.scheme, *(array[where] for array in arrays), *names)


def read_measured(paths: Sequence[str | Path], scheme: Scheme, held_out: bool) -> list[LabelledFace]:
    """The labelled faces of all paths, or those of them that :func:`training.data.read_sides` holds out.

    Of corrections only what a person judged is a label. As for a training, a face that is not held out gives way to a
    correction of it. A face without any label is left out.

    Raises:
        DataError: if a path holds no data that fkd reads, or there is no face.
        CorrectionsError: if a corrections file is damaged.
    """
    base = [face for path in paths if not is_corrections(path) for face in read_framed(path, scheme)]
    corrected = []
    for path in filter(is_corrections, paths):
        store = open_corrections(path)
        merged = merge(base, store, scheme)
        base = merged.base
        if not held_out:  # what is frozen is held out, and what is held out has judged labels only
            merged = merge(base, store, scheme, frozen=merged.training)
        corrected += [replace(face, source=CORRECTED) for face in merged.held_out]
    faces = [face for face in base if is_held_out(face) or not held_out] + corrected
    faces = [face for face in faces if np.isfinite(face.points_xy).any()]
    if not faces:
        raise DataError("There is no face to measure on.")
    return faces


def evaluate(
    predictor: KeypointPredictor,
    faces: Sequence[LabelledFace],
    boxes: str,
    progress: Callable[[Sequence], Sequence] = lambda items: items,
) -> Evaluation:
    """Predict labelled faces.

    A face whose source is named in the network's ``config.conventions`` is measured as that source places points: the
    source's offset is added to the prediction. So the rows of Kaggle's two sources count each by its own convention.

    Args:
        faces: at least one.
        boxes: ``labels`` crops each face from its labelled points, as papers do; ``detector`` finds it first, as the
            app does.
        progress: wraps a list that takes time to go through.

    Raises:
        ImageError: if a photo cannot be read.
    """
    labelled_xy = np.stack([face.points_xy for face in faces])
    if boxes == "labels":
        predicted_xy, scale_px = predict_in_labelled_boxes(predictor, faces, progress)
        confidence = predictor.confidence(predicted_xy, scale_px)
    else:
        predicted_xy, confidence = predict_in_detected_boxes(predictor, faces, progress)
    return Evaluation(
        predictor.scheme,
        predicted_xy,
        labelled_xy,
        confidence,
        known_eye_distance(faces, predictor.scheme),
        tuple(face.source for face in faces),
        tuple(face.group for face in faces),
    )


def known_eye_distance(faces: Sequence[LabelledFace], scheme: Scheme) -> np.ndarray:
    """(N,) px between the outer eye corners: as labelled, else as it is known otherwise; NaN where it is not."""
    labelled = outer_eye_distance_px(np.stack([face.points_xy for face in faces]), scheme)
    return np.where(np.isfinite(labelled), labelled, [face.eye_distance_px for face in faces])


def predict_in_labelled_boxes(
    predictor: KeypointPredictor, faces: Sequence[LabelledFace], progress: Callable[[Sequence], Sequence]
) -> tuple[np.ndarray, np.ndarray]:
    """Each face from the crop around its labelled points.

    Returns:
        Points (N, K, 2) and the network's own Laplace scales (N, K), float64, in image pixels.
    """
    predicted_xy, scale_px = [], []
    batches = [faces[start : start + predictor.batch_size] for start in range(0, len(faces), predictor.batch_size)]
    for batch in progress(batches):
        crops = [face_crop(face, predictor.scheme) for face in batch]
        cuts = [
            cut(image, [crop], predictor.net.config.input_px) for image, crop in zip(_images(batch), crops, strict=True)
        ]
        answer = predictor.predict_crops(torch.cat(cuts).to(predictor.device))
        for face, crop, unit, scale in zip(
            batch, crops, *(part.cpu().double().numpy() for part in answer), strict=True
        ):
            predicted_xy.append(predictor.place(crop, unit + _convention(predictor, face)))
            scale_px.append(scale * crop.size_px)
    return np.stack(predicted_xy), np.stack(scale_px)


def _images(faces: Sequence[LabelledFace]) -> Iterator[torch.Tensor]:
    """Each face's picture (3, H, W); one that several faces in a row share is read once."""
    for _, same_photo in groupby(faces, key=_photo):
        photo = list(same_photo)
        image = image_tensor(read_image(photo[0].image))
        yield from (image for _ in photo)


def _photo(face: LabelledFace) -> Path | int:
    """What tells one photo from another: its path, or which array it is."""
    return face.image if isinstance(face.image, Path) else id(face.image)


def predict_in_detected_boxes(
    predictor: KeypointPredictor, faces: Sequence[LabelledFace], progress: Callable[[Sequence], Sequence]
) -> tuple[np.ndarray, np.ndarray]:
    """Each face as the app would find and predict it.

    Returns:
        Points (N, K, 2) in image pixels and confidences (N, K), float64; NaN for a face that is not found.
    """
    photos = [list(same_photo) for _, same_photo in groupby(faces, key=_photo)]
    k = predictor.scheme.n_points
    predicted_xy, confidence = [], []
    for batch in progress([photos[start : start + PHOTOS_AT_ONCE] for start in range(0, len(photos), PHOTOS_AT_ONCE)]):
        for photo, found in zip(batch, predictor([photo[0].image for photo in batch]), strict=True):
            for face in photo:
                match = best_match(face, found, predictor.scheme)
                predicted_xy.append(
                    np.full((k, 2), np.nan) if match is None else _in_convention(predictor, face, match.points)
                )
                confidence.append(np.full(k, np.nan) if match is None else match.confidence)
    return np.stack(predicted_xy), np.stack(confidence)


def best_match(labelled: LabelledFace, found: Sequence[Face], scheme: Scheme) -> Face | None:
    """The found face that has the labelled points nearest to their labels, in the mean; None if none has them near.

    Near is half the longer side of the box of all points, labelled or not: the labelled face's own, or the found one's
    where that is not known. A face without any label is near none.
    """
    known = np.isfinite(labelled.points_xy).all(axis=1)
    if not known.any():
        return None
    mean_xy = labelled.points_xy[known].mean(axis=0)
    framed = known.all() or labelled.crop is not None or labelled.box_xyxy is not None
    own_side_px = face_crop(labelled, scheme).size_px / scheme.crop_from_points.scale if framed else None
    least, best = np.inf, None
    for face in found:
        x0, y0, x1, y1 = box_of_points(face.points)
        side_px = own_side_px or max(x1 - x0, y1 - y0)
        distance = float(np.linalg.norm(face.points[known].mean(axis=0) - mean_xy))
        if distance < min(least, side_px / 2):
            least, best = distance, face
    return best


def _convention(predictor: KeypointPredictor, face: LabelledFace) -> np.ndarray:
    """What the face's source adds to a prediction, (K, 2) or a zero that stands for it, in crop sides."""
    return np.asarray(predictor.net.config.conventions.get(face.source, 0.0), dtype=np.float64)


def _in_convention(predictor: KeypointPredictor, face: LabelledFace, points_xy: np.ndarray) -> np.ndarray:
    """Predicted points (K, 2) as the face's source would place them."""
    roll_rad = roll_of_points(points_xy, predictor.scheme)
    crop = crop_from_points(points_xy, predictor.scheme.crop_from_points, roll_rad)
    return crop.to_image(crop.to_unit(points_xy) + _convention(predictor, face))
