"""What a network that has learned already says of each view that another one learns from (Hinton et al. 2015,
https://arxiv.org/abs/1503.02531).

Labels are people's, who differ by some per cent of the eye distance from each other, or a machine's on a lattice; a
network that learned from all of them has averaged much of that away. It is asked about the very crop that the other
one sees, turned and spoiled as that is, and about its mirror image, and the answer is their mean (*function matching*,
Beyer et al. 2022, https://arxiv.org/abs/2106.05237): so the other one learns to say at once what takes the teacher two
passes. That mean serves both crops, so a batch has half as many faces, each both ways, and a crop costs the teacher one
pass. A teacher that was made for larger crops sees the same view in more pixels. Of several teachers the mean counts:
what one does not know another may (You et al. 2017, https://doi.org/10.1145/3097983.3098135).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from fkd.crop_net import CropNet
from fkd.device import memory_format
from fkd.errors import WeightsError
from fkd.fast_net import folded
from fkd.model import mirror_averaged, mirror_image
from fkd.schemes import Scheme
from training.losses import inside_crop

__all__ = ["Teaching", "blended", "check_teacher", "resized", "with_mirror_images"]


def check_teacher(teacher: CropNet, scheme: Scheme, first: str) -> None:
    """Whether it can teach a network of `scheme` that is to speak the labelling convention of the source `first`.

    Raises:
        WeightsError: if its points are others, or it speaks another convention.
    """
    version = teacher.config.version
    if teacher.config.scheme != scheme.name:
        raise WeightsError(f"{version} knows the points of {teacher.config.scheme}: choose a teacher of {scheme.name}.")
    if first in teacher.config.conventions:
        raise WeightsError(
            f"{version} speaks another labelling convention than {first}: as its pupil, begin --data with the faces "
            "whose convention it speaks."
        )


class Teaching:
    """What a lesson asks: crops and their labels in, what is to be learned of them out.

    Attributes:
        input_px: side of the crops that the teachers were made for; of the largest.
    """

    def __init__(self, teachers: Sequence[CropNet], share: float, device: torch.device):
        """
        Args:
            teachers: one or more; they stay as they are.
            share: of the mean of their answers in what is to be learned, see `blended`.
            device: where the crops will be.
        """
        self.nets = [folded(teacher).to(device, memory_format=memory_format(device)) for teacher in teachers]
        self.share = share
        self.input_px = max(teacher.config.input_px for teacher in teachers)

    def __call__(self, crops: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Labels (N, K, 2) in unit crop coordinates, mixed with the answers about crops (N, 3, S, S) in 0 … 255."""
        with torch.no_grad():  # the teachers learn nothing, but what the labels' offsets are is learned on
            answers = [mirror_averaged(net, resized(crops, net.config.input_px))[0] for net in self.nets]
        return blended(labels, torch.stack(answers).mean(dim=0), self.share)  # (N, K, 2)


def resized(crops: torch.Tensor, side_px: int) -> torch.Tensor:
    """Crops (N, 3, S, S) made larger or smaller; each pixel of smaller ones is the mean of what it covers."""
    if crops.shape[-1] == side_px:
        return crops
    return F.interpolate(crops, size=side_px, mode="bilinear", antialias=True)


def blended(labels: torch.Tensor, answers: torch.Tensor, share: float) -> torch.Tensor:
    """Labels (N, K, 2) moved a `share` of the way to the teacher's answers (N, K, 2); those alone where there is no
    label. A label outside the crop (0 … 1) stays: an answer is always inside."""
    mixed = torch.where(inside_crop(labels)[..., None], labels.lerp(answers, share), labels)
    return torch.where(labels.isfinite(), mixed, answers)


def with_mirror_images(crops: torch.Tensor, labels: torch.Tensor, scheme: Scheme) -> tuple[torch.Tensor, torch.Tensor]:
    """Crops (N, 3, S, S) and their points (N, K, 2), and after them the mirror image of each: (2N, …) of both."""
    mirrored = mirror_image(labels, torch.from_numpy(scheme.flip_order))
    return torch.cat([crops, crops.flip(3)]), torch.cat([labels, mirrored])
