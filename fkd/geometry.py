"""Where a point is: in the image, or in the square crop that the model sees. The only module that goes between them.

Image coordinates are pixels with the centre of the top-left pixel at (0, 0), so that an image W pixels wide spans
-0.5 … W - 0.5. Crop coordinates are *unit* coordinates: (0, 0) is the outer corner of the crop's top-left pixel, (1, 1)
the outer corner of its bottom-right one, whatever the crop's resolution. Half pixels are dealt with here and nowhere
else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from fkd.schemes import Framing, Scheme

__all__ = [
    "Crop",
    "box_of_points",
    "crop_from_box",
    "crop_from_points",
    "cut",
    "image_tensor",
    "roll_of_points",
    "sample",
    "whole_image_crop",
]


@dataclass(frozen=True)
class Crop:
    """A square in the image, possibly turned.

    Attributes:
        center_xy: its centre, image pixels.
        size_px: its side, image pixels.
        roll_rad: the direction of its x axis in the image; positive turns the x axis towards the image's y (clockwise
            on screen). A face rolled by the same angle stands upright in the crop.
    """

    center_xy: tuple[float, float]
    size_px: float
    roll_rad: float = 0.0

    def matrix(self) -> np.ndarray:
        """(2, 3) float64: unit crop coordinates → image pixels."""
        c, s = math.cos(self.roll_rad) * self.size_px, math.sin(self.roll_rad) * self.size_px
        x, y = self.center_xy
        return np.array([[c, -s, x - 0.5 * c + 0.5 * s], [s, c, y - 0.5 * s - 0.5 * c]])

    def to_image(self, points_unit: np.ndarray) -> np.ndarray:
        """Unit crop coordinates (…, 2) → image pixels (…, 2). NaN stays NaN."""
        matrix = self.matrix()
        return points_unit @ matrix[:, :2].T + matrix[:, 2]

    def to_unit(self, points_xy: np.ndarray) -> np.ndarray:
        """Image pixels (…, 2) → unit crop coordinates (…, 2). NaN stays NaN."""
        matrix = self.matrix()
        return (points_xy - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T


def box_of_points(points_xy: np.ndarray) -> np.ndarray:
    """Tight box (4,) ``x0, y0, x1, y1`` around the points (K, 2) that are not NaN.

    Raises:
        ValueError: if every point is missing.
    """
    if np.isnan(points_xy).all():
        raise ValueError("no box around points that are all missing")
    return np.concatenate([np.nanmin(points_xy, axis=0), np.nanmax(points_xy, axis=0)])


def roll_of_points(points_xy: np.ndarray, scheme: Scheme) -> float:
    """Roll of a face in radians from its eyes, 0 for upright; NaN if an eye is missing."""
    known = np.isfinite(points_xy).all(axis=1)
    if not (known[list(scheme.image_left_eye)].any() and known[list(scheme.image_right_eye)].any()):
        return math.nan
    left = np.nanmean(points_xy[list(scheme.image_left_eye)], axis=0)
    right = np.nanmean(points_xy[list(scheme.image_right_eye)], axis=0)
    return math.atan2(right[1] - left[1], right[0] - left[0])


def crop_from_box(box_xyxy: Sequence[float], framing: Framing, roll_rad: float = 0.0) -> Crop:
    """Frame a face known by its box ``x0, y0, x1, y1`` in image pixels, turned upright by `roll_rad`.

    The box's size is the root of its area: beside the points' own box that varies less than its longer side does.
    """
    x0, y0, x1, y1 = (float(v) for v in box_xyxy)
    return _frame((x0 + x1) / 2, (y0 + y1) / 2, math.sqrt((x1 - x0) * (y1 - y0)), framing, roll_rad)


def crop_from_points(points_xy: np.ndarray, framing: Framing, roll_rad: float = 0.0) -> Crop:
    """Frame a face known by its points (K, 2): the tight box around them *in the upright frame*, then as for a box.

    With ``roll_rad=0`` this is the protocol of ``python -m training evaluate``.
    """
    c, s = math.cos(roll_rad), math.sin(roll_rad)
    upright = points_xy @ np.array([[c, -s], [s, c]])  # turn the image by -roll: rows are (x, y)
    x0, y0, x1, y1 = box_of_points(upright)
    center_x, center_y = (x0 + x1) / 2, (y0 + y1) / 2
    return _frame(c * center_x - s * center_y, s * center_x + c * center_y, max(x1 - x0, y1 - y0), framing, roll_rad)


def whole_image_crop(width: int, height: int) -> Crop:
    """The square around the whole image: the frame of data sets whose pictures are face crops already."""
    return Crop(((width - 1) / 2, (height - 1) / 2), float(max(width, height)))


def _frame(center_x: float, center_y: float, side_px: float, framing: Framing, roll_rad: float) -> Crop:
    c, s = math.cos(roll_rad), math.sin(roll_rad)
    dx, dy = (shift * side_px for shift in framing.shift_xy)
    center = (center_x + c * dx - s * dy, center_y + s * dx + c * dy)
    return Crop(center, max(side_px * framing.scale, 1.0), roll_rad)


def image_tensor(image: np.ndarray) -> torch.Tensor:
    """An (H, W, 3) uint8 image as `cut` wants it: (3, H, W), sharing its memory where that may be written to."""
    shared = np.require(image, requirements=["C", "W"])  # torch warns of what is read only, as a PIL image's array
    return torch.from_numpy(shared).permute(2, 0, 1)  # (3, H, W)


def cut(image: torch.Tensor, crops: Sequence[Crop], size_px: int) -> torch.Tensor:
    """Cut crops out of one image.

    Outside the image is black. A crop much larger than `size_px` is averaged down by whole pixels first, so that fine
    texture does not alias.

    Args:
        image: (3, H, W) uint8, on any device.
        crops: N crops.
        size_px: S, the side of the result.

    Returns:
        (N, 3, S, S) float32 in 0 … 255, on the image's device.
    """
    return (
        torch.cat([_cut_one(image, crop, size_px) for crop in crops])
        if crops
        else image.new_zeros((0, 3, size_px, size_px), dtype=torch.float32)
    )


def _cut_one(image: torch.Tensor, crop: Crop, size_px: int) -> torch.Tensor:
    _, height, width = image.shape
    corners = crop.to_image(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    factor = max(1, int(crop.size_px / size_px))
    x0, y0 = np.floor(corners.min(axis=0)).astype(int) - 2 * factor
    x1, y1 = np.ceil(corners.max(axis=0)).astype(int) + 2 * factor + 1
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if x0 >= x1 or y0 >= y1:
        return image.new_zeros((1, 3, size_px, size_px), dtype=torch.float32)
    region = image[None, :, y0:y1, x0:x1].float()  # (1, 3, h, w)
    if factor > 1:
        # Zero padding to a whole number of cells, counted in the mean, keeps "outside is black" exact at the border.
        pad_x, pad_y = -region.shape[3] % factor, -region.shape[2] % factor
        region = F.avg_pool2d(F.pad(region, (0, pad_x, 0, pad_y)), factor)  # (1, 3, h/f, w/f)
    to_region = crop.matrix()
    to_region[:, 2] -= (x0, y0)
    to_region[:, 2] -= (factor - 1) / 2  # the centre of the first averaged cell
    to_region /= factor
    matrix = torch.from_numpy(to_region).to(region)
    return sample(region, matrix[None], size_px)


def sample(images: torch.Tensor, matrices: torch.Tensor, size_px: int) -> torch.Tensor:
    """Sample square crops bilinearly, outside is black.

    Args:
        images: (N, C, h, w) float.
        matrices: (N, 2, 3) float, unit crop coordinates → pixels of each image.
        size_px: S.

    Returns:
        (N, C, S, S) float.
    """
    height, width = images.shape[-2:]
    unit = (torch.arange(size_px, device=images.device, dtype=images.dtype) + 0.5) / size_px  # (S,) pixel centres
    v, u = torch.meshgrid(unit, unit, indexing="ij")
    grid = torch.stack([u, v, torch.ones_like(u)], dim=-1)  # (S, S, 3)
    xy = torch.einsum("uvk,nck->nuvc", grid, matrices)  # (N, S, S, 2) pixels, centre of the first at 0
    scale = torch.tensor([2.0 / width, 2.0 / height], device=images.device, dtype=images.dtype)
    # grid_sample without align_corners puts -1 on the outer edge of the first pixel, that is on -0.5.
    return F.grid_sample(images, (xy + 0.5) * scale - 1.0, mode="bilinear", padding_mode="zeros", align_corners=False)
