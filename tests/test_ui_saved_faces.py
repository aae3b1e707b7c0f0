"""A photo that is opened again shows what was saved of it, and what was saved can be taken back."""

from __future__ import annotations

import numpy as np
import pytest

from fkd import CorrectionsError
from fkd.corrections import Undo
from fkd.ui.actions import Desk
from tests.sure_predictor import SureModels, grey_picture


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(SureModels(), tmp_path / "annotations")


@pytest.fixture
def photo(tmp_path):
    return grey_picture(tmp_path / "face.png", 200)


def open_photo(desk, photo):
    return desk.open_photo(photo, "kaggle15")[0]


def save_moved(desk, document, by_px: float, index: int = 0, rev: int = 1) -> str:
    """Save a face with its first point moved and its second absent; the row's id."""
    face = document.faces[index]
    points, states = [list(point) for point in face.predicted], ["untouched"] * 15
    points[0][0] += by_px
    states[0], points[1], states[1] = "moved", None, "absent"
    payload = {"doc_id": document.doc_id, "face_id": face.face_id, "rev": rev, "points": points, "states": states}
    answer, _ = desk.save_face(payload, "Ada")
    return answer.faces[index].saved_id


def undo(desk, document, face_id: str = "f1", rev: int = 9):
    return desk.undo_save({"doc_id": document.doc_id, "face_id": face_id, "rev": rev}, "Tim")


def test_reopening_shows_the_correction_and_saving_again_supersedes_it(desk, photo):
    row_id = save_moved(desk, open_photo(desk, photo), 4.0)
    again, sentence = desk.open_photo(photo, "kaggle15")
    (face,) = again.faces
    assert "1 was saved before" in sentence and face.saved_id == row_id
    assert face.points[0][0] == pytest.approx(face.predicted[0][0] + 4.0) and face.points[1] is None
    assert face.states[:3] == ["moved", "absent", "untouched"]
    newer = save_moved(desk, again, 5.0)
    (row,) = desk.store.current()
    assert row.id == newer and row.supersedes == row_id


def test_a_reloaded_window_gets_its_photo_with_what_was_saved(desk, photo):
    document = open_photo(desk, photo)
    save_moved(desk, document, 3.0, rev=7)
    again, sentence = desk.reopen({"doc_id": document.doc_id})
    assert again.doc_id == document.doc_id and "1 was saved before" in sentence
    assert again.faces[0].states[0] == "moved"
    assert again.rev > again.faces[0].saved_rev == 7  # what is saved next is newer
    assert desk.reopen({"doc_id": "of another process"}) is None


def test_untouched_points_stay_where_the_weights_of_then_put_them(desk, photo):
    save_moved(desk, open_photo(desk, photo), 4.0)
    before = open_photo(desk, photo).faces[0].predicted
    desk.models.served.version = "sure-2"
    predict = type(desk.models.served).__call__

    class Elsewhere(type(desk.models.served)):
        def __call__(self, pixels):
            (face,) = predict(self, pixels)
            return [type(face)(face.box_xyxy + 1, face.score, face.points + 2, face.confidence)]

    desk.models.served = Elsewhere()
    again = open_photo(desk, photo)
    assert again.faces[0].predicted == before
    save_moved(desk, again, 3.0)  # an untouched point away from its prediction would be refused
    assert desk.store.tail(1)[0].model_version == "sure-1"


def test_a_face_that_only_the_rows_know_is_added(desk, photo):
    document = open_photo(desk, photo)
    answer, _ = desk.add_face({"doc_id": document.doc_id, "rev": 1, "box_xyxy": [40, 40, 58, 58]})
    for opened in desk.photos.get(document.doc_id).faces.values():
        if opened.face_id == "f2":
            opened.face.points[:] += 30  # where it was drawn
    answer.faces[1].predicted = [[x + 30, y + 30] for x, y in answer.faces[1].predicted]
    row_id = save_moved(desk, answer, 1.0, index=1)
    again = open_photo(desk, photo)
    assert [face.saved_id for face in again.faces] == [None, row_id]
    assert again.faces[1].box_xyxy == [40, 40, 58, 58] and again.faces[1].score is None


def test_rows_of_another_scheme_or_picture_are_not_shown(desk, photo, tmp_path):
    save_moved(desk, open_photo(desk, photo), 4.0)
    assert open_photo(desk, grey_picture(tmp_path / "other.png", 200, dot=9)).faces[0].saved_id is None
    other = grey_picture(tmp_path / "another.png", 200, dot=5)
    points = np.full((68, 2), 20.0)
    desk.store.save(
        other, image_width=60, image_height=60, scheme="ibug68", box_xyxy=[5, 5, 45, 45], predicted_xy=points,
        corrected_xy=points, confidence=np.ones(68), states=["untouched"] * 68,
    )  # fmt: skip
    assert open_photo(desk, other).faces[0].saved_id is None


