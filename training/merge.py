"""Corrections made ready for training: which rows count, which of their points, and what becomes of the base data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fkd.boxes import box_iou
from fkd.correction_store import CorrectionStore, StoredRow
from fkd.corrections import Correction
from fkd.errors import CorrectionsError
from fkd.formats import LabelledFace
from fkd.metrics import outer_eye_distance_px
from fkd.schemes import Scheme
from training.corrected_face import GROUP, corrected_face, judged_labels, labels_of, whole_face
from training.damaged_picture import is_damaged
from training.dataset import is_held_out
from training.merge_report import Conflict, MergeReport
from training.same_picture import SamePictures

__all__ = ["Merged", "merge", "read_corrections"]

# Two corrections of one picture whose boxes overlap by more than this (intersection over union) are of one face. The
# detector keeps no two boxes that overlap more.
SAME_FACE_IOU = 0.3
# A base face and a correction in one picture are one face if their points are closer than this, in box sides.
SAME_FACE_SHIFT = 0.25
# Every fifth corrected picture is held out.
HOLD_OUT = 5

OTHER_SCHEME = "of another scheme"
REPEATED = "the same row is in the file twice"
UNDO = "it takes another row back"
UNDONE = "taken back"
SUPERSEDED = "superseded by a later save"
N_POINTS = "its number of points is not the scheme's"
NO_PICTURE = "its picture is missing"
DAMAGED = "its picture is damaged"
OLDER = "the face was opened and saved again"
OTHER_PERSON = "somebody else saved the face later"
NO_LABEL = "no point that counts"
_STANDING = {"repeated": REPEATED, "undo": UNDO, "undone": UNDONE, "superseded": SUPERSEDED}


@dataclass(frozen=True)
class Merged:
    """Base data and corrections as one data set.

    Attributes:
        base: the base faces, in their order, without those that gave way to a correction.
        training: corrected faces to learn from.
        held_out: corrected faces of other pictures to measure on; only what a person judged is a label there.
        report: what became of every row.
    """

    base: list[LabelledFace]
    training: list[LabelledFace]
    held_out: list[LabelledFace]
    report: MergeReport

    @property
    def faces(self) -> list[LabelledFace]:
        """All faces to train from, the base's own held-out tenth among them."""
        return self.base + self.training


def read_corrections(
    path: str | Path, scheme: Scheme, base: Sequence[LabelledFace] = (), frozen: Sequence[LabelledFace] = ()
) -> Merged:
    """Merge a corrections file with base data, see `merge`; there must be something to learn from.

    Args:
        path: ``corrections.csv``, or the folder that it is in.

    Raises:
        CorrectionsError: if the file is missing, damaged, or holds nothing for this scheme that can train.
    """
    store = open_corrections(path)
    merged = merge(base, store, scheme, frozen)
    if not merged.training:
        report = merged.report
        if len(report.skipped.get(OTHER_SCHEME, ())) == report.rows:
            raise CorrectionsError(f"There is no correction for {scheme.name} in “{store.path}” yet.")
        if merged.held_out:
            raise CorrectionsError(
                f"Every picture that was corrected for {scheme.name} in “{store.path}” is held out to measure on: "
                "correct pictures that are not in the frozen test as well."
            )
        reasons = "; ".join(f"{reason}: {len(ids)}" for reason, ids in report.skipped.items())
        raise CorrectionsError(
            f"No correction for {scheme.name} in “{store.path}” has a point to learn from: move or confirm some points."
            + (f" (Rows left out: {reasons}.)" if reasons else "")
        )
    return merged


def open_corrections(path: str | Path) -> CorrectionStore:
    """The corrections at a path: ``corrections.csv``, or the folder that it is in.

    Raises:
        CorrectionsError: if there are none.
    """
    path = Path(path)
    store = CorrectionStore(path if path.is_dir() else path.parent)
    if not store.path.is_file() or (path.is_file() and path.name != store.path.name):
        raise CorrectionsError(
            f"“{path}” is no corrections.csv that the app wrote, nor a folder with one. Save a face in the app first, "
            "or name the file that it said it saved to."
        )
    return store


