"""A lease keeps a thing for one holder, until it is released or not renewed in time."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fkd.leases import Leases


@pytest.fixture
def clock() -> SimpleNamespace:
    return SimpleNamespace(now=0.0)


@pytest.fixture
def leases(clock) -> Leases:
    return Leases(seconds=600, clock=lambda: clock.now)


def test_two_never_hold_the_same(leases):
    assert leases.take("photo", "ada")
    assert not leases.take("photo", "tim") and not leases.is_free("photo", "tim")
    assert leases.take("photo", "ada") and leases.is_free("photo", "ada")
    assert leases.take("another", "tim")


def test_a_lease_runs_out_without_activity(leases, clock):
    leases.take("photo", "ada")
    clock.now = 599
    assert not leases.take("photo", "tim")
    clock.now = 600
    assert leases.take("photo", "tim")
    assert not leases.take("photo", "ada")


def test_who_is_at_work_keeps_it(leases, clock):
    leases.take("photo", "ada")
    clock.now = 500
    leases.renew("ada")
    clock.now = 1000
    assert not leases.is_free("photo", "tim")
    clock.now = 1100
    assert leases.is_free("photo", "tim")


def test_renewing_takes_nothing_away_from_others(leases, clock):
    leases.take("photo", "ada")
    clock.now = 700
    leases.take("photo", "tim")
    leases.renew("ada")
    assert not leases.is_free("photo", "ada")


def test_what_is_released_is_free_and_the_rest_is_not(leases):
    for thing in ("one", "two", "three"):
        leases.take(thing, "ada")
    leases.take("four", "tim")
    leases.release("ada", keep={"two"})
    assert [leases.is_free(thing, "eve") for thing in ("one", "two", "three", "four")] == [True, False, True, False]


def test_what_is_handed_over_is_the_takers_alone(leases, clock):
    leases.take("one", "ada's window")
    leases.take("two", "tim")
    clock.now += 500
    for thing in ("one", "two"):
        leases.hand_over(thing, "ada's window", "ada's next window")
    assert not leases.is_free("one", "ada's window") and not leases.is_free("two", "ada's next window")
    leases.release("ada's window")
    clock.now += 500
    assert not leases.is_free("one", "tim")  # its time began anew
