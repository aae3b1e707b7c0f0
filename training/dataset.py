"""Faces made ready for training: each cut out once, with room to turn and shift it, and its points beside it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from fkd.formats import LabelledFace
from fkd.geometry import Crop, crop_from_box, crop_from_points, cut, image_tensor
from fkd.images import read_image
from fkd.metrics import outer_eye_distance_px
from fkd.schemes import Scheme
from training.chips import ChipFile

__all__ = ["CHIP_MARGIN", "FaceSet", "face_crop", "is_held_out", "make_face_set"]

# A chip is this much wider than the crop that the network sees: enough to turn the crop by 45° and enlarge it a bit.
CHIP_MARGIN = 1.6


@dataclass(frozen=True)
class FaceSet:
    """N faces: their pictures on disk, what is known of them in memory.

    Attributes:
        chips: (N, 3, C, C) uint8, read by a slice or by indices; each holds a face's nominal crop in its middle,
            `CHIP_MARGIN` times as wide.
        points: (N, K, 2) float32, unit coordinates *of the chip*; NaN where there is no label.
        source: (N,) int64, index of each face's labelling convention in `sources`; 0 is the one that ships.
        sources: their names.
        eye_distance: (N,) float64, between the outer eye corners, in chip sides; NaN where it is not known.
        pixel: (N, 2) float32, one pixel of the original photo to the right and one down, along the chip's axes and in
            its sides: a chip may be turned.
        weight: (N,) float64, how often a face is drawn, relative to the others.
    """

    chips: ChipFile
    points: torch.Tensor
    source: torch.Tensor
    sources: tuple[str, ...]
    eye_distance: np.ndarray
    pixel: torch.Tensor
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.chips)

    def points_seen(self, label_origin_px: float) -> torch.Tensor:
        """(N, K, 2) points where the picture shows them: labels less what their file counts its first pixel as."""
        return self.points - label_origin_px * self.pixel[:, None]


def is_held_out(face: LabelledFace) -> bool:
    """Whether a face belongs to the held-out tenth.

    That is decided by the name of its group alone (the data's folder, and the photo or person in it): it is the same in
    every run, as long as the folder keeps its name.
    """
    return zlib.crc32(face.group.encode()) % 10 == 0


def face_crop(face: LabelledFace, scheme: Scheme) -> Crop:
    """The face's nominal crop: the data set's own, else from the labelled points' box, else from its box."""
    if face.crop is not None:
        return face.crop
    if np.isfinite(face.points_xy).all() or face.box_xyxy is None:
        return crop_from_points(face.points_xy, scheme.crop_from_points)
    return crop_from_box(face.box_xyxy, scheme.crop_from_box)


def make_face_set(
    faces: Sequence[LabelledFace],
    scheme: Scheme,
    input_px: int,
    weights: Sequence[float] | None = None,
    progress: Callable[[Sequence], Sequence] = lambda items: items,
    *,
    sources: tuple[str, ...] = (),
    folder: Path | None = None,
) -> FaceSet:
    """Cut every face's chip.

    Args:
        faces: at least one; their photos are read one after the other, each once if its faces stand together.
        input_px: side of the crop that the network sees; chips are `CHIP_MARGIN` times that.
        weights: how often to draw each face; once each if left out.
        progress: wraps the list of faces, e.g. in a progress bar.
        sources: every labelling convention that there is, where these faces may not show them all.
        folder: where the chips are stored, see :class:`ChipFile`.

    Raises:
        ImageError: if a photo cannot be read.
        DataError: if the disk has no room for the chips.
    """
    chip_px = round(input_px * CHIP_MARGIN)
    chips = ChipFile(len(faces), chip_px, folder)
    points = np.empty((len(faces), scheme.n_points, 2), dtype=np.float32)
    eye_distance, pixel = np.empty(len(faces)), np.empty((len(faces), 2), dtype=np.float32)
    sources = sources or tuple(dict.fromkeys(face.source for face in faces))
    loaded: tuple = (None, None)  # the newest picture, and its pixels (3, H, W)
    for i, face in enumerate(progress(faces)):
        if not (isinstance(face.image, Path) and face.image == loaded[0]):
            loaded = (face.image, image_tensor(read_image(face.image)))
        crop = face_crop(face, scheme)
        chip = Crop(crop.center_xy, crop.size_px * CHIP_MARGIN, crop.roll_rad)
        chips[i] = cut(loaded[1], [chip], chip_px)[0].round().to(torch.uint8)
        points[i] = chip.to_unit(face.points_xy)
        pixel[i] = chip.to_unit(np.ones(2)) - chip.to_unit(np.zeros(2))
        labelled = outer_eye_distance_px(face.points_xy[None], scheme)[0]
        eye_distance[i] = (face.eye_distance_px if np.isnan(labelled) else labelled) / chip.size_px
    return FaceSet(
        chips,
        torch.from_numpy(points),
        torch.tensor([sources.index(face.source) for face in faces]),
        sources,
        eye_distance,
        torch.from_numpy(pixel),
        np.ones(len(faces)) if weights is None else np.asarray(weights, dtype=np.float64),
    )
