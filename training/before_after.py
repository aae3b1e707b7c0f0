"""Old and new weights on the same faces: the errors of each face, and how sure the difference is."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from fkd.crop_net import CropNet
from fkd.formats import LabelledFace
from fkd.metrics import nme_iod
from fkd.schemes import Scheme
from fkd.versions import Measured
from training.bootstrap import paired_bootstrap
from training.check import predicted
from training.dataset import CHIP_MARGIN, FaceSet

__all__ = ["Compared", "chosen_of", "compare", "compare_unlabelled", "errors_of", "faces_id"]


@dataclass(frozen=True)
class Compared:
    """N faces by the old and by the new weights.

    Attributes:
        what: which faces, see :mod:`fkd.versions`.
        names: their groups.
        chips: the faces cut out.
        before, after: (N,) float64, errors as shares of the distance between the outer eye corners.
        before_points, after_points, labels: (N, K, 2) float64 in unit crop coordinates; labels may be NaN.
        faces_id: changes with the faces and their labels.
    """

    what: str
    names: tuple[str, ...]
    chips: FaceSet
    before: np.ndarray
    after: np.ndarray
    before_points: np.ndarray
    after_points: np.ndarray
    labels: np.ndarray
    faces_id: str

    def measured(self) -> Measured:
        """The means and the 95 % interval of their difference, drawn by group."""
        difference = paired_bootstrap(self.before, self.after, self.names)
        low, high = (value if math.isfinite(value) else None for value in (difference.low, difference.high))
        return Measured(
            what=self.what, faces_id=self.faces_id, n=len(self.names), before=float(self.before.mean()),
            after=float(self.after.mean()), low=low, high=high,
        )  # fmt: skip


def compare(
    what: str, faces: Sequence[LabelledFace], chips: FaceSet, old: CropNet, new: CropNet, scheme: Scheme
) -> Compared | None:
    """Measure both networks on the nominal crops.

    Args:
        chips: `faces` cut out, for either network: they have one input size and one origin of labels.

    Returns:
        None if no face has a label and a known distance between the eyes.
    """
    before_points, labels = predicted(old, chips, old.config.input_px)
    after_points, _ = predicted(new, chips, new.config.input_px)
    distance = chips.eye_distance * CHIP_MARGIN  # in crop sides, as the points
    before, after = (nme_iod(points, labels, scheme, distance) for points in (before_points, after_points))
    known = np.flatnonzero(np.isfinite(before))
    if not len(known):
        return None
    names = tuple(faces[i].group for i in known)
    return Compared(
        what, names, chosen_of(chips, known), before[known], after[known], before_points[known], after_points[known],
        labels[known], faces_id(faces),
    )  # fmt: skip


def compare_unlabelled(
    what: str, faces: Sequence[LabelledFace], chips: FaceSet, old: CropNet, new: CropNet, scheme: Scheme
) -> Compared:
    """How far the new network's points are from the old one's, which stand for the labels that there are not.

    Args:
        chips: `faces` cut out; their distance between the eyes is known.
    """
    before_points, _ = predicted(old, chips, old.config.input_px)
    after_points, _ = predicted(new, chips, new.config.input_px)
    moved = nme_iod(after_points, before_points, scheme, chips.eye_distance * CHIP_MARGIN)
    return Compared(
        what, tuple(face.group for face in faces), chips, np.zeros(len(faces)), moved, before_points, after_points,
        before_points, faces_id(faces),
    )  # fmt: skip


def errors_of(net: CropNet, chips: FaceSet, scheme: Scheme) -> np.ndarray:
    """(N,) errors of one network as in `Compared`; NaN for a face without a label or that distance."""
    points, labels = predicted(net, chips, net.config.input_px)
    return nme_iod(points, labels, scheme, chips.eye_distance * CHIP_MARGIN)


def faces_id(faces: Sequence[LabelledFace]) -> str:
    """Twelve hexadecimal digits that change with the faces, their order and their labels, to 0.01 px."""
    digest = hashlib.sha256()
    for face in faces:
        digest.update(face.group.encode())
        digest.update((np.round(face.points_xy, 2) + 0.0).astype("<f8").tobytes())
    return digest.hexdigest()[:12]


def chosen_of(faces: FaceSet, chosen: np.ndarray) -> FaceSet:
    """Some of the faces, in the order of their indices."""
    index = torch.from_numpy(chosen)
    return FaceSet(
        faces.chips[index], faces.points[index], faces.source[index], faces.sources, faces.eye_distance[chosen],
        faces.pixel[index], faces.weight[chosen],
    )  # fmt: skip
