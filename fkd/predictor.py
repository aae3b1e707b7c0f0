"""From a picture to the keypoints of every face in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
import torch
from PIL import Image

from fkd import hub
from fkd.device import choose_device, memory_format
from fkd.errors import ImageError
from fkd.faces import DetectedFace, FaceDetector
from fkd.fast_net import fast_net
from fkd.geometry import Crop, crop_from_box, crop_from_points, cut, image_tensor, roll_of_points
from fkd.images import read_image
from fkd.model import CropNet, answer, both_ways, load_net
from fkd.schemes import Scheme, load_scheme
from fkd.settle import SettlePrior, load_settle_prior

__all__ = ["Face", "KeypointPredictor", "Picture"]

Picture = str | Path | bytes | Image.Image | np.ndarray

# A point's confidence is the chance that it lies within this share of the distance between the outer eye corners, as
# they are predicted, from the truth.
CLOSE = 0.05
# A second look pays where the first crop turns out to be off by more than this.
OFF_CENTRE, OFF_SCALE, OFF_ROLL_RAD = 0.05, 0.10, math.radians(8)


@dataclass(frozen=True, eq=False)
class Face:
    """One face and its keypoints, in pixels of the original upright image.

    Attributes:
        box_xyxy: (4,) float64, as detected or as drawn by a person.
        score: the detector's score from 0 to 1; NaN where a person drew the box.
        points: (K, 2) float64 (x, y); may lie outside the image.
        confidence: (K,) float64 from 0 to 1: the model's own estimate of the chance that the point lies within 5 % of
            the distance between the outer eye corners from the truth.
    """

    box_xyxy: np.ndarray
    score: float
    points: np.ndarray
    confidence: np.ndarray


class KeypointPredictor:
    """Finds every face in a picture and predicts its keypoints.

    >>> predictor = KeypointPredictor.from_pretrained("ibug68")
    >>> for face in predictor("photo.jpg"):
    ...     print(face.box_xyxy, face.points.shape, face.confidence.mean())

    Args:
        net: the network, which is the predictor's from then on: it is moved to the device and frozen, and weights that
            it is given later do not count, see :func:`fkd.fast_net.fast_net`.
        device: ``auto`` (CUDA, else MPS, else CPU), ``cpu``, ``cuda`` or ``mps``.
        batch_size: crops that go through the network at once.
        settle_prior: how the network's errors go together, for :func:`fkd.settle.settle`; None if that is not known.
    """

    def __init__(
        self, net: CropNet, device: str = "auto", batch_size: int = 64, settle_prior: SettlePrior | None = None
    ):
        self.device = choose_device(device)
        self.net = net.to(self.device, memory_format=memory_format(self.device)).eval().requires_grad_(False)
        self._fast_net = fast_net(self.net, self.device)
        self.scheme: Scheme = load_scheme(net.config.scheme)
        self.version = net.config.version
        self.batch_size = batch_size
        self.settle_prior = settle_prior
        self._detector = FaceDetector()

    @classmethod
    def from_pretrained(
        cls, source: str | Path, *, revision: str | None = None, device: str = "auto"
    ) -> KeypointPredictor:
        """Load weights by a shipped name (``ibug68``, ``kaggle15``), a folder or a Hub id (``user/name``).

        Raises:
            WeightsError: if there are none of that name, or they are damaged.
        """
        folder = hub.weights_folder(source, revision)
        net = load_net(folder)
        return cls(net, device, settle_prior=load_settle_prior(folder, net.n_points))

    @overload
    def __call__(self, pictures: Picture) -> list[Face]: ...
    @overload
    def __call__(self, pictures: Sequence[Picture]) -> list[list[Face]]: ...
    def __call__(self, pictures):
        """Find the faces in one picture, or in each of several, and predict their keypoints.

        Args:
            pictures: a path, PIL image or (H, W, 3) uint8 RGB array; or a list of them, whose faces then share batches.

        Returns:
            A list of faces in reading order, empty if there is none; or one such list a picture.

        Raises:
            ImageError: if a picture cannot be read.
        """
        if not isinstance(pictures, list | tuple):
            return self([pictures])[0]
        images = [read_image(picture) for picture in pictures]
        found = [self._detector(image) for image in images]
        crops = [[self._first_crop(face) for face in faces] for faces in found]
        predicted = self._predict(images, crops)
        return [
            [Face(face.box_xyxy, face.score, *answer) for face, answer in zip(faces, answers, strict=True)]
            for faces, answers in zip(found, predicted, strict=True)
        ]

    def in_box(self, picture: Picture, box_xyxy: Sequence[float]) -> Face:
        """Predict the keypoints of the face in a box that a person drew, whichever way up it is.

        Args:
            box_xyxy: ``x0, y0, x1, y1`` in image pixels, around the face as a detector would draw it.

        Raises:
            ImageError: if the picture cannot be read, or the box is none.
        """
        x0, y0, x1, y1 = map(float, box_xyxy)
        if not (math.isfinite(x0 + y0 + x1 + y1) and x0 < x1 and y0 < y1):
            raise ImageError(f"A box is x0, y0, x1, y1 with x0 < x1 and y0 < y1, not {x0:g}, {y0:g}, {x1:g}, {y1:g}.")
        image = read_image(picture)
        rolls = [0.0, math.pi / 2, math.pi, -math.pi / 2]
        crops = [crop_from_box(box_xyxy, self.scheme.crop_from_box, roll) for roll in rolls]
        _, scale = self._through_net([image], [crops])
        upright = crops[int(scale.mean(axis=1).argmin())]
        points, confidence = self._predict([image], [[upright]])[0][0]
        return Face(np.asarray(box_xyxy, dtype=np.float64), math.nan, points, confidence)

    @torch.inference_mode()
    def mirror_disagreement(self, picture: Picture, faces: Sequence[Face]) -> np.ndarray:
        """How far the network's answers for a face and for its mirror image lie apart, (F,) float64.

        The mean over the points, in distances between the outer eye corners: a second opinion on how sure it is.

        Raises:
            ImageError: if the picture cannot be read.
        """
        if not faces:
            return np.empty(0)
        crops = [
            crop_from_points(face.points, self.scheme.crop_from_points, roll_of_points(face.points, self.scheme))
            for face in faces
        ]
        cuts = cut(image_tensor(read_image(picture)).to(self.device), crops, self.net.config.input_px)
        points = [both_ways(self._fast_net, batch)[0] for batch in cuts.split(self.batch_size)]
        one, other = (torch.cat(part).cpu().double().numpy() for part in zip(*points, strict=True))  # (F, K, 2) each
        left, right = self.scheme.outer_eye_corners
        eye_distance = np.linalg.norm(one[:, left] - one[:, right], axis=-1)
        return np.linalg.norm(one - other, axis=-1).mean(axis=1) / np.maximum(eye_distance, 1e-9)

    def _first_crop(self, face: DetectedFace) -> Crop:
        return crop_from_box(face.box_xyxy, self.scheme.crop_from_box, math.radians(face.roll_deg))

    def _predict(self, images: list[np.ndarray], crops: list[list[Crop]]) -> list[list[tuple[np.ndarray, np.ndarray]]]:
        """Points (K, 2) in image pixels and confidence (K,) of each crop of each image, with a second look if due."""
        flat = [crop for per_image in crops for crop in per_image]
        unit, scale = self._through_net(images, crops)
        points = [self.place(crop, u) for crop, u in zip(flat, unit, strict=True)]
        second = [self._second_crop(crop, p) for crop, p in zip(flat, points, strict=True)]
        if any(crop is not None for crop in second):
            where = iter(second)
            again = [[crop for _ in per_image if (crop := next(where)) is not None] for per_image in crops]
            unit_again, scale_again = self._through_net(images, again)
            redone = [i for i, crop in enumerate(second) if crop is not None]
            for i, u, s in zip(redone, unit_again, scale_again, strict=True):
                # The second look counts only where the network is the surer for it.
                if s.mean() * second[i].size_px < scale[i].mean() * flat[i].size_px:
                    points[i], scale[i], flat[i] = self.place(second[i], u), s, second[i]
        sure = [self.confidence(p, s * crop.size_px) for p, s, crop in zip(points, scale, flat, strict=True)]
        answers = iter(zip(points, sure, strict=True))
        return [[next(answers) for _ in per_image] for per_image in crops]

    def _second_crop(self, crop: Crop, points_xy: np.ndarray) -> Crop | None:
        """The crop that the points themselves ask for, or None if it is about the same."""
        better = crop_from_points(points_xy, self.scheme.crop_from_points, roll_of_points(points_xy, self.scheme))
        off = math.dist(crop.center_xy, better.center_xy) / better.size_px
        turn = abs(math.remainder(crop.roll_rad - better.roll_rad, 2 * math.pi))
        same = off < OFF_CENTRE and abs(math.log(crop.size_px / better.size_px)) < OFF_SCALE and turn < OFF_ROLL_RAD
        return None if same else better

    def _through_net(self, images: list[np.ndarray], crops: list[list[Crop]]) -> tuple[np.ndarray, np.ndarray]:
        """Cut all crops and predict them in batches: unit points (N, K, 2) and Laplace scales (N, K), float64."""
        cuts = []
        for image, per_image in zip(images, crops, strict=True):
            if per_image:
                cuts.append(cut(image_tensor(image).to(self.device), per_image, self.net.config.input_px))
        if not cuts:
            k = self.scheme.n_points
            return np.empty((0, k, 2)), np.empty((0, k))
        answers = [self.predict_crops(batch) for batch in torch.cat(cuts).split(self.batch_size)]
        points, scale = (torch.cat(part).cpu().double().numpy() for part in zip(*answers, strict=True))
        return points, scale

    def place(self, crop: Crop, unit_xy: np.ndarray) -> np.ndarray:
        """The network's points (…, 2) in a crop → image pixels, placed as the labels that it learned are."""
        return crop.to_image(unit_xy) + self.net.config.label_origin_px

    def confidence(self, points_xy: np.ndarray, scale_px: np.ndarray) -> np.ndarray:
        """The chance (…, K) that points lie within `CLOSE` of the eye distance from the truth.

        Args:
            points_xy: (…, K, 2) predicted points, image pixels.
            scale_px: (…, K) the network's Laplace scales of their errors, in the same pixels.
        """
        left, right = self.scheme.outer_eye_corners
        eye_distance = np.linalg.norm(points_xy[..., left, :] - points_xy[..., right, :], axis=-1)[..., None]
        return chance_close(self.net.config.scale_factor * scale_px / np.maximum(eye_distance, 1e-9))

    @torch.inference_mode()
    def predict_crops(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Points (N, K, 2) and Laplace scales (N, K), in units of the crops, see :func:`fkd.model.answer`.

        Args:
            crops: (N, 3, S, S) float in 0 … 255 on the predictor's device.
        """
        return answer(self._fast_net, crops)


def chance_close(scale: np.ndarray) -> np.ndarray:
    """The chance that a point lies within `CLOSE` of the truth, for Laplace scales in eye distances; same shape.

    The distance of an isotropic 2-D Laplace distribution of scale b is Gamma(2, b): 1 - (1 + t / b) exp(-t / b).
    """
    ratio = CLOSE / scale
    return 1.0 - (1.0 + ratio) * np.exp(-ratio)
