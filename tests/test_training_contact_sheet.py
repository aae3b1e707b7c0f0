"""Faces on a sheet: points where they are, and captions that fit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from fkd import load_scheme
from training.contact_sheet import TILE_PX, contact_sheet, face_tile, write_picture

SCHEME = load_scheme("kaggle15")


def one_point(x: float, y: float) -> np.ndarray:
    points = np.full((15, 2), np.nan)
    points[3] = (x, y)
    return points


def coloured(tile: Image.Image) -> np.ndarray:
    """(2,) centre of what is drawn in colour on a black chip, in shares of the tile."""
    rgb = np.asarray(tile).astype(int)
    y, x = np.nonzero(np.ptp(rgb, axis=2) > 100)
    return np.array([x.mean() + 0.5, y.mean() + 0.5]) / TILE_PX


@pytest.mark.parametrize(("share", "expected"), [(1.0, (0.4, 0.6)), (0.625, (0.34, 0.66))])
def test_a_point_stands_where_it_is_however_much_is_shown(share, expected):
    chip = torch.zeros((3, 102, 102), dtype=torch.uint8)
    chip[:, :51] = 60  # grey above, black below: the middle stays the middle
    tile = face_tile(chip, [one_point(0.4, 0.6)], SCHEME, share)
    assert tile.size == (TILE_PX, TILE_PX)
    np.testing.assert_allclose(coloured(tile), expected, atol=0.01)
    edge = np.asarray(tile.convert("L"))[:, 5]
    assert (edge[: TILE_PX // 2 - 4] > 50).all() and (edge[TILE_PX // 2 + 4 :] < 10).all()


def test_labels_and_predictions_differ_in_colour():
    chip = torch.zeros((3, 96, 96), dtype=torch.uint8)
    tile = np.asarray(face_tile(chip, [one_point(0.25, 0.5), one_point(0.75, 0.5)], SCHEME)).astype(int)
    label, prediction = tile[TILE_PX // 2, TILE_PX // 4], tile[TILE_PX // 2, 3 * TILE_PX // 4]
    assert label[0] > label[2] + 100 and prediction[2] > prediction[0] + 100


def test_a_sheet_has_a_row_for_every_six_faces_and_writes_on_white(tmp_path):
    tile = (Image.new("RGB", (TILE_PX, TILE_PX), (10, 90, 10)), "a line", "the/end/of/a/name/that/is/much/too/long" * 3)
    sheets = [contact_sheet([tile] * n, "Faces", "of nobody") for n in (1, 6, 7)]
    assert sheets[0].size == sheets[1].size and sheets[2].height > sheets[1].height + TILE_PX
    pixels = np.asarray(sheets[1])
    green = (pixels == (10, 90, 10)).all(axis=2)
    assert green.sum() == 6 * TILE_PX**2
    columns = np.flatnonzero(green.any(axis=0))
    assert (pixels[:, columns[-1] + 5 :] == 255).all()  # the caption ends where its face does
    write_picture(sheets[1], tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as stored:
        assert stored.size == sheets[1].size and [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
