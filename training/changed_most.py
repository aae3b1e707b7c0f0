"""A picture of the faces that new weights changed most: before, after, and what the label says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from fkd.schemes import Scheme
from fkd.versions import UNLABELLED
from training.before_after import Compared
from training.contact_sheet import Tile, contact_sheet, face_tile, write_picture
from training.dataset import CHIP_MARGIN

__all__ = ["MOST_FACES", "draw_changed_most"]

MOST_FACES = 12


def draw_changed_most(compared: Sequence[Compared], scheme: Scheme, path: Path) -> None:
    """Write the faces whose error changed most, for the better or the worse, as a PNG: three tiles a face.

    Args:
        compared: sets of faces, one face at least; at most `MOST_FACES` of all of them are drawn, most changed first.
    """
    change = [(c, s, i) for s, one in enumerate(compared) for i, c in enumerate(np.abs(one.after - one.before))]
    most = sorted(change, reverse=True)[:MOST_FACES]
    tiles = [tile for _, s, i in most for tile in tiles_of_face(compared[s], i, scheme)]
    title = f"The {len(most)} faces that changed most of {len(change)}"
    write_picture(contact_sheet(tiles, title, "before and after, and what their labels say"), path)


def tiles_of_face(compared: Compared, i: int, scheme: Scheme) -> list[Tile]:
    chip = compared.chips.chips[torch.tensor([i])][0]  # (3, C, C)
    name = compared.names[i].rpartition("/")[2]
    shown = [
        (compared.before_points[i], f"before: {compared.before[i]:.1%}", name),
        (compared.after_points[i], f"after: {compared.after[i]:.1%}", name),
        (compared.labels[i], "as before" if compared.what == UNLABELLED else "label", compared.what),
    ]
    return [
        (face_tile(chip, [(unit_xy - 0.5) / CHIP_MARGIN + 0.5], scheme, 1.0 / CHIP_MARGIN), *lines)
        for unit_xy, *lines in shown
    ]
