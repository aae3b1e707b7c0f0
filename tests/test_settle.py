"""What a few fixed points say about the others: the conditional mean, its frame, its limits and its file."""

from __future__ import annotations

import numpy as np
import pytest

from fkd.errors import WeightsError
from fkd.settle import SETTLE_FILE, SettlePrior, load_settle_prior, point_spread, save_settle_prior, settle

K = 6
EVEN = np.ones(K)


def prior(seed: int = 0) -> SettlePrior:
    factor = np.random.default_rng(seed).normal(size=(2 * K, 5))
    return SettlePrior(factor @ factor.T + 0.3 * np.eye(2 * K))


def shared_shift(noise: float = 1e-6) -> SettlePrior:
    """Errors that are the same at every point, but for a little noise."""
    return SettlePrior(np.kron(np.ones((K, K)), np.eye(2)) + noise * np.eye(2 * K))


def ring() -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, K, endpoint=False)
    return 100 + 40 * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def placed_at(places: dict[int, tuple[float, float]]) -> np.ndarray:
    placed = np.full((K, 2), np.nan)
    for index, place in places.items():
        placed[index] = place
    return placed


def test_nothing_placed_is_the_prediction():
    np.testing.assert_array_equal(settle(prior(), ring(), EVEN, 0.3, placed_at({})), ring())


def test_a_shift_of_all_points_is_told_by_one():
    settled = settle(shared_shift(), ring(), EVEN, 0.7, placed_at({2: ring()[2] + [5, -3]}))
    np.testing.assert_allclose(settled, ring() + [5, -3], atol=1e-4)


def test_it_is_the_conditional_mean():
    """Against the joint density: at its conditional mean, the free coordinates have no gradient."""
    given, predicted = prior(), ring()
    placed = placed_at({0: predicted[0] + [3, 1], 4: predicted[4] + [-2, 2]})
    error = (settle(given, predicted, EVEN, 0.0, placed) - predicted).ravel()
    gradient = np.linalg.solve(given.covariance, error).reshape(K, 2)
    np.testing.assert_allclose(gradient[[1, 2, 3, 5]], 0, atol=1e-12)
    assert np.abs(gradient[[0, 4]]).min() > 0.01


def test_placed_points_stay_to_the_bit():
    placed = placed_at({1: (17.123456789, 3.3), 5: (99.9, 250.0)})
    settled = settle(prior(), ring(), EVEN, -0.4, placed)
    assert settled[1].tolist() == [17.123456789, 3.3] and settled[5].tolist() == [99.9, 250.0]


def test_a_confirmed_point_holds_its_neighbours():
    moved, both = placed_at({0: ring()[0] + [6, 0]}), placed_at({0: ring()[0] + [6, 0], 1: ring()[1]})
    shift = SettlePrior(np.kron(np.ones((K, K)), np.eye(2)) + np.eye(2 * K))
    alone, held = (settle(shift, ring(), EVEN, 0.0, placed) - ring() for placed in (moved, both))
    assert alone[2, 0] == pytest.approx(3.0)  # half of it is shared
    assert held[2, 0] == pytest.approx(2.0)


@pytest.mark.parametrize("turn", [0.5, -2.0])
def test_a_turned_face_settles_as_an_upright_one(turn):
    cos, sin = np.cos(turn), np.sin(turn)
    turned = np.array([[cos, sin], [-sin, cos]])  # rows are (x, y)
    placed = placed_at({0: ring()[0] + [4, -1], 3: ring()[3] + [0, 2]})
    upright = settle(prior(), ring(), EVEN, 0.0, placed)
    np.testing.assert_allclose(settle(prior(), ring() @ turned, EVEN, turn, placed @ turned), upright @ turned)


def test_a_larger_face_settles_as_a_smaller_one():
    placed = placed_at({0: ring()[0] + [4, -1]})
    np.testing.assert_allclose(
        settle(prior(), 10 * ring(), 3 * EVEN, 0.2, 10 * placed), 10 * settle(prior(), ring(), EVEN, 0.2, placed)
    )


def test_an_unsure_point_follows_further_and_is_believed_less():
    spread = np.array([1, 1, 3, 1, 1, 1.0])
    step = settle(shared_shift(), ring(), spread, 0.0, placed_at({0: ring()[0] + [2, 0]})) - ring()
    assert step[2, 0] == pytest.approx(6, abs=1e-3) and step[1, 0] == pytest.approx(2, abs=1e-3)
    step = settle(shared_shift(), ring(), spread, 0.0, placed_at({2: ring()[2] + [6, 0]})) - ring()
    assert step[1, 0] == pytest.approx(2, abs=1e-3)


def test_spread_is_the_root_of_the_laplace_scale():
    scales = np.array([0.006, 0.01, 0.03, 0.2])
    ratio = 0.05 / scales
    spread = point_spread(1 - (1 + ratio) * np.exp(-ratio))
    np.testing.assert_allclose(spread / spread[0], np.sqrt(scales / scales[0]), rtol=1e-4)


def test_spread_is_finite_for_any_confidence():
    spread = point_spread(np.array([0.0, 0.5, 1.0, np.nan]))
    assert np.isfinite(spread).all() and (spread > 0).all()
    assert spread[3] == spread[0] > spread[1] > spread[2]


def test_points_without_a_prediction_neither_tell_nor_follow():
    predicted = ring()
    predicted[[1, 2]] = np.nan
    placed = placed_at({1: (50, 50)})
    settled = settle(prior(), predicted, EVEN, np.nan, placed)
    assert settled[1].tolist() == [50, 50] and np.isnan(settled[2]).all()
    np.testing.assert_array_equal(settled[[0, 3, 4, 5]], predicted[[0, 3, 4, 5]])


def test_the_file_beside_the_weights(tmp_path):
    assert load_settle_prior(tmp_path, K) is None
    save_settle_prior(prior(), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [SETTLE_FILE]
    np.testing.assert_allclose(load_settle_prior(tmp_path, K).covariance, prior().covariance, rtol=1e-6)
    with pytest.raises(WeightsError, match="for 6 points, not 68"):
        load_settle_prior(tmp_path, 68)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_damaged_file_is_told(tmp_path, content):
    (tmp_path / SETTLE_FILE).write_bytes(content)
    with pytest.raises(WeightsError, match=r"settle\.safetensors.*damaged"):
        load_settle_prior(tmp_path, K)


@pytest.mark.parametrize(
    "matrix",
    [
        np.array(1.0),
        np.eye(3),
        np.ones((4, 2)),
        -np.eye(4),
        np.full((4, 4), np.nan),
        np.triu(np.ones((4, 4))) + np.eye(4),
    ],
)
def test_what_is_no_covariance_is_refused(matrix):
    with pytest.raises(WeightsError):
        SettlePrior(matrix)
