"""Corrections kept on the Hub: nothing is lost, whoever else writes and whatever the line does."""

from __future__ import annotations

import threading

import pytest
import yaml

from fkd import HubError
from fkd.correction_store import CorrectionStore
from fkd.hub_corrections import CorrectionSync
from fkd.image_store import content_name
from tests.hub_rows import NAME, REPO, ids_on_hub, save
from tests.hub_standin import ADA


def shards(hub) -> list[str]:
    return [path for path in hub.files(NAME) if path.startswith("corrections/")]


def test_what_was_saved_is_pushed_with_its_pictures_and_the_card(hub, tmp_path):
    here = tmp_path / "here"
    save(here, "a1"), save(here, "a2", b"another")
    sync = CorrectionSync(here, REPO)
    assert sync.pending == ("a1", "a2")
    assert sync.status() == "2 corrections are not on ada/corrections yet."
    assert sync.push_now() == 2
    assert sync.pending == () and sync.status().startswith("All corrections are on ada/corrections, last pushed at")
    assert ids_on_hub(tmp_path) == {"a1", "a2"} and hub.repos[NAME].private
    assert hub.files(NAME)[shards(hub)[0]] == (here / "corrections.csv").read_bytes()
    assert len([path for path in hub.files(NAME) if path.startswith("images/")]) == 2
    card = yaml.safe_load(hub.files(NAME)["README.md"].decode().split("---")[1])
    assert card["configs"][0]["data_files"] == [{"split": "train", "path": "corrections/*.csv"}]


def test_a_later_push_adds_to_the_same_shard_and_sends_a_picture_once(hub, tmp_path):
    sync = CorrectionSync(tmp_path, REPO)
    save(tmp_path, "a1")
    sync.push_now()
    save(tmp_path, "a2")
    assert sync.push_now() == 1 and sync.push_now() == 0
    assert len(shards(hub)) == 1 and len(hub.repos[NAME].commits) == 3
    assert sum(request.startswith("PUT") for request in hub.requests) == 1


def test_a_shard_that_has_grown_is_followed_by_another(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("fkd.hub_corrections._SHARD_BYTES", 1000)
    sync = CorrectionSync(tmp_path, REPO)
    for number in range(9):
        save(tmp_path, f"a{number}")
        sync.push_now()
    assert len(shards(hub)) == 3 and len(ids_on_hub(tmp_path / "x")) == 9


def test_many_rows_go_in_several_commits(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("fkd.hub_corrections._ROWS_A_COMMIT", 4)
    for number in range(10):
        save(tmp_path, f"a{number}")
    assert CorrectionSync(tmp_path, REPO).push_now() == 10
    assert len(hub.repos[NAME].commits) == 4 and len(ids_on_hub(tmp_path / "x")) == 10


def test_a_fresh_container_gets_everything_and_overwrites_nothing(hub, tmp_path):
    old, fresh = tmp_path / "old", tmp_path / "fresh"
    save(old, "a1"), save(old, "a2", supersedes="a1")
    CorrectionSync(old, REPO).push_now()
    before = dict(hub.files(NAME))
    sync = CorrectionSync(fresh, REPO)
    assert sync.pull().new_rows == 2 and sync.pending == ()
    save(fresh, "b1", supersedes="a2")
    assert sync.pending == ("b1",) and sync.push_now() == 1
    assert len(shards(hub)) == 2 and before.items() <= hub.files(NAME).items()
    assert [record.id for record in CorrectionStore(fresh).current()] == ["b1"]
    assert ids_on_hub(tmp_path) == {"a1", "a2", "b1"}


def test_a_card_that_somebody_wrote_stays(hub, tmp_path):
    hub.create(NAME).commit("card", "ada", {"README.md": b"mine"})
    save(tmp_path, "a1")
    CorrectionSync(tmp_path, REPO).push_now()
    assert hub.files(NAME)["README.md"] == b"mine"


def test_writers_at_the_same_moment_lose_nothing(hub, tmp_path):
    syncs = [CorrectionSync(tmp_path / f"space-{n}", REPO) for n in range(3)]

    def work(number: int) -> None:
        for row in range(3):
            save(syncs[number].folder, f"s{number}r{row}", b"%d-%d" % (number, row))
            syncs[number].push_now()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert ids_on_hub(tmp_path) == {f"s{n}r{r}" for n in range(3) for r in range(3)}
    assert len(shards(hub)) == 3 and all(sync.pending == () for sync in syncs)


@pytest.mark.parametrize("status", [409, 412])
def test_a_commit_in_between_is_followed_by_a_try_on_top_of_it(hub, tmp_path, status):
    hub.fault("POST /api/datasets/ada/corrections/commit", status=status, times=2)
    save(tmp_path, "a1")
    assert CorrectionSync(tmp_path, REPO).push_now() == 1
    assert ids_on_hub(tmp_path / "x") == {"a1"}


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"status": 401, "headers": {"X-Error-Message": "Invalid credentials in Authorization header"}}, "the token"),
        ({"status": 403}, "token does not allow"),
        ({"status": 412}, "Somebody else changed"),
        ({"status": 429, "headers": {"Retry-After": "30"}}, "in 30 seconds"),
        ({"status": 500}, "trouble of its own"),
        ({"cut_after": 3}, "cannot be reached"),
        ({"lost": True}, "cannot be reached"),
    ],
)
def test_rows_wait_for_a_hub_that_refuses_and_are_pushed_once_it_does_not(hub, tmp_path, monkeypatch, fault, sentence):
    monkeypatch.setattr("fkd.hub_commit._TRIES", 2)
    save(tmp_path, "a1")
    sync = CorrectionSync(tmp_path, REPO)
    hub.fault("POST /api/datasets/ada/corrections/commit", times=99, **fault)
    with pytest.raises(HubError, match=sentence):
        sync.push_now()
    assert sync.pending == ("a1",) and "1 correction is not on ada/corrections yet" in sync.status()
    hub.faults.clear()
    save(tmp_path, "a2")
    assert sync.push_now() == 2
    assert len(shards(hub)) == 1 and ids_on_hub(tmp_path / "x") == {"a1", "a2"}


