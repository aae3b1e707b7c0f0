"""Corrections made ready for training: which rows count, and which of their points."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fkd.correction_store import CorrectionStore
from fkd.corrections import Correction
from fkd.errors import CorrectionsError
from fkd.formats import LabelledFace
from fkd.geometry import crop_from_points, roll_of_points
from fkd.schemes import Scheme

__all__ = ["CorrectedFaces", "labels_of", "read_corrections", "split_by_picture"]

# An untouched point is the model's own opinion; where the model was sure and the person let it stand, it may train.
TRUSTED_CONFIDENCE = 0.8


@dataclass(frozen=True)
class CorrectedFaces:
    """The faces of a corrections file that can train, and a sentence a line on what became of its rows and points."""

    faces: list[LabelledFace]
    report: list[str]


def read_corrections(path: str | Path, scheme: Scheme) -> CorrectedFaces:
    """The corrections in force for `scheme`.

    Args:
        path: ``corrections.csv``, or the folder that it is in.

    Raises:
        CorrectionsError: if the file is missing, damaged, or holds no correction for this scheme.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    store = CorrectionStore(folder)
    if not store.path.is_file() or (path.is_file() and path.name != store.path.name):
        raise CorrectionsError(
            f"“{path}” is no corrections.csv that the app wrote, nor a folder with one. Save a face in the app first, "
            "or name the file that it said it saved to."
        )
    current = list(store.current())
    mine = [correction for correction in current if correction.scheme == scheme.name]
    for correction in mine:
        if not store.image_path(correction).is_file():
            raise CorrectionsError(
                f"Row {correction.id} names {correction.image}, which is missing beside {path.name}."
            )
    faces = [corrected_face(correction, store.image_path(correction), scheme) for correction in mine]
    usable = [face for face in faces if np.isfinite(face.points_xy).any()]
    states = Counter(state for correction in mine for state in correction.states)
    trained = sum(int(np.isfinite(face.points_xy[:, 0]).sum()) for face in usable)
    report = [
        f"{len(usable)} corrected faces in {len({c.image for c in mine})} pictures"
        + (f"; {len(current) - len(mine)} of other schemes left out" if len(current) > len(mine) else "")
        + (
            f"; {len(faces) - len(usable)} without any point to learn from left out" if len(faces) > len(usable) else ""
        ),
        f"{trained} points train: moved and confirmed ones, and untouched ones of confidence {TRUSTED_CONFIDENCE} or "
        "more (" + ", ".join(f"{states[state]} {state}" for state in sorted(states)) + ")",
    ]
    if not usable:
        raise CorrectionsError(f"There is no correction for {scheme.name} in “{store.path}” yet.")
    return CorrectedFaces(usable, report)


def corrected_face(correction: Correction, image: Path, scheme: Scheme) -> LabelledFace:
    """One correction as a labelled face: what does not train is NaN, and the crop is the one the app would make.

    Raises:
        CorrectionsError: if its number of points is not the scheme's.
    """
    if len(correction.states) != scheme.n_points:
        raise CorrectionsError(
            f"Row {correction.id} has {len(correction.states)} points, but {scheme.name} has {scheme.n_points}."
        )
    # Judged or not, every point helps to frame the face.
    whole = np.where(np.isnan(correction.corrected_xy), correction.predicted_xy, correction.corrected_xy)
    roll_rad = roll_of_points(whole, scheme)
    return LabelledFace(
        image,
        labels_of(correction),
        group=f"corrections/{correction.image}",
        box_xyxy=correction.box_xyxy,
        crop=crop_from_points(whole, scheme.crop_from_points, 0.0 if math.isnan(roll_rad) else roll_rad),
    )


def labels_of(correction: Correction) -> np.ndarray:
    """The points (K, 2) of a correction that may train; NaN elsewhere.

    Moved and confirmed points do. An occluded point is a guess and an absent one is none. An untouched point trains
    only where the model was sure of it: else the model would learn its own mistakes.
    """
    states = np.array(correction.states)
    sure = np.nan_to_num(correction.confidence) >= TRUSTED_CONFIDENCE
    trains = (states == "moved") | (states == "confirmed") | ((states == "untouched") & sure)
    return np.where(trains[:, None], correction.corrected_xy, np.nan)


def split_by_picture(faces: Sequence[LabelledFace]) -> tuple[list[LabelledFace], list[LabelledFace]]:
    """Faces to train on and faces held out: a fifth of the pictures, chosen by their names alone.

    With fewer than five pictures none is held out: all of them are needed.
    """
    pictures = sorted({face.group for face in faces}, key=lambda group: zlib.crc32(group.encode()))
    held = set(pictures[: round(len(pictures) / 5)] if len(pictures) >= 5 else [])
    return [face for face in faces if face.group not in held], [face for face in faces if face.group in held]
