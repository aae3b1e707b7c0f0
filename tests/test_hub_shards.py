"""The shards of many programs, joined to one corrections.csv with its pictures."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from fkd import CorrectionsError, HubError
from fkd.correction_rows import HEADER, encode_line, to_row
from fkd.correction_store import CorrectionStore
from fkd.corrections import Correction, Undo
from fkd.hub_shards import join_shards, pull_corrections, rows_on_hub
from fkd.image_store import content_name
from tests.correction_samples import a_correction

REPO, NAME = "ada/corrections", "datasets/ada/corrections"
PICTURE = b"the bytes of a picture"
IMAGE = f"images/{content_name(PICTURE)}.jpg"


def row(row_id: str, second: int = 0, supersedes: str = "", **changes) -> Correction:
    time = f"2026-11-21T10:00:{second:02d}.000Z"
    return a_correction(id=row_id, time_utc=time, supersedes=supersedes, **({"image": IMAGE} | changes))


def shard(*records) -> bytes:
    return HEADER + b"".join(encode_line(to_row(record)) for record in records)


def on_hub(hub, pictures: dict[str, bytes] | None = None, **shards: bytes):
    files = {f"corrections/{name}.csv": content for name, content in shards.items()}
    repo = hub.repos.get(NAME) or hub.create(NAME)
    repo.commit("rows", "ada", repo.head.files | files | ({IMAGE: PICTURE} if pictures is None else pictures))
    return repo


def joined(**shards: bytes) -> list[str]:
    return [one.record.id for one in join_shards(shards)]


def test_rows_of_all_shards_in_the_order_of_time():
    assert joined(a=shard(row("a1", 1), row("a2", 4)), b=shard(row("b1", 2), row("b2", 3))) == ["a1", "b1", "b2", "a2"]


def test_what_is_superseded_comes_first_whatever_the_clocks_said():
    late = shard(row("a1", 50), row("a2", 40, "a1"))
    assert joined(a=late, b=shard(row("b1", 10, "a2"), row("b2", 45))) == ["a1", "a2", "b1", "b2"]


def test_an_undo_comes_after_what_it_takes_back():
    target = row("a1", 50)
    names = ("image", "image_width", "image_height", "scheme")
    undo = Undo(**{n: getattr(target, n) for n in names}, supersedes="a1", id="u1", time_utc="2026-11-21T09:00:00.000Z")
    assert joined(b=shard(undo), a=shard(target)) == ["a1", "u1"]


def test_the_same_row_in_two_shards_counts_once():
    assert joined(a=shard(row("a1", 1), row("a2", 2)), b=shard(row("a2", 2), row("b1", 3))) == ["a1", "a2", "b1"]


def test_two_different_rows_of_one_id_are_refused_and_both_shards_named():
    with pytest.raises(CorrectionsError, match="Two different rows have the id a1: one in a, one in b"):
        joined(a=shard(row("a1", 1)), b=shard(row("a1", 1, annotator="Mallory")))


def test_a_ring_is_refused():
    with pytest.raises(CorrectionsError, match="supersedes itself in a ring"):
        joined(a=shard(row("a1", 1, "a2"), row("a2", 2, "a1")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a on the Hub is no corrections file"),
        (b"id;time\n", "a on the Hub is no corrections file"),
        (HEADER + b"x,y\n", "a on the Hub, line 2: It has 2 cells"),
        (shard(row("a1")).replace(b"images/", b"../../etc/"), "a on the Hub, line 2: image is"),
        (shard(row("a1")).replace(b"untouched", b"touched"), "a on the Hub, line 2: Point 0 has the unknown state"),
    ],
)
def test_a_damaged_or_hostile_shard_is_refused_by_name_and_line(content, message):
    with pytest.raises(CorrectionsError, match=message):
        joined(a=content)


def test_everything_comes_together_in_an_empty_folder(hub, tmp_path):
    on_hub(hub, one=shard(row("a1", 1)), two=shard(row("b1", 2, "a1")))
    pulled = pull_corrections(REPO, tmp_path / "together")
    assert (pulled.new_rows, pulled.new_pictures, pulled.problems) == (2, 1, ())
    store = CorrectionStore(tmp_path / "together")
    assert [one.id for one in store.read()] == ["a1", "b1"] and [one.id for one in store.current()] == ["b1"]
    assert (store.folder / IMAGE).read_bytes() == PICTURE
    assert {path.name for path in store.folder.iterdir()} - {"corrections.csv.lock"} == {"corrections.csv", "images"}
    assert rows_on_hub(REPO) == pulled.ids == {"a1", "b1"}


def test_a_second_pull_appends_what_is_new_and_leaves_the_rest(hub, tmp_path):
    on_hub(hub, one=shard(row("a1", 5)))
    store = CorrectionStore(tmp_path)
    store.append(row("mine", 9))
    pull_corrections(REPO, tmp_path)
    before = store.path.read_bytes()
    on_hub(hub, two=shard(row("b1", 1)))
    assert pull_corrections(REPO, tmp_path).new_rows == 1
    assert store.path.read_bytes().startswith(before)
    assert [one.id for one in store.read()] == ["mine", "a1", "b1"]
    assert pull_corrections(REPO, tmp_path).new_rows == 0


def test_a_repository_that_is_not_there_yet_has_no_rows(hub, tmp_path):
    assert pull_corrections(REPO, tmp_path).ids == frozenset()
    assert not (tmp_path / "corrections.csv").exists()


def test_a_row_here_that_differs_from_the_one_there_is_refused(hub, tmp_path):
    CorrectionStore(tmp_path).append(row("a1", 1, annotator="Eve"))
    on_hub(hub, one=shard(row("a1", 1)))
    with pytest.raises(CorrectionsError, match=r"Row a1 in .* differs from the one in corrections/one.csv"):
        pull_corrections(REPO, tmp_path)


def test_a_row_that_a_spreadsheet_quoted_anew_is_the_same_row(hub, tmp_path):
    record = row("a1", 1)
    quoted = b'"a1"' + encode_line(to_row(record)).removeprefix(b"a1")
    (tmp_path / "corrections.csv").write_bytes(HEADER + quoted)
    on_hub(hub, one=shard(record))
    assert pull_corrections(REPO, tmp_path).new_rows == 0


def test_rows_are_never_put_below_what_supersedes_them(hub, tmp_path):
    store = CorrectionStore(tmp_path)
    store.append(row("a2", 2, "a1"))
    before = store.path.read_bytes()
    on_hub(hub, one=shard(row("a1", 1)))
    with pytest.raises(CorrectionsError, match="Row a2 in .* supersedes a1, which is on the Hub only"):
        pull_corrections(REPO, tmp_path)
    assert store.path.read_bytes() == before


def test_a_picture_that_is_not_what_its_name_says_is_refused_and_the_row_kept(hub, tmp_path):
    on_hub(hub, {IMAGE: b"something else"}, one=shard(row("a1", 1)))
    pulled = pull_corrections(REPO, tmp_path)
    assert pulled.new_rows == 1 and not (tmp_path / IMAGE).exists()
    assert pulled.problems == (
        f"{IMAGE} on the Hub does not have the contents that its name stands for; it was refused.",
    )


def test_a_folder_that_cannot_be_written_to_is_named(hub, tmp_path):
    on_hub(hub, one=shard(row("a1", 1)))
    (tmp_path / "file").touch()
    with pytest.raises(CorrectionsError, match="file/x cannot be written to"):
        pull_corrections(REPO, tmp_path / "file" / "x")


def test_a_picture_that_nobody_has_is_named(hub, tmp_path):
    on_hub(hub, {}, one=shard(row("a1", 1)))
    assert pull_corrections(REPO, tmp_path).problems == (f"{IMAGE} is neither here nor on the Hub.",)


def test_only_pictures_that_rows_name_and_that_are_missing_are_fetched(hub, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / IMAGE).write_bytes(PICTURE)
    on_hub(hub, {IMAGE: PICTURE, "images/unused.jpg": b"x", "evil.sh": b"x"}, one=shard(row("a1", 1)))
    assert pull_corrections(REPO, tmp_path).new_pictures == 0
    assert not any("images/" in request or "evil" in request for request in hub.requests)


@pytest.mark.parametrize("match", ["GET /datasets/ada/corrections/resolve", "GET /api/datasets/ada/corrections/tree"])
def test_a_connection_that_breaks_off_leaves_the_file_as_it_was(hub, tmp_path, match):
    on_hub(hub, one=shard(row("a1", 1)), two=shard(row("b1", 2)))
    CorrectionStore(tmp_path).append(row("mine", 9))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    hub.fault(match, cut_after=20, times=99)
    with pytest.raises(HubError, match="ada/corrections"):
        pull_corrections(REPO, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_row_says_what_a_record_said(hub, tmp_path: Path):
    record = dataclasses.replace(row("a1", 1), annotator="=SUM(A1)")
    on_hub(hub, one=shard(record))
    pull_corrections(REPO, tmp_path)
    assert list(CorrectionStore(tmp_path).read()) == [record]
