"""The queue at work: photos come in, are predicted in the background, and no two windows get the same one."""

from __future__ import annotations

import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fkd import CorrectionsError, ImageError
from fkd.predictor import Face
from fkd.ui import queue_desk as queue_desk_module
from fkd.ui.actions import Desk
from fkd.ui.queue_desk import QueueDesk
from tests.sure_predictor import SureModels, SurePredictor, grey_picture

K = "kaggle15"


@pytest.fixture
def models() -> SureModels:
    return SureModels()


@pytest.fixture
def pictures(tmp_path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder


@pytest.fixture
def queue(models, tmp_path) -> QueueDesk:
    return QueueDesk(Desk(models, tmp_path / "annotations"))


def shared_queue(models, tmp_path, pictures) -> QueueDesk:
    queue = QueueDesk(Desk(models, tmp_path / "annotations", pictures))
    queue.want("", K)
    assert queue.jobs.wait(20)
    return queue


def add(queue: QueueDesk, *paths: Path, visitor: str = "ada") -> str:
    sentence = queue.add_files(paths, visitor, K)
    assert queue.jobs.wait(20)
    return sentence


def step(queue: QueueDesk, seat: str = "tab", visitor: str = "ada", back: bool = False):
    """The document and the name of the photo that a window gets; None and the sentence if there is none."""
    document, sentence = queue.step(seat, visitor, K, "Ada", back)
    return (document, document.photo_name) if document else (None, sentence)


def accepted(document, index: int = 0) -> dict:
    """What the editor posts for a face that is saved as predicted."""
    face = document.faces[index]
    return {
        "doc_id": document.doc_id, "face_id": face.face_id, "rev": 1, "points": face.points, "states": face.states
    }  # fmt: skip


def save(queue: QueueDesk, document, name: str = "Ada") -> None:
    queue.desk.save_face(accepted(document), name)
    queue.saved(document.doc_id)


def test_many_files_at_once_are_shown_least_certain_first(queue, pictures):
    greys = {"sure.png": 240, "unsure.png": 30, "so.png": 120, "nobody.png": 0}
    assert add(queue, *(grey_picture(pictures / name, grey) for name, grey in greys.items())).startswith("4 photos")
    assert [step(queue)[1] for _ in range(3)] == ["unsure.png", "so.png", "sure.png"]
    assert queue.queue.counts("ada", K, "") == {
        "unlabelled": 3, "uncertain": 3, "corrected": 0, "flagged": 0, "mine": 0, "all": 4, "waiting": 0
    }  # fmt: skip


def test_a_bad_file_among_many_is_named_and_the_rest_goes_on(queue, pictures):
    (pictures / "notes.jpg").write_text("no picture")
    with zipfile.ZipFile(pictures / "some.zip", "w") as archive:
        archive.write(grey_picture(pictures / "in.png", 100), "deep/in.png")
        archive.writestr("../out.png", b"x")
    sentence = add(queue, pictures / "notes.jpg", pictures / "some.zip", grey_picture(pictures / "b.png", 50))
    assert sentence.startswith("3 photos were added; 1 could not be used")
    assert [step(queue)[1] for _ in range(2)] == ["b.png", "in.png"]
    unpacked, unread = queue.queue.problems("ada")
    assert unpacked.startswith("out.png in some.zip was left out") and unread.startswith("notes.jpg")


def test_the_same_picture_is_in_the_queue_once(queue, pictures):
    first, second = grey_picture(pictures / "one.png", 100), grey_picture(pictures / "two.png", 100)
    add(queue, first, second)
    assert queue.queue.counts("ada", K, "")["all"] == 1
    assert queue.queue.problems("ada") == ["two.png is the same picture as one.png, which is in the queue already."]
    add(queue, first, visitor="tim")  # who knows nothing of ada's
    assert queue.queue.counts("tim", K, "")["all"] == 1 and queue.queue.problems("tim") == []


def test_what_cannot_be_used_takes_no_room(queue, pictures):
    (pictures / "notes.jpg").write_text("no picture")
    picture = grey_picture(pictures / "one.png", 100)
    add(queue, picture, pictures / "notes.jpg", picture)
    (photo,) = queue.queue.of("ada")
    assert list(photo.path.parent.parent.glob("*/*")) == [photo.path] and len(queue.queue.problems("ada")) == 2


def test_a_shared_photo_that_cannot_be_used_is_left_where_it_is(models, tmp_path, pictures):
    (pictures / "notes.jpg").write_text("no picture")
    grey_picture(pictures / "one.png", 100)
    queue = shared_queue(models, tmp_path, pictures)
    assert queue.queue.counts("ada", K, "")["all"] == 1 and len(list(pictures.iterdir())) == 2


def test_a_visitor_gets_no_photo_of_another(queue, pictures):
    add(queue, grey_picture(pictures / "ada.png", 100), visitor="ada")
    add(queue, grey_picture(pictures / "tim.png", 50), visitor="tim")
    assert step(queue, "tab of ada", "ada")[1] == "ada.png"
    assert step(queue, "another tab of ada", "ada")[1].startswith("The photos that are left here are open")
    assert step(queue, "tab of eve", "eve")[1].startswith("There is no other photo here")


def test_two_windows_never_get_the_same_photo_until_one_lets_go(models, tmp_path, pictures):
    for grey in (10, 20, 30, 40):
        grey_picture(pictures / f"{grey}.png", grey)
    queue = shared_queue(models, tmp_path, pictures)
    given = [step(queue, seat, visitor)[1] for seat, visitor in (("a", "ada"), ("b", "tim"), ("c", "ada"))]
    assert given == ["10.png", "20.png", "30.png"]
    assert step(queue, "a")[1] == "40.png"
    assert step(queue, "b", "tim")[0] is None  # a holds the one before as well: its points may not be saved yet
    queue.leave("a")
    assert step(queue, "b", "tim")[1] == "10.png"


def test_a_lease_runs_out_unless_somebody_works(models, tmp_path, pictures):
    clock = SimpleNamespace(now=0.0)
    grey_picture(pictures / "only.png", 10)
    queue = shared_queue(models, tmp_path, pictures)
    queue.leases._clock = lambda: clock.now
    assert step(queue, "a")[1] == "only.png"
    clock.now = queue.leases.seconds - 1
    queue.leases.renew("a")
    clock.now = queue.leases.seconds + 1
    assert step(queue, "b")[0] is None
    clock.now = 2 * queue.leases.seconds
    assert step(queue, "b")[1] == "only.png"


def test_what_is_saved_is_labelled_and_shows_its_correction_when_one_goes_back(queue, pictures):
    add(queue, *(grey_picture(pictures / f"{grey}.png", grey) for grey in (10, 20)))
    document, _ = step(queue)
    save(queue, document)
    counts = queue.queue.counts("ada", K, "Ada")
    assert (counts["corrected"], counts["mine"], counts["unlabelled"]) == (1, 1, 1)
    assert queue.queue.counts("ada", K, "Tim")["mine"] == 0
    assert step(queue)[1] == "20.png"
    again, name = step(queue, back=True)
    assert name == "10.png" and again.doc_id != document.doc_id
    assert again.faces[0].saved_id == queue.desk.store.tail(1)[0].id
    queue.desk.undo_save({"doc_id": again.doc_id, "face_id": "f1", "rev": 5}, "Ada")
    queue.saved(again.doc_id)
    assert queue.queue.counts("ada", K, "Ada")["corrected"] == 0


def test_what_was_corrected_before_a_restart_is_known(models, tmp_path, pictures):
    grey_picture(pictures / "only.png", 10)
    before = shared_queue(models, tmp_path, pictures)
    save(before, step(before)[0])
    before.flag("tab", "Ada")
    after = shared_queue(models, tmp_path, pictures)
    counts = after.queue.counts("ada", K, "Ada")
    assert (counts["corrected"], counts["flagged"], counts["unlabelled"]) == (1, 1, 0)
    assert step(after)[1] == "Every photo with a face is labelled."
    after.seat("tab").show("corrected")
    assert step(after)[0].faces[0].saved_id


class ThreeFaces(SurePredictor):
    """Finds three small faces in a picture, the second one the least certain."""

    def __call__(self, pixels: np.ndarray) -> list[Face]:
        (face,) = super().__call__(pixels)
        return [
            Face(face.box_xyxy / 3 + shift, 0.9, face.points / 3 + shift, np.full(15, sure))
            for shift, sure in ((0, 0.9), (20, 0.2), (40, 0.5))
        ]


def test_the_editor_begins_with_the_least_certain_face_that_is_not_saved(models, queue, pictures):
    models.served = ThreeFaces()
    add(queue, grey_picture(pictures / "three.png", 100))
    document, _ = step(queue)
    assert document.selected == 1
    queue.desk.save_face(accepted(document, 1), "Ada")
    queue.leave("tab")
    queue.seat("other").show("all")
    assert step(queue, "other")[0].selected == 2


def test_flags_go_up_and_down(queue, pictures):
    with pytest.raises(CorrectionsError, match="Only photos of the queue can be flagged"):
        queue.flag("tab", "Ada")
    add(queue, grey_picture(pictures / "a.png", 10))
    step(queue)
    assert queue.flag("tab", "Ada") == "a.png is flagged." and queue.current("tab").flagged
    assert queue.flag("tab", "Ada") == "a.png is not flagged any more." and not queue.current("tab").flagged


def test_the_next_photo_is_open_before_it_is_asked_for(queue, pictures, monkeypatch):
    add(queue, *(grey_picture(pictures / f"{grey}.png", grey) for grey in (10, 20, 30, 40)))
    step(queue)
    shown = queue.look_ahead("tab", "ada", K, "Ada")
    monkeypatch.setattr(queue.desk.photos, "open", None)  # nothing is opened any more
    documents = [step(queue)[0] for _ in range(2)]
    assert [document.photo_name for document in documents] == ["20.png", "30.png"]
    assert documents == shown


def test_what_a_window_has_at_hand_comes_next_there_and_last_elsewhere(queue, pictures):
    add(queue, *(grey_picture(pictures / f"{grey}.png", grey) for grey in (10, 20, 30)))
    step(queue)
    ahead = queue.look_ahead("tab", "ada", K, "Ada")
    assert ahead[0].photo_name == "20.png" and queue.offered("tab", K) == ahead[0].doc_id
    assert step(queue, seat="other")[1] == "30.png" and queue.offered("other", K) == ""
    add(queue, grey_picture(pictures / "5.png", 5))  # less certain, but the window shows the other one already
    document, _ = step(queue)
    assert document.doc_id == ahead[0].doc_id and queue.offered("tab", K) == ""
    queue.look_ahead("tab", "ada", K, "Ada")
    queue.seat("tab").show("all")
    assert queue.offered("tab", K) == ""  # another list begins with another photo


def test_what_a_window_has_at_hand_is_lent_to_who_finds_nothing_else(queue, pictures):
    add(queue, *(grey_picture(pictures / f"{grey}.png", grey) for grey in (10, 20)))
    step(queue)
    queue.look_ahead("tab", "ada", K, "Ada")
    assert step(queue, seat="other")[1] == "20.png"
    assert step(queue) == (None, "The photos that are left here are open in other windows.")


def test_what_was_made_ready_is_not_used_when_the_file_has_changed(models, tmp_path, pictures):
    for grey in (10, 20):
        grey_picture(pictures / f"{grey}.png", grey)
    queue = shared_queue(models, tmp_path, pictures)
    step(queue)
    queue.look_ahead("tab", "ada", K, "Ada")
    grey_picture(pictures / "20.png", 200, dot=20)
    document, _ = step(queue)
    assert document.photo_name == "20.png" and document.faces[0].confidence[0] == pytest.approx(200 / 250)


def test_new_weights_predict_the_queue_anew(models, queue, pictures):
    add(queue, grey_picture(pictures / "a.png", 10), grey_picture(pictures / "b.png", 20))
    step(queue)
    queue.look_ahead("tab", "ada", K, "Ada")
    models.served = SurePredictor()
    models.served.version = "sure-2"
    document, _ = step(queue)
    save(queue, document)
    assert queue.desk.store.tail(1)[0].model_version == "sure-2"
    queue.want("ada", K)
    assert queue.jobs.wait(20)
    assert all(photo.estimates[K].predictor is models.served for photo in queue.queue.of("ada"))


def test_a_photo_that_is_gone_is_passed_over(models, tmp_path, pictures):
    paths = [grey_picture(pictures / f"{grey}.png", grey) for grey in (10, 20)]
    queue = shared_queue(models, tmp_path, pictures)
    paths[0].unlink()
    assert step(queue)[1] == "20.png"
    assert queue.queue.problems("ada")[0].startswith("10.png is not there any more")


def test_all_visitors_together_fill_no_disk(queue, pictures, monkeypatch):
    first, second = (grey_picture(pictures / f"{grey}.png", grey) for grey in (10, 20))
    monkeypatch.setattr(queue_desk_module, "MAX_TOTAL_BYTES", first.stat().st_size + 10)
    add(queue, first, visitor="ada")
    assert "1 could not be used" in add(queue, second, visitor="tim")


def test_a_visitor_who_is_gone_leaves_nothing_behind(queue, pictures, monkeypatch):
    add(queue, grey_picture(pictures / "a.png", 10), visitor="ada")
    (copy,) = (photo.path for photo in queue.queue.of("ada"))
    monkeypatch.setattr(queue_desk_module, "GONE_SECONDS", -1.0)
    queue.want("tim", K)
    assert queue.queue.of("ada") == [] and not copy.parent.exists()


def test_a_folder_that_is_none_is_told_of_at_the_start(models, tmp_path):
    with pytest.raises(ImageError, match="is no folder"):
        Desk(models, tmp_path, tmp_path / "gone")


def test_another_scheme_opens_the_photo_that_is_shown(queue, pictures):
    assert queue.reopen("tab", K) is None
    add(queue, grey_picture(pictures / "a.png", 10))
    document, _ = step(queue)
    again, _ = queue.reopen("tab", K)
    assert again.photo_name == "a.png" and again.doc_id != document.doc_id
