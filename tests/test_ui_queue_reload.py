"""A window is reloaded: for the app it is another one, and it has what it had."""

from __future__ import annotations

from pathlib import Path

import pytest

from fkd.ui.actions import Desk
from fkd.ui.queue_desk import QueueDesk
from tests.sure_predictor import SureModels, grey_picture

K = "kaggle15"


@pytest.fixture
def queue(tmp_path) -> QueueDesk:
    """Three photos for everybody, the least certain first."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for grey in (10, 20, 30):
        grey_picture(pictures / f"{grey}.png", grey)
    queue = QueueDesk(Desk(SureModels(), tmp_path / "annotations", pictures))
    queue.want("", K)
    assert queue.jobs.wait(20)
    return queue


def step(queue: QueueDesk, window: str):
    return queue.step(window, window, K, "")[0]


def name_of(queue: QueueDesk, window: str) -> str:
    photo = queue.current(window)
    return photo.path.name if photo else ""


@pytest.mark.parametrize("is_closed", [False, True], ids=["the old window is there still", "it has said goodbye"])
def test_it_works_on_the_same_photo_and_nobody_else_does(queue, is_closed):
    assert step(queue, "a").photo_name == "10.png"
    document = step(queue, "a")
    if is_closed:
        queue.leave("a")
    assert queue.resume("a again", document.doc_id) and name_of(queue, "a again") == "20.png"
    queue.leave("a")  # late
    assert [step(queue, "b").photo_name for _ in range(2)] == ["10.png", "30.png"] and step(queue, "c") is None
    assert step(queue, "a again") is None  # both of b's are not saved yet


def test_who_was_quicker_keeps_the_photo(queue):
    document = step(queue, "a")
    queue.leave("a")
    assert step(queue, "b").photo_name == "10.png"
    assert not queue.resume("a again", document.doc_id) and name_of(queue, "a again") == ""


def test_a_photo_that_is_not_of_the_queue_is_open_on_its_own(queue, tmp_path):
    step(queue, "a")
    document, _ = queue.desk.open_photo(grey_picture(Path(tmp_path) / "alone.png", 50), K)
    assert queue.resume("a again", document.doc_id)
    assert name_of(queue, "a again") == "" and queue.seat("a again").alone == document.doc_id


def test_a_window_that_was_only_cut_off_has_its_photo_again_unless_somebody_took_it(queue):
    step(queue, "a")
    queue.leave("a")
    assert name_of(queue, "a") == "10.png"
    queue.renew("a")
    assert step(queue, "b").photo_name == "20.png"
    queue.leave("b")
    assert step(queue, "c").photo_name == "20.png"
    queue.renew("b")
    assert step(queue, "c").photo_name == "30.png"
    assert step(queue, "b") is None  # 20 is c's now, as the one before
