"""Errors on held-out faces while a network trains: quick, on chips, in crop sides."""

from __future__ import annotations

import math

import numpy as np
import torch

from fkd.metrics import nme_iod, rmse_px
from fkd.model import CropNet, answer
from fkd.schemes import Scheme
from training.augment import plain_view
from training.dataset import CHIP_MARGIN, FaceSet

__all__ = ["unit_errors"]


@torch.no_grad()
def unit_errors(net: CropNet, faces: FaceSet, scheme: Scheme, size_px: int, batch_size: int = 64) -> dict[str, float]:
    """Errors on the nominal crops, as a check while training.

    Args:
        size_px: side of the crops; a network errs more at another resolution than the one it last trained at.

    Returns:
        ``nme_iod`` (mean over faces whose eye distance is known, NaN if none is) and ``rmse_unit`` (in crop sides).
    """
    net.eval()
    device = next(net.parameters()).device
    seen = faces.points_seen(net.config.label_origin_px)
    predicted, labels = [], []
    for start in range(0, len(faces), batch_size):
        chips, points = faces.chips[start : start + batch_size], seen[start : start + batch_size]
        crops, points = plain_view(chips.to(device), points.to(device), size_px)
        predicted.append(answer(net, crops)[0].cpu())
        labels.append(points.cpu())
    predicted_xy, labelled_xy = torch.cat(predicted).double().numpy(), torch.cat(labels).double().numpy()
    nme = nme_iod(predicted_xy, labelled_xy, scheme, faces.eye_distance * CHIP_MARGIN)  # in crop sides, as the points
    nme = nme[np.isfinite(nme)]
    return {
        "nme_iod": float(nme.mean()) if len(nme) else math.nan,
        "rmse_unit": rmse_px(predicted_xy, labelled_xy),
    }
