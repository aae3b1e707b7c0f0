"""Many that save at once, processes that die in between, and what the next start makes of it."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest
from filelock import Timeout
from PIL import Image

from fkd.correction_file import CorrectionFile
from fkd.correction_rows import HEADER, encode_line, to_row
from fkd.correction_store import CorrectionStore
from fkd.errors import CorrectionsError
from tests.correction_samples import a_correction


@pytest.fixture
def store(tmp_path) -> CorrectionStore:
    return CorrectionStore(tmp_path / "annotations")


def test_fifty_who_save_at_once_are_all_in_the_file_exactly_once(store, tmp_path):
    for number in range(5):
        Image.fromarray(np.full((20, 20, 3), number, dtype=np.uint8)).save(tmp_path / f"{number}.png")
    template = a_correction()
    values = {name: getattr(template, name) for name in (
        "image_width", "image_height", "scheme", "box_xyxy", "predicted_xy", "corrected_xy", "confidence", "states",
    )}  # fmt: skip
    acknowledged = []
    ready = threading.Barrier(50)

    def client(number: int) -> None:
        mine = store if number % 2 else CorrectionStore(store.folder)  # one app's threads, and other programs
        ready.wait()
        before = ""
        for _ in range(3):
            before = mine.save(
                tmp_path / f"{number % 5}.png", **values, annotator=f"client {number}", supersedes=before
            ).id
            acknowledged.append(before)

    clients = [threading.Thread(target=client, args=(number,)) for number in range(50)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    rows = list(store.read())
    assert sorted(row.id for row in rows) == sorted(acknowledged)
    assert len(rows) == 150
    assert {row.annotator for row in store.current()} == {f"client {number}" for number in range(50)}
    assert len(list((store.folder / "images").iterdir())) == 5
    assert all(store.image_path(row).is_file() for row in rows)
    assert store.notices == []


def test_a_save_that_was_cut_off_at_any_byte_is_set_aside_at_the_next_start_and_told(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # for speed: nothing dies here but the save
    first, second = (encode_line(to_row(a_correction(id=f"c{number}"))) for number in range(2))
    whole = HEADER + first + second
    path = tmp_path / "corrections.csv"
    for cut in (*range(1, len(HEADER) + 1), *range(len(HEADER + first), len(whole))):
        path.write_bytes(whole[:cut])
        file = CorrectionFile(path)
        file.mend()
        kept = [line + b"\n" for _, line in file.forwards()]
        complete = [line for line in (first, second) if line.rstrip(b"\n") in whole[:cut]]
        assert kept == complete
        on_disk = path.read_bytes()
        torn = whole[:cut][len(on_disk) :]
        assert on_disk == b"" or on_disk.endswith(b"\n")
        asides = list(tmp_path.glob("corrections.csv.torn-*"))
        assert [aside.read_bytes() for aside in asides] == ([torn] if torn else [])
        assert [aside.name in notice for aside, notice in zip(asides, file.notices, strict=True)] == [True] * len(
            asides
        )
        for aside in asides:
            aside.unlink()


def test_the_next_start_sets_aside_and_reports(store):
    store.append(a_correction(id="c1"))
    with store.path.open("ab") as raw:
        raw.write(b"c2,2025-01")
    next_start = CorrectionStore(store.folder)
    next_start.mend()
    (aside,) = store.folder.glob("corrections.csv.torn-*")
    assert aside.read_bytes() == b"c2,2025-01"
    assert len(next_start.notices) == 1
    assert aside.name in next_start.notices[0]
    third = CorrectionStore(store.folder)
    third.mend()
    assert third.notices == []
    assert [row.id for row in third.current()] == ["c1"]


def test_starting_without_corrections_makes_none(store):
    store.mend()
    assert not store.folder.exists()


def test_half_pictures_of_killed_saves_go_at_the_next_start_and_those_under_way_stay(store):
    images = store.folder / "images"
    images.mkdir(parents=True)
    for name, age_s in ((".old.part", 7200), (".new.part", 0), ("kept.png", 7200)):
        (images / name).touch()
        os.utime(images / name, (time.time() - age_s,) * 2)
    store.mend()
    assert sorted(path.name for path in images.iterdir()) == [".new.part", "kept.png"]


def test_a_thread_that_waits_too_long_is_told(store, monkeypatch):
    monkeypatch.setattr("fkd.correction_file._LOCK_SECONDS", 0)
    file = CorrectionFile(store.path)
    errors = []

    def save() -> None:
        try:
            file.append(b"x\n")
        except CorrectionsError as error:
            errors.append(str(error))

    with file.locked():
        thread = threading.Thread(target=save)
        thread.start()
        thread.join()
    (message,) = errors
    assert message.startswith("Nothing was saved: another save has held")


def test_a_crowd_is_waited_for_as_long_as_others_get_their_saves_done(store, monkeypatch):
    line = encode_line(to_row(a_correction()))
    file, others = CorrectionFile(store.path), CorrectionFile(store.path)
    real_acquire, turns = file._lock.acquire, []

    def too_late(**wait):
        turns.append(wait)
        if len(turns) > 3:
            return real_acquire(**wait)
        others.append(line)
        raise Timeout(str(store.path))

    monkeypatch.setattr(file._lock, "acquire", too_late)
    file.append(line)
    assert store.path.read_bytes() == HEADER + line * 4
