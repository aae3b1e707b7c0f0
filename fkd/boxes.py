"""Boxes against boxes."""

from __future__ import annotations

import numpy as np

__all__ = ["box_iou"]


def box_iou(box_xyxy: np.ndarray, boxes_xyxy: np.ndarray) -> np.ndarray:
    """Intersection over union of one box (4,) ``x0, y0, x1, y1`` with each of (N, 4) boxes: (N,), 0 to 1."""
    start = np.maximum(box_xyxy[:2], boxes_xyxy[:, :2])
    stop = np.minimum(box_xyxy[2:], boxes_xyxy[:, 2:])
    shared = np.prod(np.clip(stop - start, 0, None), axis=1)
    areas = np.prod(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], axis=1)
    return shared / (np.prod(box_xyxy[2:] - box_xyxy[:2]) + areas - shared)
