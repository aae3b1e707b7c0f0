"""The corrections in force, in another tool's format."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fkd.correction_store import CorrectionStore
from fkd.corrections import Correction
from fkd.errors import CorrectionsError, DataError
from fkd.exchange import FORMATS
from fkd.exchange.faces import ExchangedFace
from fkd.schemes import load_scheme

__all__ = ["Exported", "export"]


@dataclass(frozen=True)
class Exported:
    """What was written: how many faces in how many pictures, and sentences about what the format cannot carry."""

    faces: int
    pictures: int
    notices: tuple[str, ...]


def export(store: CorrectionStore, format_name: str, out: Path, scheme_name: str | None = None) -> Exported:
    """Write the corrections in force, with their pictures, into a new folder; it appears whole or not at all.

    Every point is written where the person left it, also those that they neither moved nor confirmed.

    Args:
        format_name: a key of :data:`fkd.exchange.FORMATS`.
        out: a folder that is not there yet, or empty.
        scheme_name: the corrections of which scheme; None if there are only those of one.

    Raises:
        DataError: if there is nothing to write, `out` is taken, or the operating system refuses.
        CorrectionsError: if the corrections cannot be read, or a picture is missing.
    """
    if not out.name or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise DataError(f"{out} is there already; name a folder that is not.")
    corrections = list(store.current())[::-1]
    schemes = sorted({correction.scheme for correction in corrections})
    if scheme_name is None and len(schemes) > 1:
        raise DataError(f"There are corrections of {' and '.join(schemes)}; choose one of them (--scheme).")
    chosen = [correction for correction in corrections if scheme_name in (None, correction.scheme)]
    if not chosen:
        raise DataError(f"There are no corrections {f'of {scheme_name} ' if scheme_name else ''}in {store.path}.")
    faces = [_exchanged(correction, store) for correction in chosen]
    faces = [face for face in faces if np.isfinite(face.points_xy).any()]
    if not faces:
        raise DataError(f"Every point of every correction in {store.path} is absent: there is nothing to export.")
    module, carried = FORMATS[format_name], faces
    if not module.CARRIES_MISSING:
        carried = [face for face in faces if np.isfinite(face.points_xy).all()]
    left_out = len(faces) - len(carried)
    why = f"{module.TITLE} cannot say that a point is missing"
    if not carried:
        raise DataError(f"{why}, and every face has one that is. Choose another format.")
    part = out.with_name(f".{out.name}.{uuid.uuid4().hex}.part")
    try:
        part.mkdir(parents=True)
        notices = module.write(carried, load_scheme(chosen[0].scheme), part)
        part.replace(out)
    except OSError as error:
        raise DataError(f"The export cannot be written to {out} ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    if left_out:
        notices = [f"{left_out} {'face was' if left_out == 1 else 'faces were'} left out: {why}.", *notices]
    return Exported(len(carried), len({face.image for face in carried}), tuple(notices))


def _exchanged(correction: Correction, store: CorrectionStore) -> ExchangedFace:
    path = store.image_path(correction)
    if not path.is_file():
        raise CorrectionsError(f"The picture {correction.image} of row {correction.id} is not in {store.folder}.")
    has_prediction = np.isfinite(correction.predicted_xy).any()
    return ExchangedFace(
        image=path,
        width=correction.image_width,
        height=correction.image_height,
        points_xy=correction.corrected_xy,
        hidden=np.array(correction.states) == "occluded",
        box_xyxy=correction.box_xyxy,
        predicted_xy=correction.predicted_xy if has_prediction else None,
        confidence=correction.confidence if has_prediction else None,
        model_version=correction.model_version,
    )
