import io
from pathlib import Path

import pytest

from fkd import correction_store
from fkd.correction_rows import HEADER, encode_line, to_row
from fkd.correction_store import STANDINGS, CorrectionStore
from fkd.corrections import Undo
from fkd.errors import CorrectionsError
from tests.correction_samples import a_correction

PORTRAIT = Path(__file__).parents[1] / "fkd" / "ui" / "assets" / "grace_hopper.jpg"


@pytest.fixture
def store(tmp_path) -> CorrectionStore:
    return CorrectionStore(tmp_path / "annotations")


def append(store, row_id, supersedes="") -> str:
    return store.append(a_correction(id=row_id, supersedes=supersedes))


def in_force(store) -> list[str]:
    return [correction.id for correction in store.current()]


def test_what_was_appended_is_read_back_in_order(store):
    saved = [a_correction(annotator=name) for name in ("Grace", "=Ada", "Łukasz, 'the' \"Ł\"")]
    assert [store.append(correction) for correction in saved] == [correction.id for correction in saved]
    assert list(CorrectionStore(store.folder).read()) == saved
    assert list(store.current()) == saved[::-1]


def test_an_empty_store_has_nothing_in_force(store):
    assert list(store.read()) == list(store.current()) == store.tail(5) == []


def test_a_later_save_of_a_face_replaces_the_earlier_ones(store):
    append(store, "a1")
    append(store, "b1")
    append(store, "a2", supersedes="a1")
    append(store, "a3", supersedes="a2")
    assert in_force(store) == ["a3", "b1"]


def test_undo_brings_back_what_was_superseded(store):
    append(store, "a1")
    append(store, "a2", supersedes="a1")
    undo = store.undo("a2", annotator="Ada")
    assert in_force(store) == ["a1"]
    assert undo.image == a_correction().image
    assert list(store.read())[-1] == undo
    store.undo("a1")
    assert in_force(store) == []


def test_undo_of_an_undo_restores_the_correction(store):
    append(store, "a1")
    append(store, "a2", supersedes="a1")
    undo = store.undo("a2")
    again = store.undo(undo.id)
    assert in_force(store) == ["a2"]
    store.undo(again.id)
    assert in_force(store) == ["a1"]


def test_undo_of_a_replaced_row_does_not_touch_the_row_that_replaced_it(store):
    append(store, "a1")
    append(store, "a2", supersedes="a1")
    append(store, "a3", supersedes="a2")
    store.undo("a2")
    assert in_force(store) == ["a3"]
    store.undo("a3")
    assert in_force(store) == ["a1"]


@pytest.mark.parametrize("what", ["the undone row", "the undo", "the row it brought back"])
def test_a_save_after_an_undo_may_supersede_any_row_of_the_face(store, what):
    append(store, "a1")
    append(store, "a2", supersedes="a1")
    undo = store.undo("a2")
    earlier = {"the undone row": "a2", "the undo": undo.id, "the row it brought back": "a1"}[what]
    append(store, "a3", supersedes=earlier)
    assert in_force(store) == ["a3"]
    store.undo("a3")
    assert in_force(store) == ["a1"]


def test_two_people_who_correct_the_same_row_both_stay_in_force_as_a_conflict(store):
    append(store, "a1")
    append(store, "a2", supersedes="a1")
    append(store, "a3", supersedes="a1")
    assert in_force(store) == ["a3", "a2"]


def test_an_undo_of_what_is_not_there_or_undone_already_is_refused(store):
    append(store, "a1")
    with pytest.raises(CorrectionsError, match="There is no row b1"):
        store.undo("b1")
    store.undo("a1")
    with pytest.raises(CorrectionsError, match="undone already"):
        store.undo("a1")
    assert len(list(store.read())) == 2


def test_the_same_record_appended_twice_counts_once(store):
    correction = a_correction()
    store.append(correction)
    store.append(correction)
    assert list(store.current()) == [correction]


def test_two_different_rows_with_one_id_are_refused(store):
    append(store, "a1")
    store.append(a_correction(id="a1", annotator="Ada"))
    with pytest.raises(CorrectionsError, match="line 2: Another row with other contents has the same id a1"):
        list(store.current())


def test_a_row_that_supersedes_a_later_one_is_refused(store):
    append(store, "a2", supersedes="a1")
    append(store, "a1")
    with pytest.raises(CorrectionsError, match="line 2: It supersedes row a1, which stands below it"):
        list(store.current())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda line: b"a,b\n", "line 3: It has 2 cells instead of 16"),
        (lambda line: line.replace(b"untouched", b"touched"), "line 3: Point 0 has the unknown state 'touched'"),
        (lambda line: line.replace(b"Grace", b"\xff"), "line 3: It is not UTF-8"),
        (lambda line: line[:100] + b"\n", r"line 3: "),
    ],
)
def test_a_bad_row_in_the_middle_is_named_by_its_line_and_the_rest_stays_readable(store, damage, message):
    lines = [encode_line(to_row(a_correction(id=f"a{number}"))) for number in range(3)]
    store.folder.mkdir()
    store.path.write_bytes(HEADER + lines[0] + damage(lines[1]) + lines[2])
    rows = store.read()
    assert next(rows).id == "a0"
    with pytest.raises(CorrectionsError, match=message):
        next(rows)
    assert store.tail(1)[0].id == "a2"
    with pytest.raises(CorrectionsError, match=message):
        list(store.current())


def test_blank_lines_count_as_lines_and_not_as_rows(store):
    line = encode_line(to_row(a_correction()))
    store.folder.mkdir()
    store.path.write_bytes(HEADER + b"\n" + line + b"\r\n" + b"a,b\n")
    rows = store.read()
    next(rows)
    with pytest.raises(CorrectionsError, match="line 5"):
        next(rows)


