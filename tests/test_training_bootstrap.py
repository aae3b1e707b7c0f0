"""The paired bootstrap: what it calls noise and what it does not, and that people stay together."""

from __future__ import annotations

import numpy as np
import pytest

from training.bootstrap import Difference, paired_bootstrap


def names(n: int) -> list[str]:
    return [f"photo {i}" for i in range(n)]


def test_the_interval_of_independent_faces_is_that_of_the_mean():
    random = np.random.default_rng(1)
    before = random.normal(5.0, 2.0, 400)
    after = before + random.normal(-0.3, 1.0, 400)
    change = paired_bootstrap(before, after, names(400))
    standard_error = (after - before).std() / np.sqrt(400)
    assert change.difference == pytest.approx((after - before).mean())
    assert change.low == pytest.approx(change.difference - 1.96 * standard_error, abs=0.1 * standard_error)
    assert change.high == pytest.approx(change.difference + 1.96 * standard_error, abs=0.1 * standard_error)
    assert not change.is_noise and change.high < 0


def test_only_the_pairs_count_not_how_faces_differ_from_each_other():
    before = np.linspace(0, 100, 50)
    change = paired_bootstrap(before, before - 0.01, names(50))
    assert change.low == pytest.approx(-0.01) and change.high == pytest.approx(-0.01)


def test_frames_of_one_person_are_drawn_together():
    effect = np.random.default_rng(2).normal(0, 1, 20)  # of each of 20 people
    frames = np.repeat(effect, 30)
    people = [f"person {i // 30}" for i in range(600)]
    together = paired_bootstrap(np.zeros(600), frames, people)
    apart = paired_bootstrap(np.zeros(600), frames, names(600))
    assert together.high - together.low > 4 * (apart.high - apart.low)
    assert together.high - together.low == pytest.approx(2 * 1.96 * effect.std() / np.sqrt(20), rel=0.15)


def test_the_same_seed_gives_the_same_interval_whatever_the_order_of_the_names():
    random = np.random.default_rng(3)
    before, after = random.normal(size=30), random.normal(size=30)
    first = paired_bootstrap(before, after, names(30), seed=7)
    assert first == paired_bootstrap(before, after, names(30), seed=7)
    assert first != paired_bootstrap(before, after, names(30), seed=8)


def test_any_statistic_of_rows():
    random = np.random.default_rng(4)
    before = random.normal(0, 1.0, (300, 15, 2))

    def root_mean_square(rows: np.ndarray) -> float:
        return float(np.sqrt(np.nanmean(rows**2)))

    change = paired_bootstrap(before, 2 * before, names(300), statistic=root_mean_square)
    assert change.difference == pytest.approx(root_mean_square(before))
    assert 0.95 < change.low < change.difference < change.high < 1.05


@pytest.mark.parametrize("groups", [1, 4])
def test_a_few_groups_say_too_little_about_others(groups):
    change = paired_bootstrap(np.zeros(12), np.ones(12), [str(i % groups) for i in range(12)])
    assert change == Difference(1.0, -np.inf, np.inf) and change.is_noise
    assert not paired_bootstrap(np.zeros(12), np.ones(12), [str(i % 5) for i in range(12)]).is_noise


def test_an_interval_that_holds_zero_is_noise():
    assert Difference(-0.1, -0.3, 0.1).is_noise and Difference(0.0, 0.0, 0.0).is_noise
    assert not Difference(0.2, 0.1, 0.3).is_noise


@pytest.mark.parametrize(("before", "after", "groups"), [(0, 0, 0), (3, 2, 3), (3, 3, 2)])
def test_rows_that_do_not_match_are_refused(before, after, groups):
    with pytest.raises(ValueError, match="they must be as many"):
        paired_bootstrap(np.zeros(before), np.zeros(after), names(groups))
