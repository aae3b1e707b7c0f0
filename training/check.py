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

__all__ = ["predicted", "unit_errors"]


def unit_errors(net: CropNet, faces: FaceSet, scheme: Scheme, size_px: int, batch_size: int = 64) -> dict[str, float]:
    """Errors on the nominal crops, as a check while training.

    Args:
        size_px: side of the crops; a network errs more at another resolution than the one it last trained at.

    Returns:
        ``nme_iod`` (mean over faces whose eye distance is known, NaN if none is) and ``rmse_unit`` (in crop sides).
    """
    predicted_xy, labelled_xy = predicted(net, faces, size_px, batch_size)
    nme = nme_iod(predicted_xy, labelled_xy, scheme, faces.eye_distance * CHIP_MARGIN)  # in crop sides, as the points
    nme = nme[np.isfinite(nme)]
    return {
        "nme_iod": float(nme.mean()) if len(nme) else math.nan,
        "rmse_unit": rmse_px(predicted_xy, labelled_xy),
    }


@torch.no_grad()
def predicted(net: CropNet, faces: FaceSet, size_px: int, batch_size: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Points and labels (N, K, 2) float64 of the nominal crops, in their unit coordinates, where they show them."""
    net.eval()
    device = next(net.parameters()).device
    seen = faces.points_seen(net.config.label_origin_px)
    points, labels = [], []
    for start in range(0, len(faces), batch_size):
        batch = faces.chips[start : start + batch_size].to(device), seen[start : start + batch_size].to(device)
        crops, batch_labels = plain_view(*batch, size_px)
        points.append(answer(net, crops)[0].cpu())
        labels.append(batch_labels.cpu())
    return torch.cat(points).double().numpy(), torch.cat(labels).double().numpy()
