"""Errors on held-out faces while a network trains."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from fkd import load_scheme
from tests.nets import dotted_faces, tiny_net
from training.check import unit_errors
from training.dataset import CHIP_MARGIN, make_face_set

SCHEME = load_scheme("kaggle15")


def test_errors_are_taken_on_the_nominal_crops():
    faces = make_face_set(dotted_faces(8), SCHEME, input_px=64)
    net = tiny_net()
    with torch.no_grad():  # a flat heatmap: every point is in the middle
        net.heat.weight.zero_()
        net.heat.bias.zero_()
    errors = unit_errors(net, faces, SCHEME, 64, batch_size=3)
    labels = (faces.points.double() - 0.5) * CHIP_MARGIN
    assert errors["rmse_unit"] == pytest.approx(labels.square().mean().sqrt().item(), rel=1e-3)


def test_labels_are_compared_where_the_network_says_that_they_count_from():
    faces = make_face_set(dotted_faces(8), SCHEME, input_px=64)
    shifted = replace(faces, points=faces.points + 2.0 * faces.pixel[:, None])
    plain, counting = tiny_net(), tiny_net(label_origin_px=2.0)
    expected = unit_errors(plain, faces, SCHEME, 64)["rmse_unit"]
    assert unit_errors(counting, shifted, SCHEME, 64)["rmse_unit"] == pytest.approx(expected, rel=1e-5)
