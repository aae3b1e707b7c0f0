"""Corrections of real pictures, for tests of what is learnt from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from fkd.correction_store import CorrectionStore
from fkd.corrections import Correction


def save_correction(
    folder: Path,
    image: np.ndarray,
    predicted_xy: np.ndarray,
    corrected_xy: np.ndarray,
    *,
    scheme: str = "ibug68",
    states: tuple[str, ...] | None = None,
    confidence: float | np.ndarray = 0.3,
    **values,
) -> Correction:
    """Save one face of `image` under `folder`; every point counts as moved unless `states` says otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "photo.png"
    Image.fromarray(image).save(path)
    k = len(predicted_xy)
    known = np.where(np.isnan(predicted_xy), corrected_xy, predicted_xy)
    return CorrectionStore(folder).save(
        path, image_width=image.shape[1], image_height=image.shape[0], scheme=scheme,
        box_xyxy=[*np.nanmin(known, axis=0), *np.nanmax(known, axis=0)],
        predicted_xy=predicted_xy, corrected_xy=corrected_xy, confidence=np.broadcast_to(confidence, (k,)),
        states=states or ("moved",) * k, **values,
    )  # fmt: skip
