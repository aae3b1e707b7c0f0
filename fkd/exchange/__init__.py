"""Labels to and from the formats of other tools, one a module.

Each module has ``TITLE``, what the format is called; ``LABELS``, what the file with the labels is, a pattern where
there are many; ``PRECISION_PX``, how far a point may be from where it was after a round trip; ``CARRIES_HIDDEN``,
whether it can say that a point is labelled but hidden; ``CARRIES_MISSING``, whether it can say that a point has no
label: else `write` gets faces that have all of them; ``write(faces, scheme, folder)``, which returns sentences about
what the format cannot carry; and ``read(path, scheme, pictures)``, which returns the faces or raises DataError and
never gives half of a file.
"""

from __future__ import annotations

from fkd.exchange import coco, deeplabcut, dlib, kaggle, label_studio, pts, yolo

__all__ = ["FORMATS"]

FORMATS = {
    "coco": coco,
    "deeplabcut": deeplabcut,
    "dlib": dlib,
    "kaggle": kaggle,
    "label-studio": label_studio,
    "pts": pts,
    "yolo": yolo,
}
