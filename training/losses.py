"""What a prediction is worth: the negative log-likelihood of a Laplace distribution, and a heatmap's cross-entropy."""

from __future__ import annotations

import torch

from fkd.model import Prediction

__all__ = ["heat_cross_entropy", "inside_crop", "keypoint_loss", "laplace_nll"]

# Unit of the coordinates' loss in crop sides: about half a pixel at 128.
UNIT = 0.004


def laplace_nll(points: torch.Tensor, scale: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Loss of each point, (N, K), of an isotropic 2-D Laplace distribution; the labels must be finite.

    ``|r| / b + 2 log b`` (up to constants), for the mean weighted by ``b`` with its gradient stopped: β-NLL with β = 1
    (Seitzer et al. 2022, https://arxiv.org/abs/2203.09168), for the scale as it stands. So the mean learns from hard
    points as from easy ones, and the scale learns to be the expected size of the error.
    """
    distance = torch.sqrt((points - labels).square().sum(dim=-1) + 1e-10)  # (N, K)
    mean_term = distance / UNIT
    scale_term = distance.detach() / scale + 2.0 * torch.log(scale / UNIT)
    return mean_term + scale_term


def heat_cross_entropy(log_heat: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy (N, K) of the heatmap with the label's share in its four nearest cells, whose mean is the label."""
    side = log_heat.shape[-1]
    at = (labels * side - 0.5).clamp(0.0, side - 1.001)  # (N, K, 2) in cells
    low = at.floor()
    share = at - low  # (N, K, 2) of the cell after, in each direction
    shares = torch.stack([1.0 - share, share], dim=-1)  # (N, K, 2, 2)
    share_x, share_y = shares[..., 0, None, :], shares[..., 1, :, None]
    x, y = low.long().unbind(dim=-1)
    first = y * side + x  # (N, K)
    # All four at once: each gather has a gradient as large as the heatmaps.
    cells = first[..., None] + first.new_tensor([0, 1, side, side + 1])  # (N, K, 4)
    return -((share_x * share_y).flatten(-2) * log_heat.flatten(2).gather(2, cells)).sum(dim=-1)


def inside_crop(points: torch.Tensor) -> torch.Tensor:
    """Which of the points (N, K, 2) in unit crop coordinates the network can see: (N, K) bool, False for NaN."""
    return ((points > 0.0) & (points < 1.0)).all(dim=-1)


def keypoint_loss(prediction: Prediction, labels: torch.Tensor, heat_weight: float) -> torch.Tensor:
    """Mean loss over the points that have a label inside the crop.

    Args:
        labels: (N, K, 2) unit crop coordinates, NaN where there is none. A point outside the crop does not train: the
            network cannot see it.
        heat_weight: of the heatmap's cross-entropy, beside 1 for the coordinates.

    Returns:
        A scalar; zero if no point counts.
    """
    counts = inside_crop(labels)  # (N, K)
    safe = torch.where(counts[..., None], labels, torch.full_like(labels, 0.5))
    loss = laplace_nll(prediction.points, prediction.scale, safe)
    if prediction.log_heat is not None:
        loss = loss + heat_weight * heat_cross_entropy(prediction.log_heat, safe)
    return torch.where(counts, loss, torch.zeros_like(loss)).sum() / counts.sum().clamp(min=1)