def test_a_torn_save_is_reported_by_the_store(store):
    append(store, "a1")
    with store.path.open("ab") as file:
        file.write(b"a2,2025-01")
    append(store, "a3")
    assert in_force(store) == ["a3", "a1"]
    assert len(store.notices) == 1
    store.notices.clear()
    append(store, "a4")
    assert store.notices == []


def test_the_tail_of_a_long_file_is_read_without_the_rest(store, monkeypatch):
    store.folder.mkdir()
    line = encode_line(to_row(a_correction(id="a000000")))
    with store.path.open("wb") as file:
        file.write(HEADER)
        file.writelines(line.replace(b"a000000", b"a%06d" % number) for number in range(100_000))
    append(store, "last", supersedes="a099999")
    read_bytes = [0]

    class CountingFile(io.FileIO):
        def read(self, size=-1):
            data = super().read(size)
            read_bytes[0] += len(data)
            return data

        def readline(self, size=-1):
            data = super().readline(size)
            read_bytes[0] += len(data)
            return data

    monkeypatch.setattr(Path, "open", lambda path, mode="r", buffering=-1: CountingFile(path, mode))
    assert [correction.id for correction in store.tail(3)] == ["last", "a099998", "a099997"]
    assert store.path.stat().st_size > 25_000_000
    assert 0 < read_bytes[0] < 150_000
    store.undo("last")
    assert read_bytes[0] < 300_000
    assert [correction.id for correction in store.tail(1)] == ["a099999"]


def test_a_folder_that_may_not_be_written_to_can_be_read(store):
    append(store, "a1")
    (store.folder / "corrections.csv.lock").unlink()
    store.folder.chmod(0o555)
    try:
        assert in_force(store) == ["a1"]
        assert not (store.folder / "corrections.csv.lock").exists()
    finally:
        store.folder.chmod(0o755)


def test_save_keeps_the_picture_beside_the_row_that_names_it(store):
    template = a_correction()
    names = ("box_xyxy", "predicted_xy", "corrected_xy", "confidence", "states", "scheme")
    values = {name: getattr(template, name) for name in names} | {"image_width": 512, "image_height": 600}
    first = store.save(PORTRAIT, **values, annotator="Ada")
    second = store.save(PORTRAIT, **values, supersedes=first.id)
    assert first.image == second.image
    assert store.image_path(first).is_file()
    assert len(list((store.folder / "images").iterdir())) == 1
    assert list(store.current()) == [second]
    assert not isinstance(second, Undo)


def test_the_rows_in_force_of_one_picture_are_those_of_all_that_are_of_it(store):
    for number in range(30):
        picture = number % 4
        earlier = f"a{number - 4}" if number % 3 == 0 and number >= 4 else ""
        store.append(a_correction(id=f"a{number}", image=f"images/{picture}.png", supersedes=earlier))
    store.undo("a27")
    store.undo(store.undo("a26").id)
    for picture in range(5):
        image = f"images/{picture}.png"
        assert store.of_image(image) == [row for row in store.current() if row.image == image]
    assert len(store.of_image("images/3.png")) > 2


def test_who_corrected_a_picture_is_known_by_scheme(store):
    saves = [("ibug68", "Ada"), ("ibug68", "Bob"), ("kaggle15", "Ada"), ("ibug68", "Eve")]
    for number, (scheme, name) in enumerate(saves):
        store.append(a_correction(id=f"a{number}", image="images/1.png", scheme=scheme, annotator=name))
    store.undo("a3")
    assert store.annotators_of("images/1.png") == {"ibug68": {"Ada", "Bob"}, "kaggle15": {"Ada"}}
    assert store.annotators_of("images/2.png") == {}


def test_a_photo_that_is_opened_again_is_known_by_its_contents(store, tmp_path):
    template = a_correction()
    names = ("box_xyxy", "predicted_xy", "corrected_xy", "confidence", "states", "scheme")
    values = {name: getattr(template, name) for name in names} | {"image_width": 512, "image_height": 600}
    assert store.of_photo(PORTRAIT) == []
    assert not store.folder.exists(), "looking changes nothing"
    saved = store.save(PORTRAIT, **values)
    copy = tmp_path / "under another name.jpg"
    copy.write_bytes(PORTRAIT.read_bytes())
    assert store.of_photo(copy) == [saved]


def test_every_row_is_met_newest_first_with_its_standing(store):
    append(store, "a1")
    append(store, "a2", supersedes="a1")
    append(store, "b1")
    append(store, "b2")
    undo = store.undo("b1").id
    taken_back = store.undo("b2").id
    restored = store.undo(taken_back).id
    store.append(next(row for row in store.read() if row.id == "a2"))
    rows = [(row.links.id, row.standing) for row in store.newest_first()]
    assert rows == [
        ("a2", "in force"),
        (restored, "undo"),
        (taken_back, "undone"),
        (undo, "undo"),
        ("b2", "in force"),
        ("b1", "undone"),
        ("a2", "repeated"),
        ("a1", "superseded"),
    ]
    assert {standing for _, standing in rows} == set(STANDINGS)


def test_rows_that_are_not_in_force_are_not_decoded(store, monkeypatch):
    append(store, "a1")
    append(store, "a2", supersedes="a1")
    decoded = []
    real = correction_store.from_row
    monkeypatch.setattr(correction_store, "from_row", lambda row: decoded.append(row["id"]) or real(row))
    assert in_force(store) == ["a2"] == decoded
