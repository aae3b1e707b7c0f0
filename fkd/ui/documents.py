"""Open photos and corrections as the page shows them: documents for the editor, rows for the table."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from gradio.data_classes import FileData

from fkd.corrections import Correction
from fkd.geometry import roll_of_points
from fkd.schemes import Scheme
from fkd.settle import point_spread
from fkd.ui.editor import EditorDocument, EditorFace, packed_prior, point_lists
from fkd.ui.photos import OpenFace, OpenPhoto

__all__ = ["TABLE_COLUMNS", "document", "table_row"]

TABLE_COLUMNS = ["saved (UTC)", "scheme", "moved", "confirmed", "hidden", "largest move (px)", "by", "row"]


def document(photo: OpenPhoto, rev: int = 0) -> EditorDocument:
    """An open photo as the editor wants it: what was saved of a face counts, else what was predicted."""
    scheme = photo.predictor.scheme
    return EditorDocument(
        image=FileData(path=str(photo.display)),
        width=photo.width,
        height=photo.height,
        doc_id=photo.doc_id,
        rev=rev,
        scheme=scheme.name,
        photo_name=photo.name,
        photo_key=photo.image,
        names=list(scheme.names),
        edges=[tuple(edge) for edge in scheme.edges],
        flip_pairs=[tuple(pair) for pair in scheme.flip_pairs],
        faces=[editor_face(opened, scheme) for opened in photo.faces.values()],
        settle_prior=packed_prior(photo.predictor.settle_prior),
    )


def editor_face(opened: OpenFace, scheme: Scheme) -> EditorFace:
    face, saved = opened.face, opened.saved
    predicted = point_lists(face.points.round(2))
    return EditorFace(
        face_id=opened.face_id,
        box_xyxy=[round(float(v), 2) for v in face.box_xyxy],
        score=None if math.isnan(face.score) else round(face.score, 3),
        predicted=predicted,
        points=predicted if saved is None else point_lists(saved.corrected_xy),
        confidence=[round(float(c), 3) for c in face.confidence],
        states=list(saved.states) if saved else ["untouched" if point else "absent" for point in predicted],
        saved_id=opened.saved_id or None,
        saved_rev=opened.saved_rev,
        spread=[round(float(s), 4) for s in point_spread(face.confidence)],
        roll_rad=float(np.nan_to_num(roll_of_points(face.points, scheme))),
    )


def table_row(correction: Correction) -> list:
    """A correction under `TABLE_COLUMNS`."""
    states = Counter(correction.states)
    shift_px = np.linalg.norm(correction.corrected_xy - correction.predicted_xy, axis=1)
    shift_px = shift_px[np.array(correction.states) != "settled"]
    largest = float(np.nanmax(shift_px)) if np.isfinite(shift_px).any() else 0.0
    return [
        correction.time_utc[:19].replace("T", " "),
        correction.scheme,
        states["moved"],
        states["confirmed"],
        states["occluded"] + states["absent"],
        round(largest, 1),
        correction.annotator,
        correction.id[:9],
    ]
