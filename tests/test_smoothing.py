"""Points at rest become calm, and points that move are where they are."""

from __future__ import annotations

import numpy as np

from fkd.smoothing import OneEuro, smoothed

TIMES_S = np.arange(150) / 25
EYES_PX = 60.0


def moving() -> np.ndarray:
    """(N, K, 2): two seconds of rest, two at 1.5 eye distances a second, two of rest."""
    x = np.interp(TIMES_S, [0, 2, 4, 6], [0, 0, 3, 3]) * EYES_PX
    return np.repeat(np.stack([x, np.zeros_like(x)], axis=1)[:, None], 10, axis=1)


def noisy(points: np.ndarray) -> np.ndarray:
    return points + np.random.default_rng(0).normal(0, 0.01 * EYES_PX, points.shape)


def tremble(points: np.ndarray) -> float:
    """How much points at rest move from frame to frame."""
    return float(np.diff(points[5:45], axis=0).std())


def error(points: np.ndarray, truth: np.ndarray, part: slice = slice(None)) -> float:
    return float(np.sqrt(((points - truth)[part] ** 2).sum(axis=-1)).mean())


def test_points_at_rest_tremble_a_third_as_much():
    raw = noisy(moving())
    assert tremble(smoothed(raw, TIMES_S, EYES_PX)) < tremble(raw) / 3


def test_nothing_lags_behind():
    truth = moving()
    calm = smoothed(truth, TIMES_S, EYES_PX)
    in_motion = slice(60, 90)
    behind = (truth - calm)[in_motion, :, 0].mean()
    assert abs(behind) < 0.1 * 1.5 * EYES_PX / 25  # a tenth of a frame
    filtered = OneEuro()
    one_way = np.array([filtered(points, time_s, EYES_PX) for points, time_s in zip(truth, TIMES_S, strict=True)])
    assert (truth - one_way)[in_motion, :, 0].mean() > 10 * abs(behind)


def test_what_moves_is_nearer_to_the_truth_than_before():
    truth = moving()
    raw = noisy(truth)
    assert error(smoothed(raw, TIMES_S, EYES_PX), truth) < 0.8 * error(raw, truth)


def test_size_does_not_matter():
    raw = noisy(moving())
    assert np.allclose(smoothed(3 * raw, TIMES_S, 3 * EYES_PX), 3 * smoothed(raw, TIMES_S, EYES_PX))


def test_after_a_pause_the_filter_starts_anew():
    step = OneEuro()
    step(np.zeros((1, 2)), 0.0, EYES_PX)
    assert step(np.full((1, 2), 50.0), 1.0, EYES_PX).tolist() == [[50.0, 50.0]]


def test_one_frame_stays_as_it_is():
    point = np.array([[[3.0, 4.0]]])
    assert np.array_equal(smoothed(point, np.array([0.0]), EYES_PX), point)
