"""The way through the queue: forward, back, and what comes next when there is nothing new."""

from __future__ import annotations

from fkd.review_seat import Seat, Seats


def step(seat: Seat, ordered: list[str], back: bool = False, taken: str = "") -> str | None:
    """Sit down at the first photo on offer that nobody has taken."""
    offered = seat.behind() if back else seat.ahead(ordered)
    photo = next((photo for photo in offered if photo not in taken), None)
    if photo is not None:
        seat.sit(photo, back)
    return photo


def test_forward_goes_by_the_order_and_back_by_what_was_seen():
    seat = Seat()
    assert [step(seat, ["a", "b", "c"]) for _ in range(3)] == ["a", "b", "c"]
    assert [step(seat, [], back=True) for _ in range(3)] == ["b", "a", None]
    assert [step(seat, ["a", "b", "c"]) for _ in range(2)] == ["b", "c"]


def test_a_less_certain_photo_that_came_in_later_is_next():
    seat = Seat()
    step(seat, ["b", "c"])
    assert step(seat, ["a", "b", "c"]) == "a"


def test_after_the_last_it_starts_again_after_this_one():
    seat = Seat()
    for _ in "abc":
        step(seat, ["a", "b", "c"])
    assert [step(seat, ["a", "b", "c"]) for _ in range(2)] == ["a", "b"]
    assert step(seat, ["b"]) is None  # only the one that is open


def test_what_was_labelled_is_not_offered_again():
    seat = Seat()
    assert step(seat, ["a", "b"]) == "a"
    assert step(seat, ["b"]) == "b"
    assert step(seat, []) is None
    assert step(seat, [], back=True) == "a"  # but one can go back to it


def test_what_others_have_is_passed_over():
    seat = Seat()
    assert step(seat, ["a", "b", "c"], taken="a") == "b"
    assert step(seat, ["a", "b", "c"]) == "a"
    step(seat, ["a", "b", "c"])
    assert step(seat, [], back=True, taken="a") == "b"


def test_another_filter_starts_anew():
    seat = Seat()
    for _ in "abc":
        step(seat, ["a", "b", "c"])
    seat.show("all")
    assert [step(seat, ["a", "b", "c"]) for _ in range(2)] == ["a", "b"]


def test_a_photo_opened_on_its_own_lies_beside_the_way():
    seat = Seat()
    for _ in "ab":
        step(seat, ["a", "b", "c"])
    seat.open_alone("doc alone")
    assert seat.current is None
    assert step(seat, [], back=True) == "b"
    seat.open_alone("doc alone")
    assert step(seat, ["a", "b", "c"]) == "c"


def test_who_stays_with_a_photo_is_there_again():
    seat = Seat()
    for photo in "ab":
        step(seat, [photo])
        seat.gave(f"doc {photo}", photo)
    assert seat.current == "b" and seat.held() == {"a", "b"}
    seat.stay("doc a")
    assert seat.current == "a" and seat.held() == {"a", "b"}
    seat.stay("another photo's")
    assert seat.current is None and seat.alone == "another photo's"


def test_a_window_that_was_cut_off_goes_on_where_it_was(monkeypatch):
    seats = Seats()
    step(seats["a"], ["x", "y"])
    seats["a"].offered = "y"
    seats.leave("a")
    assert seats["a"].current == "x" and seats["a"].offered == ""
    seats.leave("never there")
    assert list(seats) == ["a"]
    monkeypatch.setattr("fkd.review_seat.KEPT_SEATS", 1)
    seats["b"].open_alone("doc")
    seats.leave("b")
    assert list(seats) == ["b"]