def test_without_a_hub_rows_wait_visibly_and_a_later_process_pushes_them(hub, tmp_path, monkeypatch):
    here = tmp_path / "here"
    save(here, "a1")
    CorrectionSync(here, REPO).push_now()
    save(here, "a2")
    with monkeypatch.context() as offline:
        offline.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        said = CorrectionSync(here, REPO)
        said.start()
        last = said.stop()
        assert "Check the network and try again." in last and last.endswith(" Not pushed: a2.")
    later = CorrectionSync(here, REPO)
    assert later.pending == ("a2",)  # known without asking
    assert later.push_now() == 1 and ids_on_hub(tmp_path) == {"a1", "a2"}


def test_another_file_in_the_place_of_the_old_one_is_read_from_its_start(hub, tmp_path):
    save(tmp_path, "a1"), save(tmp_path, "a2")
    sync = CorrectionSync(tmp_path, REPO)
    sync.push_now()
    (tmp_path / "corrections.csv").unlink()
    save(tmp_path, "b1"), save(tmp_path, "b2"), save(tmp_path, "b3")
    assert sync.pending == ("b1", "b2", "b3")
    assert CorrectionSync(tmp_path, REPO).pending == ("b1", "b2", "b3")


def test_a_picture_that_is_gone_or_changed_is_named_and_the_row_pushed(hub, tmp_path):
    save(tmp_path, "a1", b"one"), save(tmp_path, "a2", b"two")
    (tmp_path / "images" / f"{content_name(b'one')}.jpg").unlink()
    (tmp_path / "images" / f"{content_name(b'two')}.jpg").write_bytes(b"changed")
    sync = CorrectionSync(tmp_path, REPO)
    assert sync.push_now() == 2
    assert "cannot be read here" in sync.status() and "was changed after it was saved" in sync.status()
    assert not [path for path in hub.files(NAME) if path.startswith("images/")]


def test_no_token_gets_into_a_shard(hub, tmp_path):
    save(tmp_path, "a1", annotator=ADA), save(tmp_path, "a2")
    sync = CorrectionSync(tmp_path, REPO)
    assert sync.push_now() == 1
    assert "1 held back, because what looks like a Hub token is in them" in sync.status() and ADA not in sync.status()
    assert not any(ADA.encode() in content for content in hub.files(NAME).values())
