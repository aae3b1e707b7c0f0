"""Drawn faces as people's data: labelled folders and corrections, small enough to fine-tune a tiny network on."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from tests.corrected_faces import save_correction
from tests.nets import dotted_faces

__all__ = ["corrected_drawings", "keypoints_folder"]


def keypoints_folder(folder: Path, n: int) -> Path:
    """N drawn faces as a keypoints folder, of kaggle15."""
    (folder / "images").mkdir(parents=True)
    lines = [",".join(["", *map(str, range(30))])]
    for i, face in enumerate(dotted_faces(n)):
        Image.fromarray(face.image).save(folder / "images" / f"{i}.png")
        lines.append(",".join([f"{i}.png", *map(str, face.points_xy.ravel())]))
    (folder / "keypoints.csv").write_text("\n".join(lines) + "\n")
    return folder


def corrected_drawings(folder: Path, n: int = 6, states: tuple[str, ...] | None = None, side_px: int = 84) -> Path:
    """Corrections of N drawn faces: every point was moved by 2 px each way, unless `states` says otherwise.

    The pictures are none of `keypoints_folder`'s, which have 80 px: what is corrected and tested on as well is never
    learnt from.
    """
    for face in dotted_faces(n, side_px=side_px):
        predicted = face.points_xy if states else face.points_xy + 2
        save_correction(folder, face.image, predicted, face.points_xy, scheme="kaggle15", states=states)
    return folder