def merge(
    base: Sequence[LabelledFace],
    corrections: CorrectionStore,
    scheme: Scheme,
    frozen: Sequence[LabelledFace] = (),
) -> Merged:
    """Merge base data with the corrections in force for `scheme`: of each face the newest.

    Nothing is written, and the same files give the same answer; merging the result with the same corrections again
    changes nothing. Every fifth corrected picture is held out, in the order in which they were first saved. As the
    file only grows, a picture stays on its side of the split for ever, and what was held out from one fine-tune has
    not trained another. A corrected picture that the base holds out, or that is in `frozen`, is held out as well. A
    base face that trains gives way to a correction of the same face.

    Args:
        base: labelled faces in any order.
        frozen: faces that nothing may learn from.

    Raises:
        CorrectionsError: with the line number, if a row cannot be read.
    """
    skipped: dict[str, list[str]] = {}
    in_force, first_saved, rows = rows_by_picture(corrections, scheme, skipped)
    missing = [image for image in in_force if not (corrections.folder / image).is_file()]
    there = in_force.keys() - set(missing)
    damaged = [image for image in in_force if image in there and is_damaged(corrections.folder / image)]
    for reason, images in ((NO_PICTURE, missing), (DAMAGED, damaged)):
        for image in images:
            skipped.setdefault(reason, []).extend(row.id for row in in_force.pop(image))

    pictures = SamePictures({image: (saves[0].image_width, saves[0].image_height) for image, saves in in_force.items()})
    held_pictures = set(first_saved[HOLD_OUT - 1 :: HOLD_OUT])
    held_pictures |= pictures.among([*frozen, *filter(is_frozen, base)])
    training: list[tuple[Correction, LabelledFace]] = []
    held_out: list[tuple[Correction, LabelledFace]] = []
    conflicts: list[Conflict] = []
    newest_of: dict[str, list[Correction]] = {}
    for image, saves in in_force.items():
        for newest, *older in saves_by_face(saves):
            newest_of.setdefault(image, []).append(newest)
            conflicts += conflicts_between(newest, older, scheme)
            for save in older:
                reason = OLDER if save.annotator == newest.annotator else OTHER_PERSON
                skipped.setdefault(reason, []).append(save.id)
            labels = judged_labels(newest) if image in held_pictures else labels_of(newest)
            if np.isfinite(labels).any():
                side = held_out if image in held_pictures else training
                side.append((newest, corrected_face(newest, corrections.image_path(newest), scheme, labels)))
            else:
                skipped.setdefault(NO_LABEL, []).append(newest.id)

    kept = [face for face in base if is_frozen(face) or not is_corrected(face, newest_of.get(pictures.of(face), ()))]
    report = MergeReport(
        source=str(corrections.path),
        scheme=scheme.name,
        rows=rows,
        training=tuple(row.id for row, _ in training),
        held_out=tuple(row.id for row, _ in held_out),
        skipped={reason: tuple(ids) for reason, ids in skipped.items()},
        points=dict(sum((states_that_train(row, face) for row, face in training), Counter())),
        conflicts=tuple(conflicts),
        missing=tuple(missing),
        damaged=tuple(damaged),
        base=len(base),
        replaced=len(base) - len(kept),
    )
    return Merged(kept, [face for _, face in training], [face for _, face in held_out], report)


