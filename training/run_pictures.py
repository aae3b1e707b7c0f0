"""Pictures of a run: how the errors went down, and what the network makes of held-out faces."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from fkd.durable import write_whole
from fkd.metrics import nme_iod
from fkd.model import CropNet
from fkd.schemes import load_scheme
from training.check import predicted
from training.contact_sheet import contact_sheet, face_tile, write_picture
from training.dataset import CHIP_MARGIN, FaceSet
from training.figures import learning_curves
from training.state import METRICS_FILE

__all__ = ["draw_curves", "draw_samples"]

SAMPLES = 12


def draw_curves(run: Path) -> None:
    """Write ``run/curves.png``: loss, held-out error and learning rate over the epochs of ``run/metrics.jsonl``."""
    rows = [json.loads(line) for line in (run / METRICS_FILE).read_text(encoding="utf-8").splitlines()]
    write_whole(run / "curves.png", learning_curves(rows))


def draw_samples(run: Path, net: CropNet, held_out: FaceSet) -> None:
    """Write ``run/samples.png``: held-out faces from the smallest error to the largest, with predictions and labels."""
    write_picture(sample_sheet(net, held_out), run / "samples.png")


def sample_sheet(net: CropNet, held_out: FaceSet) -> Image.Image:
    """The picture that `draw_samples` writes."""
    scheme, labels = load_scheme(net.config.scheme), held_out.points_seen(net.config.label_origin_px)
    in_crop, _ = predicted(net, held_out, net.config.input_px)
    predicted_unit = (in_crop - 0.5) / CHIP_MARGIN + 0.5  # (N, K, 2) of the chip
    errors = nme_iod(predicted_unit, labels.numpy(), scheme, held_out.eye_distance)  # (N,)
    order = np.argsort(errors)  # NaN, where the eye distance is not known, comes last
    known = int(np.isfinite(errors).sum()) or len(errors)
    shown = order[np.unique(np.linspace(0, known - 1, min(SAMPLES, known)).round().astype(int))]
    tiles = []
    for i in shown:
        points = [labels[i].numpy(), predicted_unit[i]]
        tile = face_tile(held_out.chips[int(i) : int(i) + 1][0], points, scheme, 1.0 / CHIP_MARGIN)
        tiles.append((tile, "no NME" if np.isnan(errors[i]) else f"NME {errors[i]:.2%}", ""))
    return contact_sheet(
        tiles,
        f"{net.config.version}: {len(shown)} of {len(held_out)} held-out faces, from the best to the worst",
        "blue: predicted; vermilion: labelled; the crop that the network sees",
    )
