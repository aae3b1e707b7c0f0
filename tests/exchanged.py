"""Corrections to send through other tools' formats: two pictures, one with two faces, hidden and missing points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from fkd.correction_store import CorrectionStore
from fkd.corrections import Correction
from fkd.schemes import load_scheme
from tests.pictures import portrait, resized

__all__ = ["SCHEME", "corrected", "points_at"]

SCHEME = load_scheme("kaggle15")


def points_at(x: float, y: float, seed: int = 0) -> np.ndarray:
    """(K, 2) points within 20 px of a place, none of them on a whole pixel."""
    return np.random.default_rng(seed).uniform(-20, 20, (SCHEME.n_points, 2)).round(2) + (x, y)


def save(store: CorrectionStore, picture: Path, points: np.ndarray, states: tuple[str, ...], **values) -> Correction:
    with Image.open(picture) as opened:
        width, height = opened.size
    predicted = np.where(np.isnan(points), points_at(30, 30), points + 1.0)
    return store.save(
        picture, image_width=width, image_height=height, scheme=SCHEME.name, corrected_xy=points, states=states,
        predicted_xy=predicted, confidence=np.linspace(0, 1, len(points)), model_version="tiny-1",
        box_xyxy=[*np.nanmin(points, axis=0) - 2, *np.nanmax(points, axis=0) + 2], **values,
    )  # fmt: skip


def corrected(folder: Path, missing: bool = True) -> CorrectionStore:
    """Three faces in two pictures of 102×120 and 171×200 px; with a hidden and, unless forbidden, a missing point."""
    store, k = CorrectionStore(folder / "annotations"), SCHEME.n_points
    for name, height in (("a.png", 120), ("b.png", 200)):
        Image.fromarray(resized(portrait(), height)).save(folder / name)
    save(store, folder / "a.png", points_at(50, 60), ("moved",) * k)
    states, points = ["moved"] * k, points_at(40, 50, seed=1)
    states[2] = "occluded"
    if missing:
        states[3], points[3] = "absent", np.nan
    save(store, folder / "b.png", points, tuple(states))
    save(store, folder / "b.png", points_at(120, 150, seed=2), ("moved",) * k)
    return store
