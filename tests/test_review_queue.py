"""Which photos a person is shown, and in which order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fkd.predictor import Face
from fkd.review_queue import FILTERS, Estimate, QueuedPhoto, ReviewQueue


def a_face(confidence: float) -> Face:
    return Face(np.array([0.0, 0.0, 9.0, 9.0]), 0.9, np.zeros((2, 2)), np.full(2, confidence))


def estimate(*confidences: float, disagreement: float = 0.0) -> Estimate:
    return Estimate(None, tuple(map(a_face, confidences)), disagreement)


@pytest.fixture
def queue() -> ReviewQueue:
    return ReviewQueue()


@pytest.fixture
def add(queue):
    def add_photo(name: str, *confidences: float, owner: str = "", disagreement: float = 0.0) -> QueuedPhoto:
        photo = queue.add(Path(name), owner)
        photo.image = f"images/{name}"
        photo.estimates["s"] = estimate(*confidences, disagreement=disagreement)
        return photo

    return add_photo


def names(queue, shown="all", visitor="ada", name="") -> list[str]:
    return [photo.path.name for photo in queue.ordered(visitor, "s", shown, name)]


def test_the_least_certain_face_counts_and_the_least_certain_photo_comes_first(queue, add):
    add("sure", 0.9)
    add("one of two", 0.95, 0.2)
    add("nobody")
    add("unsure", 0.5)
    assert names(queue) == ["one of two", "unsure", "sure", "nobody"]


def test_among_equals_the_mirror_decides_and_then_the_order_of_adding(queue, add):
    add("first", 0.701, disagreement=0.01)
    add("mirror", 0.704, disagreement=0.05)
    add("last", 0.699, disagreement=0.01)
    assert names(queue) == ["mirror", "first", "last"]


def test_a_photo_that_was_not_read_waits(queue, add):
    add("read", 0.9)
    queue.add(Path("unread"))
    assert names(queue) == ["read"]
    assert queue.counts("ada", "s", "")["waiting"] == 1
    assert queue.counts("ada", "other", "")["waiting"] == 2


def test_filters_and_counts(queue, add):
    add("plain", 0.9)
    add("doubtful", 0.59)
    add("nobody")
    by_ada, by_tim, flagged = add("by ada", 0.9), add("by tim", 0.3), add("flagged", 0.9)
    by_ada.correctors["s"], by_tim.correctors["s"] = frozenset({"Ada"}), frozenset({"Tim", ""})
    flagged.correctors["other"], flagged.flagged = frozenset({"Ada"}), True
    expected = {
        "unlabelled": ["doubtful", "plain", "flagged"],
        "uncertain": ["by tim", "doubtful", "nobody"],
        "corrected": ["by tim", "by ada"],
        "flagged": ["flagged"],
        "mine": ["by ada"],
        "all": ["by tim", "doubtful", "plain", "by ada", "flagged", "nobody"],
    }
    assert {shown: names(queue, shown, name="Ada") for shown in FILTERS} == expected
    assert queue.counts("ada", "s", "Ada") == {shown: len(found) for shown, found in expected.items()} | {"waiting": 0}
    assert names(queue, "mine", name="") == ["by tim"]


def test_nobody_sees_the_photos_of_another_visitor(queue, add):
    add("shared", 0.9)
    mine, theirs = add("mine", 0.5, owner="ada"), add("theirs", 0.1, owner="tim")
    queue.refuse("tim", "secret.jpg is empty.")
    queue.refuse("", "folder.jpg is empty.")
    assert names(queue, visitor="ada") == ["mine", "shared"]
    assert queue.counts("ada", "s", "")["all"] == 2
    assert queue.problems("ada") == ["folder.jpg is empty."]
    assert names(queue, visitor="") == ["shared"]
    assert {photo.path.name for photo in queue.take_out(["ada", ""])} == {"mine"}
    assert names(queue, visitor="ada") == ["shared"] and queue.get(mine.photo_id) is None
    assert queue.get(theirs.photo_id) is theirs


def test_a_file_that_cannot_be_read_leaves_a_sentence(queue, add):
    photo = add("bad", 0.5, owner="ada")
    for _ in range(2):
        queue.drop(photo, "bad is empty.")
    assert names(queue) == [] and queue.problems("ada") == ["bad is empty."] and queue.problems("tim") == []


def test_who_turns_out_to_be_somebody_keeps_their_photos(queue, add):
    add("mine", 0.5, owner="window 1")
    add("theirs", 0.5, owner="window 2")
    queue.refuse("window 1", "bad.jpg is empty.")
    queue.hand_over("window 1", "ada")
    assert names(queue, visitor="ada") == ["mine"] and queue.problems("ada") == ["bad.jpg is empty."]
    assert names(queue, visitor="window 1") == [] and queue.problems("window 1") == []
