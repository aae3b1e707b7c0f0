"""Many faces on one picture, to look at: the oddest labels of a data set, or what a network makes of held-out faces."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from fkd.drawing import draw_faces
from fkd.durable import write_whole
from fkd.schemes import Scheme

__all__ = ["Tile", "contact_sheet", "face_tile", "write_picture"]

TILE_PX, CAPTION_PX, GAP_PX, COLUMNS = 208, 34, 10, 6
PAPER, INK, FAINT = (255, 255, 255), (28, 28, 30), (110, 110, 115)

Tile = tuple[Image.Image, str, str]  # the face, and two lines to stand below it


def face_tile(chip: torch.Tensor, points: Sequence[np.ndarray], scheme: Scheme, share: float = 1.0) -> Image.Image:
    """The middle of a chip with points drawn on it, `TILE_PX` wide.

    Args:
        chip: (3, C, C) uint8.
        points: one or two (K, 2) arrays in unit chip coordinates: predictions in blue, before them labels in vermilion;
            or labels alone in blue.
        share: how much of the chip's side to show.
    """
    side = chip.shape[-1]
    margin = side * (1.0 - share) / 2
    picture = Image.fromarray(chip.permute(1, 2, 0).numpy())
    picture = picture.resize(
        (TILE_PX, TILE_PX), Image.Resampling.BICUBIC, box=(margin, margin, side - margin, side - margin)
    )
    shown = [((np.asarray(p, dtype=float) - 0.5) / share + 0.5) * TILE_PX - 0.5 for p in points]
    certainty = [np.full(len(p), float(i == len(shown) - 1)) for i, p in enumerate(shown)]
    return draw_faces(picture, shown, scheme.edges, confidence=certainty)


def contact_sheet(tiles: Sequence[Tile], title: str, subtitle: str) -> Image.Image:
    """Tiles in rows of six below a title, on white."""
    rows = -(-len(tiles) // COLUMNS)
    head, step_x, step_y = 64, TILE_PX + GAP_PX, TILE_PX + CAPTION_PX + GAP_PX
    sheet = Image.new("RGB", (GAP_PX + COLUMNS * step_x, head + rows * step_y + GAP_PX), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((GAP_PX, 10), title, INK, ImageFont.load_default(20))
    pen.text((GAP_PX, 38), subtitle, FAINT, ImageFont.load_default(14))
    small = ImageFont.load_default(12)
    for i, (picture, *lines) in enumerate(tiles):
        x, y = GAP_PX + i % COLUMNS * step_x, head + i // COLUMNS * step_y
        sheet.paste(picture, (x, y))
        for line, (text, colour) in enumerate(zip(lines, (INK, FAINT), strict=True)):
            pen.text((x, y + TILE_PX + 3 + 15 * line), _shortened(text, small), colour, small)
    return sheet


def write_picture(picture: Image.Image, path: Path) -> None:
    """Write a PNG, whole or not at all."""
    content = io.BytesIO()
    picture.save(content, format="PNG", optimize=True)
    write_whole(path, content.getvalue())


def _shortened(text: str, font: ImageFont.FreeTypeFont) -> str:
    """The text, its beginning left out as far as it is wider than a tile: names differ at their end."""
    if font.getlength(text) <= TILE_PX:
        return text
    while font.getlength(f"…{text}") > TILE_PX:
        text = text[1:]
    return f"…{text}"
