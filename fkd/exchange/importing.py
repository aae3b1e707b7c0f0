"""Labels of another tool as corrections: everything is checked first, then appended."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fkd.boxes import box_iou
from fkd.correction_store import CorrectionStore
from fkd.corrections import Correction
from fkd.errors import CorrectionsError, DataError, ImageError
from fkd.exchange.faces import ExchangedFace, box_around
from fkd.schemes import Scheme

__all__ = ["Imported", "import_faces"]

_SAME_FACE = 0.3  # boxes of one picture whose intersection over union is above this show one face
_UNMOVED_PX = 0.011  # as in fkd.corrections: what was rounded apart still counts as in place


@dataclass(frozen=True)
class Imported:
    """What became of the faces: appended, of those in the place of an earlier correction, there already, and empty."""

    added: int
    superseding: int
    known: int
    without_points: int

    @property
    def sentence(self) -> str:
        """The same in words."""
        said = "1 face added" if self.added == 1 else f"{self.added} faces added"
        if self.superseding:
            said += f", {self.superseding} of them in the place of an earlier correction"
        if self.known:
            said += f"; {self.known} {'was' if self.known == 1 else 'were'} there already"
        if self.without_points:
            said += f"; {self.without_points} without any label left out"
        return f"{said}."


def import_faces(
    faces: Sequence[ExchangedFace],
    store: CorrectionStore,
    scheme: Scheme,
    annotator: str,
    *,
    precision_px: float,
    carries_hidden: bool,
) -> Imported:
    """Append the faces as corrections: points are ``moved``, ``confirmed`` where a known prediction was left as it
    was, ``occluded`` or ``absent``.

    A face that is there already, or ever was, is passed over: importing a file twice changes nothing, and what a
    person has corrected or taken back since stays as they left it. A face whose box overlaps that of a correction in
    force takes its place, as saving again does.

    Args:
        precision_px: how exact the format's points are; within that, labels are the same.
        carries_hidden: whether the format says which points are hidden; else that makes no difference.

    Raises:
        DataError: naming the place in the file, if a face is no correction; then nothing was appended.
        CorrectionsError: if the corrections cannot be read or written; what was appended stays.
    """
    labelled = [face for face in faces if np.isfinite(face.points_xy).any()]
    with tempfile.TemporaryDirectory(prefix="fkd-import-") as scratch:
        paths = [_file_of(face, Path(scratch), index) for index, face in enumerate(labelled)]
        corrections = _checked(labelled, paths, scheme, annotator)
        new: set[str] = set()
        ever = {row.links.id for row in store.newest_first()} if store.path.exists() else set()
        superseding = 0
        for path, correction in zip(paths, corrections, strict=True):
            if correction.id in ever | new:
                continue
            earlier = _earlier(correction, store, new)
            if earlier is not None and _same_labels(correction, earlier, precision_px, carries_hidden):
                continue
            values = {name: getattr(correction, name) for name in _KEPT}
            store.save(path, **values, supersedes=earlier.id if earlier else "")
            new.add(correction.id)
            superseding += earlier is not None
    return Imported(len(new), superseding, len(labelled) - len(new), len(faces) - len(labelled))


_KEPT = (
    "id", "image_width", "image_height", "scheme", "annotator", "box_xyxy", "predicted_xy", "corrected_xy",
    "confidence", "states", "model_version",
)  # fmt: skip


def _file_of(face: ExchangedFace, scratch: Path, index: int) -> Path:
    if isinstance(face.image, Path):
        return face.image
    from PIL import Image

    path = scratch / f"{index}.png"
    Image.fromarray(np.asarray(face.image)[..., 0]).save(path)  # formats that carry pixels have grey ones
    return path


def _checked(faces: list[ExchangedFace], paths: list[Path], scheme: Scheme, annotator: str) -> list[Correction]:
    from fkd.image_store import stored_name

    names: dict[Path, str] = {}
    corrections = []
    for face, path in zip(faces, paths, strict=True):
        try:
            if path not in names:
                names[path] = f"images/{stored_name(path)}"
            corrections.append(_correction(face, names[path], scheme, annotator))
        except (CorrectionsError, ImageError) as error:
            raise DataError(f"{face.where}: {error} Nothing was imported.") from error
    return corrections


def _correction(face: ExchangedFace, image: str, scheme: Scheme, annotator: str) -> Correction:
    points = face.points_xy
    predicted = np.full_like(points, np.nan) if face.predicted_xy is None else face.predicted_xy
    confidence = np.full(len(points), np.nan) if face.confidence is None else face.confidence
    kept = np.abs(points - predicted).max(axis=1) < _UNMOVED_PX  # never where nothing was predicted
    states = np.select([np.isnan(points[:, 0]), face.hidden, kept], ["absent", "occluded", "confirmed"], "moved")
    # The same labels of the same picture have the same id, so that no row is ever there twice.
    content = f"{image} {scheme.name} {points.round(2).tolist()} {states.tolist()}"
    return Correction(
        id="i" + hashlib.sha256(content.encode()).hexdigest()[:32],
        image=image,
        image_width=face.width,
        image_height=face.height,
        scheme=scheme.name,
        annotator=annotator,
        box_xyxy=box_around(points) if face.box_xyxy is None else face.box_xyxy,
        predicted_xy=predicted,
        corrected_xy=points,
        confidence=confidence,
        states=tuple(states.tolist()),
        model_version=face.model_version,
    )


def _earlier(correction: Correction, store: CorrectionStore, new: set[str]) -> Correction | None:
    """The correction in force of the same face, if there is one; not one of the same file, whose faces are distinct."""
    rows = store.of_image(correction.image)
    others = [row for row in rows if row.scheme == correction.scheme and row.id not in new]
    if not others:
        return None
    overlaps = box_iou(correction.box_xyxy, np.array([other.box_xyxy for other in others]))
    return others[int(overlaps.argmax())] if overlaps.max() > _SAME_FACE else None


def _same_labels(new: Correction, old: Correction, precision_px: float, carries_hidden: bool) -> bool:
    edges = np.array([old.image_width, old.image_height]) - 0.5
    outside = ((old.corrected_xy < -0.5) | (old.corrected_xy > edges)).any(axis=1)
    gone = np.isnan(new.corrected_xy[:, 0])
    # A point outside the picture is one that a format may not be able to carry.
    if not np.array_equal(gone, np.isnan(old.corrected_xy[:, 0]) | (gone & outside)):
        return False
    hidden = [np.array(row.states)[~gone] == "occluded" for row in (new, old)]
    if carries_hidden and not np.array_equal(*hidden):
        return False
    apart_px = np.abs(new.corrected_xy - old.corrected_xy)[~gone]
    return bool((apart_px <= precision_px + 0.02).all())  # both are rounded to 0.01 px