def rows_by_picture(
    corrections: CorrectionStore, scheme: Scheme, skipped: dict[str, list[str]]
) -> tuple[dict[str, list[Correction]], list[str], int]:
    """One pass over the file: the saves in force by picture, all pictures in the order of their first save, and the
    number of rows; the ids of all other rows go to `skipped`, by the reason. Only what is in force is decoded."""
    in_force: dict[str, list[Correction]] = {}
    pictures: dict[str, None] = {}
    rows = 0
    for rows, row in enumerate(corrections.newest_first(), start=1):  # noqa: B007 (the last one is their number)
        if row.links.scheme == scheme.name:
            pictures.pop(row.links.image, None)
            pictures[row.links.image] = None
        reason, save = reason_or_save(row, corrections, scheme)
        if save is None:
            skipped.setdefault(reason, []).append(row.links.id)
        else:
            in_force.setdefault(save.image, []).append(save)
    return in_force, list(reversed(pictures)), rows


def reason_or_save(row: StoredRow, corrections: CorrectionStore, scheme: Scheme) -> tuple[str, Correction | None]:
    if row.links.scheme != scheme.name:
        return OTHER_SCHEME, None
    if row.standing != "in force":
        return _STANDING[row.standing], None
    save = corrections.record(row)
    return (N_POINTS, None) if len(save.states) != scheme.n_points else ("", save)


def saves_by_face(saves: Sequence[Correction]) -> list[list[Correction]]:
    """The saves in force of one picture, one list a face, the newest first.

    A face that was opened again, or by somebody else, is in the file twice, and neither row names the other: their
    boxes overlap. Files of several machines may have been joined, so the time decides; `saves` come newest first, and
    of two saves at one time the first of them counts as newer.
    """
    faces: list[list[Correction]] = []
    for save in sorted(saves, key=lambda save: save.time_utc, reverse=True):
        boxes = np.array([face[0].box_xyxy for face in faces]).reshape(-1, 4)
        overlap = box_iou(save.box_xyxy, boxes)
        if len(faces) and overlap.max() > SAME_FACE_IOU:
            faces[int(overlap.argmax())].append(save)
        else:
            faces.append([save])
    return faces


def conflicts_between(newest: Correction, older: Sequence[Correction], scheme: Scheme) -> list[Conflict]:
    """The newest row of a face against the newest one of everybody else who saved it."""
    others = {save.annotator: save for save in reversed(older) if save.annotator != newest.annotator}
    return [
        Conflict(newest.image, newest.id, save.id, newest.annotator, save.annotator, distance_iod(newest, save, scheme))
        for save in others.values()
    ]


def distance_iod(first: Correction, second: Correction, scheme: Scheme) -> float:
    """Mean distance of the points that both place and at least one judged, over the eye distance; else NaN."""
    unjudged = np.isin(first.states, ("untouched", "settled")) & np.isin(second.states, ("untouched", "settled"))
    distance_px = np.linalg.norm(first.corrected_xy - second.corrected_xy, axis=1)[~unjudged]
    known = distance_px[np.isfinite(distance_px)]
    eye_distance_px = outer_eye_distance_px(whole_face(first)[None], scheme)[0]
    return float(known.mean() / eye_distance_px) if len(known) and eye_distance_px > 0 else math.nan


def is_frozen(face: LabelledFace) -> bool:
    """Whether a base face is held out; one that came from corrections gives way to them all the same."""
    return is_held_out(face) and not face.group.startswith(GROUP)


def is_corrected(face: LabelledFace, saves: Sequence[Correction]) -> bool:
    """Whether one of the corrections of its picture is of this face."""
    return any(shift_in_boxes(face.points_xy, save) < SAME_FACE_SHIFT for save in saves)


def shift_in_boxes(points_xy: np.ndarray, save: Correction) -> float:
    """How far the labelled points (K, 2) are from those of a correction, over its box's longer side; else infinity."""
    distance_px = np.linalg.norm(points_xy - whole_face(save), axis=1)
    known = distance_px[np.isfinite(distance_px)]
    side_px = (save.box_xyxy[2:] - save.box_xyxy[:2]).max()
    return float(known.mean() / side_px) if len(known) else np.inf


def states_that_train(save: Correction, face: LabelledFace) -> Counter[str]:
    trains = np.isfinite(face.points_xy[:, 0])
    return Counter(state for state, counts in zip(save.states, trains, strict=True) if counts)
