"""Corrections made ready for training: which rows count, and which of their points."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fkd.boxes import box_iou
from fkd.correction_store import CorrectionStore
from fkd.corrections import Correction
from fkd.errors import CorrectionsError
from fkd.formats import LabelledFace
from fkd.geometry import crop_from_points, roll_of_points
from fkd.metrics import outer_eye_distance_px
from fkd.schemes import Scheme

__all__ = ["CorrectedFaces", "labels_of", "read_corrections"]

# An untouched point is the model's own opinion; where the model was sure and the person let it stand, it may train.
TRUSTED_CONFIDENCE = 0.8
# Two corrections of one picture whose boxes overlap by more than this (intersection over union) are of one face.
SAME_FACE_IOU = 0.3
# Every fifth corrected picture is held out.
HOLD_OUT = 5


@dataclass(frozen=True)
class CorrectedFaces:
    """The faces of a corrections file.

    Attributes:
        training: faces to learn from.
        held_out: faces of other pictures to measure on; only what a person judged is a label there.
        report: a sentence a line on what became of rows and points.
    """

    training: list[LabelledFace]
    held_out: list[LabelledFace]
    report: list[str]


def read_corrections(path: str | Path, scheme: Scheme) -> CorrectedFaces:
    """The corrections in force for `scheme`: of each face the newest.

    Every fifth picture is held out, in the order in which they were first saved. As the file only grows, a picture
    stays on its side of the split for ever, and what was held out from one fine-tune has not trained another.

    Args:
        path: ``corrections.csv``, or the folder that it is in.

    Raises:
        CorrectionsError: if the file is missing, damaged, or holds no correction for this scheme.
    """
    path = Path(path)
    store = CorrectionStore(path if path.is_dir() else path.parent)
    if not store.path.is_file() or (path.is_file() and path.name != store.path.name):
        raise CorrectionsError(
            f"“{path}” is no corrections.csv that the app wrote, nor a folder with one. Save a face in the app first, "
            "or name the file that it said it saved to."
        )
    current = list(store.current())
    mine = [correction for correction in current if correction.scheme == scheme.name]
    if not mine:
        raise CorrectionsError(f"There is no correction for {scheme.name} in “{store.path}” yet.")
    newest = newest_of_each_face(mine)
    pictures = list(dict.fromkeys(row.image for row in store.read() if row.scheme == scheme.name))
    held_pictures = set(pictures[HOLD_OUT - 1 :: HOLD_OUT])
    training, held_out = [], []
    for correction in newest:
        image = store.image_path(correction)
        if not image.is_file():
            raise CorrectionsError(
                f"Row {correction.id} names {correction.image}, which is missing beside {store.path.name}."
            )
        if correction.image in held_pictures:
            held_out.append(corrected_face(correction, image, scheme, judged_labels(correction)))
        else:
            training.append(corrected_face(correction, image, scheme, labels_of(correction)))
    training, held_out = with_labels(training), with_labels(held_out)
    if not training:
        raise CorrectionsError(
            f"No correction for {scheme.name} in “{store.path}” has a point to learn from: move or confirm some points."
        )
    counts = [
        (len(current) - len(mine), "of other schemes"),
        (len(mine) - len(newest), "of faces that were saved again since"),
        (len(newest) - len(training) - len(held_out), "without any point that counts"),
    ]
    left_out = "".join(f"; {n} {why} left out" for n, why in counts if n)
    states = Counter(state for correction in newest for state in correction.states)
    in_all = ", ".join(f"{states[state]} {state}" for state in sorted(states))
    points = sum(int(np.isfinite(face.points_xy[:, 0]).sum()) for face in training)
    report = [
        f"{len(training) + len(held_out)} corrected faces in {len({c.image for c in newest})} pictures{left_out}",
        f"{len(training)} of them train with {points} points: moved and confirmed ones, and untouched ones of "
        f"confidence {TRUSTED_CONFIDENCE} or more ({in_all} in all)",
    ]
    return CorrectedFaces(training, held_out, report)


def newest_of_each_face(newest_first: Sequence[Correction]) -> list[Correction]:
    """One correction a face: the first of those of one picture whose boxes overlap.

    A face that was opened and saved a second time is in the file twice, and neither row names the other.
    """
    kept: list[Correction] = []
    boxes_by_image: dict[str, list[np.ndarray]] = {}
    for correction in newest_first:
        others = boxes_by_image.setdefault(correction.image, [])
        if not others or box_iou(correction.box_xyxy, np.stack(others)).max() <= SAME_FACE_IOU:
            others.append(correction.box_xyxy)
            kept.append(correction)
    return kept


def corrected_face(correction: Correction, image: Path, scheme: Scheme, labels: np.ndarray) -> LabelledFace:
    """One correction as a face with the given labels (K, 2), cropped as the app would crop it.

    Raises:
        CorrectionsError: if its number of points is not the scheme's.
    """
    if len(correction.states) != scheme.n_points:
        raise CorrectionsError(
            f"Row {correction.id} has {len(correction.states)} points, but {scheme.name} has {scheme.n_points}."
        )
    # Judged or not, every point helps to frame the face and to tell its size.
    whole = np.where(np.isnan(correction.corrected_xy), correction.predicted_xy, correction.corrected_xy)
    roll_rad = roll_of_points(whole, scheme)
    return LabelledFace(
        image,
        labels,
        group=f"corrections/{correction.image}",
        box_xyxy=correction.box_xyxy,
        crop=crop_from_points(whole, scheme.crop_from_points, 0.0 if math.isnan(roll_rad) else roll_rad),
        eye_distance_px=float(outer_eye_distance_px(whole[None], scheme)[0]),
    )


def with_labels(faces: Sequence[LabelledFace]) -> list[LabelledFace]:
    return [face for face in faces if np.isfinite(face.points_xy).any()]


def labels_of(correction: Correction) -> np.ndarray:
    """The points (K, 2) of a correction that may train; NaN elsewhere.

    Moved and confirmed points do. An occluded point is a guess and an absent one is none. An untouched point trains
    only where the model was sure of it: else the model would learn its own mistakes.
    """
    states = np.array(correction.states)
    sure = np.nan_to_num(correction.confidence) >= TRUSTED_CONFIDENCE
    trains = (states == "moved") | (states == "confirmed") | ((states == "untouched") & sure)
    return np.where(trains[:, None], correction.corrected_xy, np.nan)


def judged_labels(correction: Correction) -> np.ndarray:
    """The points (K, 2) that a person moved or confirmed; NaN elsewhere.

    To measure on: an untouched point is what the old model said, and would only tell how little has changed.
    """
    judged = np.isin(correction.states, ("moved", "confirmed"))
    return np.where(judged[:, None], correction.corrected_xy, np.nan)
