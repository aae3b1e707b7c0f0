"""What a report of a run shows: its epochs, its figures on held-out faces, and the faces to look at."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from fkd.drawing import draw_faces
from fkd.errors import DataError
from fkd.formats import LabelledFace
from fkd.geometry import crop_from_points, cut, image_tensor
from fkd.images import read_image
from fkd.metrics import mean_of_labelled
from fkd.schemes import Scheme
from training.data import read_training_data
from training.evaluate import Evaluation
from training.report_page import Gallery
from training.run_record import RECORD_FILE
from training.state import METRICS_FILE

__all__ = ["best_and_worst", "read_epochs", "run_faces", "run_weights"]

BEST, WORST = 6, 12
FACE_PX = 320


def read_epochs(run: Path) -> list[dict]:
    """The epochs of a run, from its ``metrics.jsonl``.

    Raises:
        DataError: if the file is missing or damaged.
    """
    file = run / METRICS_FILE
    try:
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise DataError(
            f"“{run}” is no run of a training: {METRICS_FILE} cannot be read ({error.strerror})."
        ) from error
    except ValueError as error:
        raise DataError(f"“{file}” is damaged: {error}.") from error
    if not all(isinstance(row, dict) and "epoch" in row for row in rows):
        raise DataError(f"“{file}” is damaged: a line of it is no epoch.")
    return rows


def run_weights(run: Path) -> Path | None:
    """The folder of a run's weights: its best, or the newest where it has not ended; None before its first epoch."""
    return next((folder for folder in (run, run / "last") if (folder / "model.safetensors").is_file()), None)


def run_faces(run: Path, scheme: Scheme) -> list[LabelledFace]:
    """The held-out faces that a run measured itself on, by the data that its ``run.json`` names.

    Raises:
        DataError: if that is not known, or the data is no longer there.
    """
    try:
        named = json.loads((run / RECORD_FILE).read_text(encoding="utf-8"))["data"]["paths"]
        named = [(str(path), float(weight)) for path, weight in named]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"“{run}/{RECORD_FILE}” does not name the data of the run. Name it: --data PATH.") from error
    return read_training_data(named, scheme).held_out


def best_and_worst(evaluation: Evaluation, faces: Sequence[LabelledFace]) -> list[Gallery]:
    """The worst faces and the best ones; a missed face, which has labels only, is the worst that there is.

    Args:
        faces: those of the evaluation, in its order.

    Raises:
        ImageError: if a photo cannot be read.
    """
    errors = np.where(evaluation.missed, np.inf, mean_of_labelled(evaluation.relative_errors))
    order = np.argsort(errors)[: np.count_nonzero(~np.isnan(errors))]
    worst = order[::-1][:WORST]
    best = [i for i in order[:BEST] if i not in worst]
    parts = (("The worst faces", worst), ("The best faces", best))
    return [
        Gallery(title, tuple(_shown(evaluation, faces[i], int(i), errors[i]) for i in which))
        for title, which in parts
        if len(which)
    ]


def _shown(evaluation: Evaluation, face: LabelledFace, i: int, error: float) -> tuple[bytes, str, str]:
    both = np.concatenate([face.points_xy, evaluation.predicted_xy[i]])
    crop = crop_from_points(both, evaluation.scheme.crop_from_points)
    pixels = cut(image_tensor(read_image(face.image)), [crop], FACE_PX)[0]  # (3, S, S)
    points = [crop.to_unit(xy) * FACE_PX - 0.5 for xy in (face.points_xy, evaluation.predicted_xy[i])]
    certainty = [np.zeros(len(points[0])), np.ones(len(points[1]))]  # labels in vermilion, predictions in blue
    picture = Image.fromarray(pixels.round().byte().permute(1, 2, 0).numpy())
    content = io.BytesIO()
    draw_faces(picture, points, evaluation.scheme.edges, confidence=certainty).save(content, "JPEG", quality=88)
    name = face.image.name if isinstance(face.image, Path) else face.group
    if evaluation.missed[i]:
        return content.getvalue(), name, "not found"
    return content.getvalue(), name, f"{error:.1%} off, {1 - evaluation.uncertainty[i]:.0%} sure"
