"""The desk: open a photo, add a face, save one. As the page does it, without the page."""

from __future__ import annotations

import base64
import csv
import errno
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fkd import CorrectionsError, ImageError
from fkd.settle import SettlePrior
from fkd.ui import photos as photos_module
from fkd.ui.actions import TABLE_COLUMNS, Desk
from fkd.ui.models import ServedModels
from tests.nets import tiny_net
from tests.pictures import PORTRAIT_PATH, TIGHT_BOX_XYXY, faceless, portrait, quarter_turned


@pytest.fixture(scope="module")
def models() -> ServedModels:
    return ServedModels(device="cpu")


@pytest.fixture
def desk(models, tmp_path) -> Desk:
    return Desk(models, tmp_path / "annotations")


@pytest.fixture
def no_face(tmp_path) -> Path:
    Image.fromarray(faceless()).save(tmp_path / "coffee.png")
    return tmp_path / "coffee.png"


def posted(document, index: int = 0, **changes) -> dict:
    """What the editor posts for a face whose first point was dragged 3 px to the right and whose second is hidden."""
    face = document.faces[index]
    points, states = [list(point) for point in face.points], list(face.states)
    points[0] = [points[0][0] + 3.004, points[0][1]]
    states[0], states[1] = "moved", "occluded"
    return {
        "doc_id": document.doc_id, "face_id": face.face_id, "rev": 7, "points": points, "states": states
    } | changes  # fmt: skip


def assert_is_the_portrait(path: Path) -> None:
    with Image.open(path) as kept:
        assert np.abs(np.array(kept, float) - portrait()).mean() < 2  # written anew without its metadata


def test_a_document_carries_what_settling_needs(desk, models, monkeypatch):
    predictor = models.predictor("ibug68")
    monkeypatch.setattr(predictor, "settle_prior", None)
    assert desk.open_photo(PORTRAIT_PATH, "ibug68")[0].settle_prior == ""
    monkeypatch.setattr(predictor, "settle_prior", SettlePrior(np.eye(136)))
    document, _ = desk.open_photo(PORTRAIT_PATH, "ibug68")
    assert len(base64.b64decode(document.settle_prior)) == 4 * 136 * 137 // 2  # float32, a triangle
    (face,) = document.faces
    assert len(face.spread) == 68 and min(face.spread) > 0
    assert face.roll_rad == pytest.approx(-0.06, abs=0.03)  # its right eye is a little higher


def test_settled_points_are_saved_and_are_no_corrections(desk):
    document, _ = desk.open_photo(PORTRAIT_PATH, "ibug68")
    payload = posted(document)
    payload["points"][5][1] += 2.0
    payload["states"][5] = "settled"
    _, sentence = desk.save_face(payload, "Ada")
    assert "with 2 points corrected" in sentence
    (row,) = desk.store.current()
    assert row.states[5] == "settled" and row.corrected_xy[5, 1] == pytest.approx(row.predicted_xy[5, 1] + 2.0)
    assert desk.latest()[0][5] == pytest.approx(3.0)  # the largest move by hand


def test_an_opened_photo_is_a_document_with_its_faces(desk):
    document, sentence = desk.open_photo(PORTRAIT_PATH, "ibug68")
    assert sentence.startswith("1 face in grace_hopper.jpg (512 × 600 px).")
    assert (document.width, document.height, document.scheme, document.rev) == (512, 600, "ibug68", 0)
    (face,) = document.faces
    assert len(document.names) == len(face.points) == len(face.confidence) == 68
    assert face.points == face.predicted and set(face.states) == {"untouched"}
    assert face.saved_id is None and 0.5 < face.score <= 1
    with Image.open(document.image.path) as shown:
        assert shown.size == (512, 600) and not shown.getexif()


