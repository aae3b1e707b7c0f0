"""The losses are least where they should be, and missing labels are as if they were not there."""

from __future__ import annotations

import pytest
import torch

from fkd.model import Prediction
from training.losses import heat_cross_entropy, keypoint_loss, laplace_nll


def prediction_at(points: torch.Tensor, scale: float = 0.01, side: int = 16) -> Prediction:
    n, k, _ = points.shape
    heat = torch.randn(n, k, side * side).log_softmax(dim=2).view(n, k, side, side)
    return Prediction(points.clone().requires_grad_(), torch.full((n, k), scale), heat.clone().requires_grad_())


def test_the_nll_is_least_at_the_label():
    label = torch.tensor([[[0.4, 0.6]]])
    scale = torch.tensor([[0.01]])
    side = torch.linspace(0.3, 0.7, 41)
    candidates = torch.cartesian_prod(side, side)
    losses = torch.cat([laplace_nll(point.view(1, 1, 2), scale, label) for point in candidates])
    torch.testing.assert_close(candidates[losses.argmin()], torch.tensor([0.4, 0.6]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("distance", [0.002, 0.01, 0.2])
def test_the_nll_is_least_for_the_scale_whose_expected_error_is_the_distance(distance):
    points, labels = torch.tensor([[[0.5, 0.5]]]), torch.tensor([[[0.5, 0.5 + distance]]])
    scales = distance * torch.linspace(0.1, 3.0, 291)
    losses = torch.cat([laplace_nll(points, scale.view(1, 1), labels) for scale in scales])
    assert scales[losses.argmin()].item() == pytest.approx(distance / 2, rel=0.03)  # twice the scale is expected


def test_a_hard_point_pulls_as_much_as_an_easy_one():
    points = torch.tensor([[[0.5, 0.5], [0.5, 0.5]]], requires_grad=True)
    laplace_nll(points, torch.tensor([[0.002, 0.2]]), torch.tensor([[[0.5, 0.6], [0.5, 0.6]]])).sum().backward()
    torch.testing.assert_close(points.grad[0, 0], points.grad[0, 1])


def test_the_nll_has_a_gradient_even_on_the_label():
    points = torch.tensor([[[0.5, 0.5]]], requires_grad=True)
    laplace_nll(points, torch.tensor([[0.01]]), points.detach()).sum().backward()
    assert torch.isfinite(points.grad).all()


def test_the_heatmap_that_the_cross_entropy_asks_for_has_the_label_as_its_mean():
    labels = torch.tensor([[[0.5, 0.5], [0.313, 0.772], [0.9, 0.1]]])
    logits = torch.zeros(1, 3, 256, requires_grad=True)
    heat_cross_entropy(logits.log_softmax(dim=2).view(1, 3, 16, 16), labels).sum().backward()
    ideal = (1 / 256 - logits.grad).view(1, 3, 16, 16)  # the gradient is softmax minus the target
    cell = (torch.arange(16) + 0.5) / 16
    mean = torch.stack([ideal.sum(dim=2) @ cell, ideal.sum(dim=3) @ cell], dim=-1)
    torch.testing.assert_close(mean, labels, atol=1e-5, rtol=0)
    torch.testing.assert_close(ideal.sum(dim=(2, 3)), torch.ones(1, 3))
    assert ((ideal > 1e-6).sum(dim=(2, 3)) <= 4).all()


@pytest.mark.parametrize("label", [(0.0, 0.0), (0.001, 0.999), (1.0, 1.0)])
def test_labels_at_the_crops_border_stay_inside_the_heatmap(label):
    loss = heat_cross_entropy(torch.zeros(1, 1, 16, 16).log_softmax(dim=3), torch.tensor([[label]]))
    assert torch.isfinite(loss).all()


@pytest.mark.parametrize("missing", [(torch.nan, torch.nan), (-0.2, 0.5), (0.5, 1.0001)])
def test_a_point_without_a_label_in_the_crop_does_not_train(missing):
    labels = torch.full((2, 3, 2), 0.4)
    labels[1, 2] = torch.tensor(missing)
    prediction = prediction_at(torch.full((2, 3, 2), 0.5))
    keypoint_loss(prediction, labels, heat_weight=0.1).backward()
    for gradient in (prediction.points.grad, prediction.log_heat.grad):
        assert torch.isfinite(gradient).all()
        assert gradient[1, 2].abs().sum() == 0 and (gradient[0].flatten(1).abs().sum(dim=1) > 0).all()


def test_the_loss_is_the_mean_over_the_points_that_count():
    labels = torch.full((1, 4, 2), 0.4)
    labels[0, 1:3] = torch.nan
    prediction = prediction_at(torch.full((1, 4, 2), 0.5))
    two = Prediction(prediction.points[:, [0, 3]], prediction.scale[:, [0, 3]], prediction.log_heat[:, [0, 3]])
    torch.testing.assert_close(
        keypoint_loss(prediction, labels, 0.1), keypoint_loss(two, torch.full((1, 2, 2), 0.4), 0.1)
    )


def test_a_batch_without_any_label_costs_nothing():
    prediction = prediction_at(torch.full((1, 3, 2), 0.5))
    loss = keypoint_loss(prediction, torch.full((1, 3, 2), torch.nan), 0.1)
    loss.backward()
    assert loss == 0 and prediction.points.grad.abs().sum() == 0
