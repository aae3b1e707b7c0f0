"""How much a stranger may ask for."""

from __future__ import annotations

import pytest

from fkd.ui.limits import Allowance, Limits


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def limits(clock: Clock, **how) -> Limits:
    return Limits({"photos": Allowance(3, 6), "bytes": Allowance(100, 60)}, clock=clock, **how)


def test_so_much_at_once_and_then_so_much_a_minute(clock):
    counted = limits(clock)
    assert [counted.spend("ada", "photos") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert counted.spend("ada", "photos") == pytest.approx(10.0)
    clock.now_s = 9.9
    assert counted.spend("ada", "photos") == pytest.approx(0.1)
    clock.now_s = 10.1
    assert counted.spend("ada", "photos") == 0.0


def test_a_long_pause_gives_no_more_than_the_beginning(clock):
    counted = limits(clock)
    counted.spend("ada", "photos")
    clock.now_s = 1e6
    assert [counted.spend("ada", "photos") for _ in range(3)] == [0.0] * 3 and counted.spend("ada", "photos") > 0


def test_each_client_and_each_thing_is_counted_by_itself(clock):
    counted = limits(clock)
    for _ in range(3):
        counted.spend("ada", "photos")
    assert counted.spend("grace", "photos") == counted.spend("ada", "bytes", 100) == 0.0
    assert counted.spend("ada", "photos") > 0


def test_a_refusal_costs_nothing(clock):
    counted = limits(clock)
    counted.spend("ada", "bytes", 90)
    assert counted.spend("ada", "bytes", 50) == pytest.approx(40.0)
    assert counted.spend("ada", "bytes", 10) == 0.0


def test_what_is_larger_than_all_that_is_allowed_takes_all(clock):
    counted = limits(clock)
    assert counted.spend("ada", "bytes", 1e9) == 0.0
    assert counted.spend("ada", "bytes", 1) > 0


def test_no_more_clients_are_remembered_than_fit(clock):
    counted = limits(clock, most_clients=2)
    for _ in range(3):
        counted.spend("ada", "photos")
    counted.spend("grace", "photos")
    assert counted.spend("ada", "photos") > 0  # still known, and now the newest
    counted.spend("tim", "photos")
    assert len(counted._accounts) == 2 and counted.spend("ada", "photos") > 0
