"""Pictures of a run: how the errors went down, and what the network makes of held-out faces."""

from __future__ import annotations

import io
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
from training.state import METRICS_FILE

__all__ = ["draw_curves", "draw_samples"]

SAMPLES = 12
BLUE, VERMILION, GREY = "#0072b2", "#d55e00", "#6e6e73"  # of Okabe and Ito's palette, as fkd.drawing's


def draw_curves(run: Path, title: str) -> None:
    """Write ``run/curves.png``: loss, held-out error and learning rate over the epochs of ``run/metrics.jsonl``."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    rows = [json.loads(line) for line in (run / METRICS_FILE).read_text(encoding="utf-8").splitlines()]
    epochs = [row["epoch"] for row in rows]
    error, unit, factor = "rmse_unit", "RMSE, % of the crop's side", 100.0
    if any(row.get("nme_iod") is not None for row in rows):
        error, unit = "nme_iod", "NME, % of the eye distance"
    panels = [
        ("Training loss", "loss", 1.0, BLUE),
        (f"Held-out error ({unit})", error, factor, VERMILION),
        ("Learning rate", "lr", 1.0, GREY),
    ]
    figure = Figure(figsize=(12.0, 3.8), dpi=150, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    for axes, (label, key, scale, colour) in zip(figure.subplots(1, 3), panels, strict=True):
        values = np.array([np.nan if row.get(key) is None else row[key] * scale for row in rows], dtype=float)
        axes.plot(epochs, values, color=colour, linewidth=1.8, marker="o", markersize=3.5 if len(rows) < 30 else 0)
        axes.set_title(label, loc="left", fontsize=10)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylim(min(0.0, np.nanmin(values, initial=0.0)), _top(values))
        axes.grid(axis="y", color="#e5e5ea", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        if key == error and np.isfinite(values).any():
            best = int(np.nanargmin(values))
            axes.plot(epochs[best], values[best], "o", color=colour, markersize=6)
            axes.annotate(
                f"{values[best]:.2f} % (epoch {epochs[best]})", (epochs[best], values[best]), (0, 10),
                textcoords="offset points", ha="right" if best > len(rows) / 2 else "left", color=colour, fontsize=9,
            )  # fmt: skip
    content = io.BytesIO()
    figure.savefig(content, format="png")
    write_whole(run / "curves.png", content.getvalue())


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


def _top(values: np.ndarray) -> float:
    """The upper end of an axis that begins at 0: the first epochs may be far off, and must not flatten the others."""
    known = values[np.isfinite(values)]
    if not len(known) or known.max() <= 0:
        return 1.0
    return float(min(known.max(), 3.0 * np.median(known)) * 1.08)
