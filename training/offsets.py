"""How data sets disagree about where a point is, learnt beside the network so that it need not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch

from training.dataset import CHIP_MARGIN, FaceSet

__all__ = ["SourceOffset"]


class SourceOffset(torch.nn.Module):
    """How each labelling convention places its points: what the network need not learn.

    Data sets disagree by a pixel or so. Mirroring the pictures turns such a shift into blur; learning it and taking it
    off the labels does not. Each source has a number for all its points, in pixels of the original photo: where its
    files count pixels from, which the mirrored pictures give away, since a face is no more to the right than its mirror
    image. Each but the first has a constant a point beside that, in the upright face. The network speaks the first
    source's convention: its number is stored with the weights, and what sets the others apart from it is too.

    Args:
        sources: their names.
        n_points: K.
        origin_px: where the files count pixels from, as far as that is known.
        conventions: how sources place each point, as far as that is known, see :meth:`conventions`.
    """

    def __init__(
        self,
        sources: Sequence[str],
        n_points: int,
        origin_px: float = 0.0,
        conventions: Mapping[str, Sequence[Sequence[float]]] = MappingProxyType({}),
    ):
        super().__init__()
        self.origin_px = torch.nn.Parameter(torch.full((len(sources),), origin_px))
        nothing = ((0.0, 0.0),) * n_points
        known = [conventions.get(name, nothing) for name in sources[1:]]
        self.others = torch.nn.Parameter(torch.tensor(known).reshape(-1, n_points, 2) / CHIP_MARGIN)

    def forward(self, points: torch.Tensor, source: torch.Tensor, pixel: torch.Tensor) -> torch.Tensor:
        """Labels as the picture shows them, in the first source's convention.

        Args:
            points: (N, K, 2) labels, unit chip coordinates.
            source: (N,) int64.
            pixel: (N, 2) one pixel of the original photo each way, in chip sides, see :class:`FaceSet`.
        """
        table = torch.cat([torch.zeros_like(points[:1]), self.others.to(points)])  # (sources, K, 2)
        return points - table[source] - (self.origin_px[source, None] * pixel)[:, None]

    def label_origin_px(self) -> float:
        """What the first source's files call the centre of the first pixel."""
        return round(self.origin_px[0].item(), 3)

    @torch.no_grad()
    def conventions(self, faces: FaceSet) -> dict[str, tuple[tuple[float, float], ...]]:
        """How each source but the first places each point beside it, see :class:`fkd.model_config.ModelConfig`.

        A source whose files count pixels from elsewhere is shifted by so many pixels of its photos: here by as much of
        a crop as that is on average over its `faces`.
        """
        placed = {}
        for i, name in enumerate(faces.sources[1:], start=1):
            of_source = faces.pixel[faces.source == i]
            pixel = of_source.mean(dim=0) if len(of_source) else torch.zeros(2)  # (2,)
            counted_px = (self.origin_px[i] - self.origin_px[0]).item()
            shift = (self.others[i - 1].cpu() + counted_px * pixel) * CHIP_MARGIN  # (K, 2) in crop sides
            placed[name] = tuple((round(dx, 5), round(dy, 5)) for dx, dy in shift.double().tolist())
        return placed