def test_a_photo_with_an_exif_orientation_is_shown_upright_and_kept_as_it_was(desk, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(quarter_turned(portrait(), 3)).save(tmp_path / "phone.jpg", exif=exif)
    document, _ = desk.open_photo(tmp_path / "phone.jpg", "ibug68")
    assert (document.width, document.height) == (512, 600)
    with Image.open(document.image.path) as shown:
        assert shown.size == (512, 600) and 0x0112 not in shown.getexif()
    original = desk.photos.get(document.doc_id).original
    assert original.read_bytes() == (tmp_path / "phone.jpg").read_bytes()


def test_a_saved_face_is_a_row_with_the_posted_points(desk):
    document, _ = desk.open_photo(PORTRAIT_PATH, "ibug68")
    payload = posted(document)
    answer, sentence = desk.save_face(payload, "  Ada  ")
    assert sentence.startswith("Saved face 1 with 2 points corrected to ")
    (row,) = desk.store.current()
    np.testing.assert_allclose(row.corrected_xy, payload["points"], atol=0.0051)
    np.testing.assert_allclose(row.predicted_xy, document.faces[0].predicted, atol=0.0051)
    assert row.states == tuple(payload["states"]) and row.annotator == "Ada" and row.supersedes == ""
    assert (row.image_width, row.image_height, row.scheme) == (512, 600, "ibug68")
    assert row.model_version == desk.models.predictor("ibug68").version
    assert_is_the_portrait(desk.store.image_path(row))
    assert answer.rev == 7 and answer.doc_id == document.doc_id and answer.faces[0].saved_id == row.id


def test_a_second_save_supersedes_the_first(desk):
    document, _ = desk.open_photo(PORTRAIT_PATH, "ibug68")
    first, _ = desk.save_face(posted(document), "")
    states = posted(document)["states"]
    states[2] = "confirmed"
    second, sentence = desk.save_face(posted(document, states=states), "")
    assert "with 3 points corrected" in sentence
    (row,) = desk.store.current()
    assert row.id == second.faces[0].saved_id != first.faces[0].saved_id
    assert row.supersedes == first.faces[0].saved_id
    assert len(list(desk.store.read())) == 2


def test_a_face_may_be_saved_as_predicted(desk):
    document, _ = desk.open_photo(PORTRAIT_PATH, "ibug68")
    face = document.faces[0]
    _, sentence = desk.save_face(posted(document, points=face.points, states=face.states), "")
    assert sentence.startswith("Saved face 1 as predicted to")


def test_a_face_can_be_added_where_none_was_found(desk, no_face):
    document, sentence = desk.open_photo(no_face, "ibug68")
    assert document.faces == [] and sentence.startswith("No face found in coffee.png (600 × 400 px). Press “Add face”")
    answer, sentence = desk.add_face({"doc_id": document.doc_id, "rev": 3, "box_xyxy": [100.5, 50, 400, 350]})
    assert sentence.startswith("Face 1 added.")
    (face,) = answer.faces
    assert face.box_xyxy == [100.5, 50, 400, 350] and face.score is None and len(face.points) == 68
    assert (answer.rev, answer.selected) == (3, 0)
    again, _ = desk.add_face({"doc_id": document.doc_id, "rev": 4, "box_xyxy": [10, 10, 90, 90]})
    assert [face.face_id for face in again.faces] == ["f1", "f2"] and again.selected == 1
    desk.save_face(posted(again, 1), "")
    assert desk.latest()[0][2] == 1


def test_an_added_face_is_read_from_the_original(desk):
    document, _ = desk.open_photo(PORTRAIT_PATH, "ibug68")
    answer, _ = desk.add_face({"doc_id": document.doc_id, "rev": 0, "box_xyxy": list(TIGHT_BOX_XYXY)})
    found, added = (np.array(face.points) for face in answer.faces)
    assert np.linalg.norm(found - added, axis=1).mean() < 5


@pytest.mark.parametrize("annotator", ["=cmd()", "+1", "-x", "@SUM(A1)", "Ada, “the first”"])
def test_a_name_is_kept_exactly_and_is_no_formula(desk, annotator):
    document, _ = desk.open_photo(PORTRAIT_PATH, "ibug68")
    desk.save_face(posted(document), annotator)
    (row,) = desk.store.current()
    assert row.annotator == annotator and desk.latest()[0][6] == annotator
    with desk.store.path.open(newline="", encoding="utf-8") as file:
        (cells,) = csv.DictReader(file)
    assert cells["annotator"][0] not in "=+-@"


FOREIGN = [None, 3, "x", [], {}, {"doc_id": 3}, {"doc_id": None}, {"doc_id": ["a"]}]


@pytest.mark.parametrize("payload", FOREIGN)
def test_what_is_no_correction_is_refused(desk, payload):
    for act in (desk.add_face, lambda payload: desk.save_face(payload, "")):
        with pytest.raises(CorrectionsError, match="something that is no correction"):
            act(payload)


def test_a_photo_or_a_face_that_is_not_open_is_refused(desk):
    document, _ = desk.open_photo(PORTRAIT_PATH, "ibug68")
    with pytest.raises(CorrectionsError, match="[Tt]he server was restarted"):
        desk.save_face(posted(document, doc_id="of-yesterday"), "")
    with pytest.raises(CorrectionsError, match="not known here"):
        desk.save_face(posted(document, face_id="f2"), "")
    assert not desk.store.path.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"points": [[1, 2]]},
        {"states": ["moved"]},
        {"points": [[1e9, 0]] * 68},
        {"points": [["nan", 0]] * 68},
        {"points": [None] * 68},
        {"states": ["untouched"] * 68},  # but the first point was dragged
    ],
)
def test_a_payload_that_contradicts_itself_saves_nothing(desk, changes):
    document, _ = desk.open_photo(PORTRAIT_PATH, "ibug68")
    with pytest.raises(CorrectionsError):
        desk.save_face(posted(document, **changes), "")
    assert list(desk.store.read()) == []


