"""A photo that is opened again: its faces get back what was saved of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from fkd.boxes import box_iou
from fkd.corrections import Correction
from fkd.predictor import Face
from fkd.ui.photos import OpenFace, OpenPhoto

__all__ = ["SAME_FACE_IOU", "bring_back", "matching_face"]

# Boxes that overlap by more (intersection over union) are of one face: those of the merge (training/merge.py).
SAME_FACE_IOU = 0.3


def bring_back(photo: OpenPhoto, rows: Sequence[Correction]) -> int:
    """Give the faces of a photo the corrections in force, newest first, and add the faces that only the rows know.

    A face that is found again keeps what was predicted when it was corrected: the points that nobody moved are
    where that put them. Rows of other schemes are passed over.

    Returns:
        How many faces have a correction now.
    """
    scheme = photo.predictor.scheme
    for row in rows:
        if row.scheme != scheme.name or len(row.states) != scheme.n_points:
            continue
        if any(face.saved_id == row.id for face in photo.faces.values()):
            continue  # the photo is open still, and its face has it
        opened = matching_face([face for face in photo.faces.values() if face.saved is None], row)
        if opened is None and matching_face(photo.faces.values(), row) is not None:
            continue  # an older row of a face that has its correction
        if opened is None:
            opened = photo.add(face_of_row(row, math.nan))
        opened.face = face_of_row(row, opened.face.score)
        opened.model_version, opened.saved = row.model_version, row
    return sum(face.saved is not None for face in photo.faces.values())


def matching_face(faces: Iterable[OpenFace], row: Correction) -> OpenFace | None:
    """Whose correction a row is: of the face whose box, or whose points' box, overlaps most with those of the row."""
    best, best_overlap = None, SAME_FACE_IOU
    for opened in faces:
        overlap = max(
            overlap_of(opened.face.box_xyxy, row.box_xyxy),
            overlap_of(box_of(opened.face.points), box_of(row.corrected_xy)),
        )
        if overlap > best_overlap:
            best, best_overlap = opened, overlap
    return best


def face_of_row(row: Correction, score: float) -> Face:
    """The face as it was predicted when it was corrected. Confidence that is missing is none."""
    return Face(row.box_xyxy, score, row.predicted_xy, np.nan_to_num(row.confidence))


def box_of(points_xy: np.ndarray) -> np.ndarray:
    """The box (4,) around points (K, 2), NaN if none of them is there."""
    there = points_xy[np.isfinite(points_xy).all(axis=1)]
    return np.concatenate([there.min(axis=0), there.max(axis=0)]) if len(there) else np.full(4, np.nan)


def overlap_of(one_xyxy: np.ndarray, other_xyxy: np.ndarray) -> float:
    """Intersection over union of two boxes; 0 if one of them is missing or flat."""
    boxes = np.stack([one_xyxy, other_xyxy])
    if not np.isfinite(boxes).all() or (boxes[:, 2:] <= boxes[:, :2]).any():
        return 0.0
    return float(box_iou(one_xyxy, other_xyxy[None])[0])
