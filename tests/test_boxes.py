"""Boxes against boxes."""

from __future__ import annotations

import numpy as np

from fkd.boxes import box_iou


def test_a_box_with_itself_its_half_its_corner_and_a_box_elsewhere():
    box = np.array([0.0, 0.0, 10.0, 20.0])
    others = np.array([[0, 0, 10, 20], [0, 0, 10, 10], [5, 10, 15, 30], [10, 0, 20, 20], [90, 90, 99, 99]], dtype=float)
    np.testing.assert_allclose(box_iou(box, others), [1, 0.5, 50 / 350, 0, 0])