def test_a_browser_cannot_name_a_file_or_a_size(desk):
    document, _ = desk.open_photo(PORTRAIT_PATH, "ibug68")
    desk.save_face(posted(document, image={"path": "/etc/passwd"}, width=1, supersedes="x", predicted=[]), "")
    (row,) = desk.store.current()
    assert (row.image_width, row.supersedes) == (512, "")
    assert_is_the_portrait(desk.store.image_path(row))


def test_a_file_that_is_no_picture_is_refused(desk, tmp_path):
    (tmp_path / "notes.jpg").write_text("no picture")
    with pytest.raises(ImageError, match=r"notes.jpg"):
        desk.open_photo(tmp_path / "notes.jpg", "ibug68")


def test_the_photo_that_was_not_used_for_longest_makes_room(desk, monkeypatch, no_face):
    monkeypatch.setattr(photos_module, "MAX_OPEN", 2)
    first, second = (desk.open_photo(no_face, "ibug68")[0] for _ in range(2))
    desk.photos.get(first.doc_id)
    desk.open_photo(no_face, "ibug68")
    assert desk.photos.get(first.doc_id).original.is_file()
    with pytest.raises(CorrectionsError):
        desk.photos.get(second.doc_id)
    assert not Path(second.image.path).exists()


def disk_full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_who_stays_with_a_photo_is_told_which(desk):
    document, _ = desk.open_photo(PORTRAIT_PATH, "ibug68")
    assert document.photo_name == "grace_hopper.jpg"
    desk.open_photo(PORTRAIT_PATH, "kaggle15")
    sentence = desk.keep_editing({"doc_id": document.doc_id})
    assert sentence.startswith("Still editing grace_hopper.jpg with 68 keypoints.")


def test_an_open_photo_is_shown_with_other_keypoints(desk):
    document, _ = desk.open_photo(PORTRAIT_PATH, "ibug68")
    other, sentence = desk.change_scheme(document.doc_id, "kaggle15")
    assert (other.scheme, other.photo_key, len(other.names)) == ("kaggle15", document.photo_key, 15)
    assert "grace_hopper.jpg" in sentence and desk.change_scheme("gone", "kaggle15") is None


def test_an_answer_names_the_save_that_it_is_about(desk):
    document, _ = desk.open_photo(PORTRAIT_PATH, "ibug68")
    assert document.faces[0].saved_rev == -1
    answer, _ = desk.save_face(posted(document, rev=7), "")
    assert answer.faces[0].saved_rev == 7
    added, _ = desk.add_face({"doc_id": document.doc_id, "rev": 9, "box_xyxy": [100.5, 50, 400, 350]})
    assert [face.saved_rev for face in added.faces] == [7, -1]


def test_the_latest_corrections_as_a_table(desk):
    assert desk.latest() == []
    document, _ = desk.open_photo(PORTRAIT_PATH, "ibug68")
    answer, _ = desk.save_face(posted(document), "Ada")
    (row,) = desk.latest()
    assert len(row) == len(TABLE_COLUMNS)
    shown = dict(zip(TABLE_COLUMNS, row, strict=True))
    assert (shown["scheme"], shown["moved"], shown["confirmed"], shown["hidden"]) == ("ibug68", 1, 0, 1)
    assert shown["largest move (px)"] == 3.0 and shown["by"] == "Ada"
    assert answer.faces[0].saved_id.startswith(shown["row"])


def test_the_download_is_a_copy_of_the_file(desk):
    with pytest.raises(CorrectionsError, match="nothing to download yet"):
        desk.csv_snapshot()
    document, _ = desk.open_photo(PORTRAIT_PATH, "ibug68")
    desk.save_face(posted(document), "")
    copy = Path(desk.csv_snapshot())
    assert copy.read_bytes() == desk.store.path.read_bytes() and copy.name == "corrections.csv"
    assert copy != desk.store.path


def test_two_downloads_are_kept_and_older_ones_removed(desk, monkeypatch):
    document, _ = desk.open_photo(PORTRAIT_PATH, "ibug68")
    desk.save_face(posted(document), "")
    before = set(desk.photos.folder.iterdir())
    first, second, third = (Path(desk.csv_snapshot()) for _ in range(3))
    assert not first.exists() and second.is_file() and third.is_file()
    monkeypatch.setattr("shutil.copyfile", disk_full)
    with pytest.raises(CorrectionsError, match="cannot be copied for the download.*No space left on device"):
        desk.csv_snapshot()
    assert set(desk.photos.folder.iterdir()) - before == {second.parent, third.parent}


def test_own_weights_take_the_place_of_the_shipped_ones(tmp_path):
    tiny_net().save_pretrained(tmp_path / "mine")
    models = ServedModels(tmp_path / "mine", device="cpu")
    assert models.default_scheme == "kaggle15" and models.schemes == ["ibug68", "kaggle15"]
    assert models.predictor("kaggle15").version == "tiny-1"
    document, _ = Desk(models, tmp_path).open_photo(PORTRAIT_PATH, "kaggle15")
    assert len(document.faces[0].points) == 15
