"""What a network and the offsets of its labels learn together from one batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from fkd.device import memory_format
from fkd.model import CropNet
from fkd.schemes import load_scheme
from training.augment import augment
from training.config import TrainConfig
from training.losses import keypoint_loss
from training.offsets import SourceOffset
from training.teacher import Teaching, resized, with_mirror_images
from training.warp import warped

__all__ = ["Lesson"]

# Where a source's files count pixels from is a number of pixels, hence larger than any weight: it is to arrive long
# before the network.
ORIGIN_FASTER = 10.0
# Of the faces, which come in random order. The others stay as sharp as they are.
WARPED_SHARE = 0.5


class Lesson(torch.nn.Module):
    """Faces in, loss out: the network and the offsets of its labels, which are learnt together.

    One module, for several processes share the gradients of what one call of one module computed.

    Attributes:
        taught: mixes the labels with a teacher's answers; None without one.
    """

    def __init__(self, net: CropNet, sources: Sequence[str], config: TrainConfig, taught: Teaching | None = None):
        super().__init__()
        self.net = net
        self.scheme = load_scheme(net.config.scheme)
        known = net.config
        self.offset = SourceOffset(sources, self.scheme.n_points, known.label_origin_px, known.conventions)
        self.config = config
        self.taught = taught

    def forward(
        self,
        size_px: int,
        heat_weight: float,
        generator: torch.Generator,
        chips: torch.Tensor,
        points: torch.Tensor,
        source: torch.Tensor,
        pixel: torch.Tensor,
    ) -> torch.Tensor:
        """The mean loss of these faces (as in :class:`FaceSet`) in random views of side `size_px`: a scalar.

        With a teacher, of each view and its mirror image.

        Args:
            heat_weight: see :func:`training.losses.keypoint_loss`.
        """
        # A teacher that was made for larger crops is to see all that there is to see.
        view_px = max(size_px, self.taught.input_px) if self.taught else size_px
        with torch.autocast(chips.device.type, enabled=False):  # a place in the crop needs all its digits
            labels = self.offset(points, source, pixel)
            n = round(len(chips) * WARPED_SHARE) if self.config.warp_sd else 0
            if n:
                # On the CPU instead of MPS, which cannot look beyond a border, nor (before torch 2.12) learn from it.
                there = torch.device("cpu") if chips.device.type == "mps" else chips.device
                warps = warped(chips[:n].to(there), labels[:n].to(there), self.config.warp_sd, generator)
                chips, labels = (
                    torch.cat([some.to(all_.device), all_[n:]])
                    for some, all_ in zip(warps, (chips, labels), strict=True)
                )
            crops, labels = augment(chips, labels, self.scheme, view_px, generator, self.config.augmentation)
        if self.taught:
            labels = self.taught(crops, labels)
            crops, labels = with_mirror_images(resized(crops, size_px), labels, self.scheme)
        prediction = self.net(crops.contiguous(memory_format=memory_format(crops.device)))
        return keypoint_loss(prediction, labels, heat_weight)

    def optimiser(self) -> torch.optim.AdamW:
        """Norms, biases and offsets do not decay. Each group has a `faster`, its rate beside the network's."""
        matrices = [p for p in self.net.parameters() if p.dim() > 1]
        vectors = [p for p in self.net.parameters() if p.dim() <= 1]
        groups = [
            {"params": matrices, "weight_decay": self.config.weight_decay, "faster": 1.0},
            {"params": [*vectors, self.offset.others], "weight_decay": 0.0, "faster": 1.0},
            {"params": [self.offset.origin_px], "weight_decay": 0.0, "faster": ORIGIN_FASTER},
        ]
        return torch.optim.AdamW(groups, lr=self.config.lr)
