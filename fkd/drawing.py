"""Predicted points drawn onto the picture, to look at or to send to somebody."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from fkd.images import read_image

__all__ = ["draw_faces"]

# Doubtful to certain: vermilion, yellow, sky blue of Okabe and Ito's palette. They differ in lightness as well as in
# hue, so they stay apart for colour-blind people and in grey print.
_DOUBTFUL_TO_CERTAIN = np.array([(213, 94, 0), (240, 228, 66), (86, 180, 233)], float)
_OUTLINE, _BOX = (0, 0, 0), (255, 255, 255)
_FINER = 4  # Pillow draws without anti-aliasing, so the overlay is drawn this much larger and scaled down


def draw_faces(
    image: np.ndarray | Image.Image,
    faces_points: Sequence[np.ndarray],
    edges: Sequence[tuple[int, int]],
    *,
    boxes: Sequence[np.ndarray] | None = None,
    confidence: Sequence[np.ndarray] | None = None,
    finer: int = _FINER,
) -> Image.Image:
    """Draw points and skeleton lines over a copy of `image`, and return it as an RGB picture of the same size.

    image: anything that fkd.images.read_image takes, upright.
    faces_points: for each face (N, 2) float, pixels of the image; a point with a NaN is left out with its lines.
    edges: pairs of point numbers to join by a line.
    boxes: for each face (4,) float, left, top, right and bottom in pixels.
    confidence: for each face (N,) float, 0 to 1, coloured from vermilion over yellow to blue; a line has the colour of
        its less certain end. NaN counts as 0. Without it everything is blue.
    finer: how many times as large the overlay is drawn before it is scaled down; less is faster and has more steps.

    Raises ImageError if the image cannot be used.
    """
    picture = Image.fromarray(read_image(image))
    for index, points in enumerate(faces_points):
        points = np.asarray(points, float)
        certainty = np.ones(len(points)) if confidence is None else np.nan_to_num(np.asarray(confidence[index], float))
        box = None if boxes is None else np.asarray(boxes[index], float)
        _draw_face(picture, points, edges, box, certainty.clip(0, 1), finer)
    return picture


def _draw_face(
    picture: Image.Image,
    points: np.ndarray,
    edges: Sequence[tuple[int, int]],
    box_xyxy: np.ndarray | None,
    confidence: np.ndarray,
    finest: int,
) -> None:
    shown = np.isfinite(points).all(axis=1)
    outline = points[shown] if box_xyxy is None else np.concatenate([points[shown], box_xyxy.reshape(2, 2)])
    if not len(outline):
        return
    # A line of 0.8 % of the face is thin enough not to hide an eyelid and still seen on a large photo.
    line_px = max(1.0, 0.008 * float(np.ptp(outline, axis=0).max()))
    margin = 5 * line_px
    left, top = np.maximum(np.floor(outline.min(axis=0) - margin), 0).astype(int)
    right, bottom = np.minimum(np.ceil(outline.max(axis=0) + margin) + 1, picture.size).astype(int)
    if right <= left or bottom <= top:
        return
    # Only the face's part of the picture is enlarged, and never beyond what memory bears.
    finer = max(1, min(finest, 4000 // max(right - left, bottom - top)))
    part = picture.crop((left, top, right, bottom))
    large = part.resize((part.width * finer, part.height * finer), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(large)
    at = (points - (left, top) + 0.5) * finer  # from pixel centres to edges
    colours = _colours(confidence)
    lines = [
        (*at[a], *at[b], colours[a if confidence[a] <= confidence[b] else b]) for a, b in edges if shown[a] and shown[b]
    ]
    width = line_px * finer
    rim = max(width, 2.0 * finer)  # both sides together; at least one pixel each
    for extra, dark in ((rim, True), (0.0, False)):  # first all outlines, so that none cuts a colour
        if box_xyxy is not None:
            half = (width + extra) / 2  # Pillow draws a frame inwards from its corners
            frame = (box_xyxy - (left, top, left, top) + 0.5) * finer + (-half, -half, half, half)
            pen.rectangle(tuple(frame), outline=_OUTLINE if dark else _BOX, width=round(width + extra))
        for x0, y0, x1, y1, colour in lines:
            pen.line((x0, y0, x1, y1), fill=_OUTLINE if dark else colour, width=round(width + extra))
        radius = 1.8 * width + extra / 2
        for number in np.nonzero(shown)[0]:
            x, y = at[number]
            circle = (x - radius, y - radius, x + radius, y + radius)
            pen.ellipse(circle, fill=_OUTLINE if dark else colours[number])
    picture.paste(large.resize(part.size, Image.Resampling.BOX), (left, top))


def _colours(confidence: np.ndarray) -> list[tuple[int, int, int]]:
    stops = np.linspace(0, 1, len(_DOUBTFUL_TO_CERTAIN))
    channels = [np.interp(confidence, stops, channel) for channel in _DOUBTFUL_TO_CERTAIN.T]
    return [tuple(colour) for colour in np.rint(np.stack(channels, axis=1)).astype(int).tolist()]