def test_an_undo_brings_back_the_save_before_and_then_the_prediction(desk, photo):
    document = open_photo(desk, photo)
    first = save_moved(desk, document, 4.0, rev=1)
    second = save_moved(desk, document, 5.0, rev=2)
    answer, sentence = undo(desk, document, rev=3)
    assert "the save before counts again" in sentence
    assert (answer.faces[0].saved_id, answer.faces[0].saved_rev, answer.rev) == (first, 3, 3)
    answer, sentence = undo(desk, document, rev=4)
    assert "not saved any more" in sentence
    assert (answer.faces[0].saved_id, answer.faces[0].saved_rev) == (None, 4)
    assert list(desk.store.current()) == []
    rows = list(desk.store.read())
    assert [row.id for row in rows[:2]] == [first, second]  # nothing is overwritten
    assert [(type(row), row.supersedes, row.annotator) for row in rows[2:]] == [
        (Undo, second, "Tim"), (Undo, first, "Tim")
    ]  # fmt: skip
    with pytest.raises(CorrectionsError, match="no save to undo"):
        undo(desk, document)
    third = save_moved(desk, document, 6.0, rev=5)
    assert next(desk.store.current()).id == third


def test_an_undo_of_what_an_earlier_session_saved(desk, photo):
    save_moved(desk, open_photo(desk, photo), 4.0)
    again = open_photo(desk, photo)
    undo(desk, again)
    assert open_photo(desk, photo).faces[0].saved_id is None


def test_a_save_in_another_window_is_superseded_and_told_of(desk, photo):
    one, other = open_photo(desk, photo), open_photo(desk, photo)
    first = save_moved(desk, one, 4.0)
    face = other.faces[0]
    payload = {"doc_id": other.doc_id, "face_id": "f1", "rev": 1, "points": face.points, "states": face.states}
    _, sentence = desk.save_face(payload, "Tim")
    assert "replaces what was saved of this face in another window" in sentence
    (row,) = desk.store.current()
    assert row.supersedes == first and row.annotator == "Tim"


def test_what_was_done_later_in_the_same_window_stays(desk, photo):
    document = open_photo(desk, photo)
    face = document.faces[0]

    def payload(rev: int, x: float) -> dict:
        points = [[x, 5.0], *face.points[1:]]
        states = ["moved", *face.states[1:]]
        return {"doc_id": document.doc_id, "face_id": "f1", "rev": rev, "points": points, "states": states}

    desk.save_face(payload(12, 9.0), "Ada", "window")
    late, sentence = desk.save_face(payload(10, 7.0), "Ada", "window")
    assert "stays" in sentence and late.faces[0].saved_rev == 12
    late, sentence = desk.undo_save({"doc_id": document.doc_id, "face_id": "f1", "rev": 11}, "Ada", "window")
    assert "stays" in sentence and late.faces[0].saved_rev == 12
    (row,) = desk.store.current()
    assert row.corrected_xy[0, 0] == 9.0
    desk.save_face(payload(3, 8.0), "Tim", "another window")  # it counts for itself
    (row,) = desk.store.current()
    assert row.corrected_xy[0, 0] == 8.0


def test_of_a_face_that_is_gone_every_save_is_taken_back(desk, photo):
    document = open_photo(desk, photo)
    for rev, by_px in ((1, 4.0), (2, 5.0), (3, 6.0)):
        save_moved(desk, document, by_px, rev=rev)
    wish = {"doc_id": document.doc_id, "face_id": "f1", "rev": 9, "gone": True}
    answer, sentence = desk.undo_save(wish, "Ada", "window")
    assert "not saved any more" in sentence and answer.faces[0].saved_id is None
    assert list(desk.store.current()) == []
    desk.undo_save(wish, "Ada", "window")  # nothing is left, and that is what was wished
    face = document.faces[0]
    late = {"doc_id": document.doc_id, "face_id": "f1", "rev": 8, "points": face.points, "states": face.states}
    desk.save_face(late, "Ada", "window")
    assert list(desk.store.current()) == []


def test_a_correction_belongs_to_one_face_after_a_reload_too(desk, photo):
    """A face was found badly, and another one drawn over it and saved."""
    document = open_photo(desk, photo)
    x0, y0, x1, y1 = document.faces[0].box_xyxy
    drawn, _ = desk.add_face({"doc_id": document.doc_id, "rev": 1, "box_xyxy": [x0 + 1, y0 + 1, x1 - 1, y1 - 1]})
    save_moved(desk, drawn, 3.0, index=1, rev=2)
    again, _ = desk.reopen({"doc_id": document.doc_id})
    assert [bool(face.saved_id) for face in again.faces] == [False, True]


def test_what_a_crash_left_behind_is_mended_and_told_of_at_the_start(desk, photo, tmp_path):
    save_moved(desk, open_photo(desk, photo), 4.0)
    whole = desk.store.path.read_bytes()
    desk.store.path.write_bytes(whole + b"a line that was cut o")
    assert desk.start_notices == []
    after = Desk(SureModels(), tmp_path / "annotations")
    (notice,) = after.start_notices
    assert "incomplete" in notice and desk.store.path.read_bytes() == whole
    np.testing.assert_array_equal(after.store.tail(1)[0].states[:2], ("moved", "absent"))
