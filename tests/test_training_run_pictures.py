"""Curves and sample faces of a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fkd import load_scheme
from tests.nets import dotted_faces, tiny_net
from training import run_pictures
from training.contact_sheet import TILE_PX
from training.dataset import make_face_set
from training.run_pictures import draw_curves, draw_samples

SCHEME = load_scheme("kaggle15")


def run_with(folder: Path, rows: list[dict]) -> Path:
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def rows(n: int) -> list[dict]:
    return [{"epoch": i + 1, "loss": 30 / (i + 1), "nme_iod": 0.2 / (i + 1), "lr": 1e-3} for i in range(n)]


@pytest.mark.parametrize(
    "metrics",
    [
        rows(1),
        rows(40),
        [row | {"nme_iod": None, "rmse_unit": 0.05} for row in rows(3)],
        [{"epoch": 1, "loss": -2.0, "lr": 0.0}],  # nothing was held out
    ],
)
def test_curves_are_drawn_of_whatever_was_measured(tmp_path, metrics):
    draw_curves(run_with(tmp_path, metrics))
    with Image.open(tmp_path / "curves.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.shape[1] == 2080
    blue = (abs(pixels - (0, 114, 178)) < 20).all(axis=2)
    assert blue.any() and np.flatnonzero(blue.any(axis=0)).max() < 690  # the loss, in the first panel


def test_a_run_that_goes_on_gets_a_longer_curve(tmp_path):
    widths = []
    for n in (2, 12):
        draw_curves(run_with(tmp_path, rows(n)))
        with Image.open(tmp_path / "curves.png") as picture:
            widths.append(picture.tobytes())
    assert widths[0] != widths[1] and {path.name for path in tmp_path.iterdir()} == {"curves.png", "metrics.jsonl"}


def test_samples_go_from_the_best_face_to_the_worst(tmp_path, monkeypatch):
    faces = make_face_set(dotted_faces(20), SCHEME, 64)
    net = tiny_net()
    with torch.no_grad():  # a flat heatmap: every point is in the middle
        net.heat.weight.zero_()
        net.heat.bias.zero_()
    shown = []
    sheet = run_pictures.contact_sheet
    monkeypatch.setattr(run_pictures, "contact_sheet", lambda tiles, *text: shown.extend(tiles) or sheet(tiles, *text))
    draw_samples(tmp_path, net, faces)
    with Image.open(tmp_path / "samples.png") as picture:
        assert picture.height > 2 * TILE_PX
    errors = [float(text.removeprefix("NME ").removesuffix("%")) for _, text, _ in shown]
    assert len(errors) == 12 and errors == sorted(errors)
    middle = np.asarray(shown[0][0]).astype(int)[TILE_PX // 2, TILE_PX // 2]
    assert middle[2] > middle[0] + 100  # blue: the prediction
    labelled = np.linalg.norm(faces.points.numpy() * 1.6 - 0.8, axis=2).mean(axis=1) / (faces.eye_distance * 1.6)
    assert errors[0] == pytest.approx(100 * labelled.min(), rel=1e-3)
    assert errors[-1] == pytest.approx(100 * labelled.max(), rel=1e-3)


def test_faces_of_unknown_size_are_shown_too(tmp_path):
    drawn = dotted_faces(3)
    for face in drawn:
        face.points_xy[list(SCHEME.outer_eye_corners)] = np.nan
    draw_samples(tmp_path, tiny_net(), make_face_set(drawn, SCHEME, 64))
    assert (tmp_path / "samples.png").is_file()
