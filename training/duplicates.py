"""Faces that are in the data more than once, and what that must not do: help the training with the held-out faces."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from fkd.boxes import box_iou
from fkd.formats import LabelledFace
from fkd.geometry import Crop
from fkd.stored_pictures import StoredPicture
from training.dataset import CHIP_MARGIN

__all__ = ["copies_of_held_out", "exact_copies", "near_copies", "sketches"]

SKETCH_PX = 16
# Correlation of two sketches from which on they are taken for one picture. On 2,012 photos from the web, every pair
# above it was the same photo in another size, print or compression. Frames of one video scene come to 0.93 and more; of
# two people, those who are dark in the same half of the picture reach 0.97.
ALIKE = 0.96
# Two rows of one picture label one face if their crops share so much of their area.
SAME_FACE_IOU = 0.5
BATCH = 1024


def sketches(chips: Sequence) -> torch.Tensor:
    """Each face's crop as a small grey picture, its brightness and contrast taken off.

    Args:
        chips: (N, 3, C, C) uint8, a tensor or anything that is sliced like one.

    Returns:
        (N, 256) float16 of mean 0 and norm 1: the product of two is the correlation of the pictures. A crop of one
        colour is all 0, like nothing.
    """
    parts = []
    for start in range(0, len(chips), BATCH):
        batch = chips[start : start + BATCH]
        margin = round(batch.shape[-1] * (1 - 1 / CHIP_MARGIN) / 2)  # around the crop; black where the picture ends
        crop = slice(margin, batch.shape[-1] - margin)
        grey = batch[:, :, crop, crop].float().mean(dim=1, keepdim=True)  # (n, 1, c, c)
        small = F.adaptive_avg_pool2d(grey, SKETCH_PX).flatten(1)  # (n, 256)
        parts.append(F.normalize(small - small.mean(dim=1, keepdim=True), dim=1, eps=1.0).half())
    return torch.cat(parts)


def near_copies(sketched: torch.Tensor) -> np.ndarray:
    """(N,) int64: for each face (N, 256), see `sketches`, the most alike of those before it if that is a copy, else -1.

    It takes N² / 2 products but memory for N only.
    """
    best, copied = torch.full((len(sketched),), ALIKE), torch.full((len(sketched),), -1)
    for rows in _batches(len(sketched)):
        for columns in _batches(rows.stop):
            alike = sketched[rows].float() @ sketched[columns].float().T  # (n, m)
            if columns == rows:
                alike = alike.tril(diagonal=-1)
            most, which = alike.max(dim=1)
            better = most > best[rows]
            best[rows] = torch.where(better, most, best[rows])
            copied[rows] = torch.where(better, which + columns.start, copied[rows])
    return copied.numpy()


def exact_copies(faces: Sequence[LabelledFace], crops: Sequence[Crop]) -> np.ndarray:
    """(N,) int64: for each face the first one before it that is the same face of the very same picture, else -1.

    Args:
        crops: each face's nominal crop. A picture with several faces has a row for each; only rows whose crops overlap
            are copies.
    """
    firsts, copied = defaultdict(list), np.full(len(faces), -1)
    for size, members in _by_size(faces).items():
        for i in members:
            # Pictures of different sizes differ: most files need not be read.
            same_picture = firsts[size, _digest(faces[i].image) if len(members) > 1 else ""]
            box = _box(crops[i])
            same_face = (j for j in same_picture if box_iou(box, _box(crops[j])[None])[0] > SAME_FACE_IOU)
            copied[i] = next(same_face, -1)
            if copied[i] < 0:
                same_picture.append(i)
    return copied


def copies_of_held_out(sketched: torch.Tensor, exact: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """(N,) bool: training faces that are in the held-out tenth too, as the same picture or as one that looks the same.

    The held-out tenth is settled by names alone and so is the same in every run; it is the training copy that goes.

    Args:
        sketched: (N, 256), see `sketches`.
        exact: (N,) int64, see `exact_copies`.
        held_out: (N,) bool.
    """
    first = np.where(exact < 0, np.arange(len(exact)), exact)
    copied = np.isin(first, first[held_out])
    tests = sketched[torch.from_numpy(held_out)]
    for rows in _batches(len(sketched)):
        for columns in _batches(len(tests)):
            alike = sketched[rows].float() @ tests[columns].float().T  # (n, m)
            copied[rows] |= (alike > ALIKE).any(dim=1).numpy()
    return copied & ~held_out


def _batches(n: int) -> list[slice]:
    return [slice(start, min(start + BATCH, n)) for start in range(0, n, BATCH)]


def _by_size(faces: Sequence[LabelledFace]) -> dict[object, list[int]]:
    """Faces by their picture's bytes on the disk, or by its shape."""
    sizes = defaultdict(list)
    for i, face in enumerate(faces):
        sizes[face.image.stat().st_size if isinstance(face.image, Path) else face.image.shape].append(i)
    return sizes


def _digest(image: Path | np.ndarray | StoredPicture) -> str:
    content = image.read_bytes() if isinstance(image, Path) else np.ascontiguousarray(image)
    return hashlib.sha256(content).hexdigest()


def _box(crop: Crop) -> np.ndarray:
    (x, y), half = crop.center_xy, crop.size_px / 2
    return np.array([x - half, y - half, x + half, y + half])
