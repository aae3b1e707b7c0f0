"""The charts of a report: whole PNGs that show what was measured, whatever is missing from it."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fkd import load_scheme
from tests.evaluations import an_evaluation
from training import figures

ROWS = [{"epoch": e, "loss": 10 / e, "nme_iod": 0.1 / e, "rmse_unit": 0.02 / e, "lr": 1e-3} for e in (1, 2, 3)]
CHARTS = [figures.error_by_point, figures.cumulative_errors, figures.reliability_diagram, figures.confidence_scatter]


def opened(content: bytes) -> np.ndarray:
    """(H, W, 4) uint8."""
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.format == "PNG" and picture.mode == "RGBA"
        return np.array(picture)


def ink(picture: np.ndarray, colour: str) -> int:
    """How many pixels have about that colour."""
    red_green_blue = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(picture[..., :3].astype(int) - red_green_blue).max(axis=2) < 12)[picture[..., 3] > 128].sum())


def two_sources():
    evaluation = an_evaluation(np.linspace(1, 12, 20), np.linspace(0.9, 0.2, 20))
    return replace(evaluation, sources=("one",) * 10 + ("other",) * 10)


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_is_a_picture_on_a_clear_ground(chart):
    picture = opened(chart(two_sources()))
    assert picture.shape == (800, 1024, 4)
    assert picture[0, 0, 3] == 0 and (picture[..., 3] > 0).mean() > 0.01


@pytest.mark.parametrize("chart", [figures.cumulative_errors, figures.confidence_scatter])
def test_each_source_has_a_colour(chart):
    both, one = opened(chart(two_sources())), opened(chart(an_evaluation([1.0, 2.0, 9.0], [0.9, 0.5, 0.1])))
    assert ink(both, figures.BLUE) > 20 and ink(both, figures.VERMILION) > 20
    assert ink(one, figures.BLUE) > 20 and ink(one, figures.VERMILION) == 0


def test_the_ellipses_are_as_large_as_the_scatter():
    random, areas = np.random.default_rng(0), []
    for spread_px in (2.0, 6.0):
        evaluation = an_evaluation([0.0] * 40)
        evaluation.predicted_xy[:] += random.normal(0, spread_px, evaluation.predicted_xy.shape)
        areas.append((opened(figures.error_by_point(evaluation))[..., 3] > 60).sum())
    assert areas[1] > 2 * areas[0]


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.filterwarnings("error")
def test_missing_labels_and_missed_faces_do_not_stop_a_chart(chart):
    evaluation = two_sources()
    scheme = load_scheme("kaggle15")
    evaluation.predicted_xy[3] = evaluation.confidence[3] = np.nan
    evaluation.labelled_xy[5, scheme.outer_eye_corners[0]] = np.nan
    evaluation.labelled_xy[:, 10] = np.nan
    opened(chart(evaluation))


@pytest.mark.filterwarnings("error")
def test_the_curves_of_a_run():
    picture = opened(figures.learning_curves(ROWS))
    assert picture.shape[1] == 2080 and ink(picture, figures.BLUE) > 100 and ink(picture, figures.VERMILION) > 100
    opened(figures.learning_curves([row | {"nme_iod": None} for row in ROWS[:1]]))
    opened(figures.learning_curves([{"epoch": 1, "loss": 3.0}]))
