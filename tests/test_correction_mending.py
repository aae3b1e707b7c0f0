"""A corrections file with a torn last line where nothing can be written: it is read, and says so."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from fkd import CorrectionsError
from fkd.correction_rows import encode_line, to_row
from fkd.correction_store import CorrectionStore
from tests.correction_samples import a_correction


@pytest.fixture
def store(tmp_path) -> CorrectionStore:
    """One row, and a half."""
    store = CorrectionStore(tmp_path / "annotations")
    store.append(a_correction(id="c0"))
    with store.path.open("ab") as raw:
        raw.write(encode_line(to_row(a_correction(id="c1")))[:200])
    return store


def full_disk(monkeypatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("fkd.correction_file.write_whole", full)


def unwritable_folder(store: CorrectionStore) -> None:
    """As far as the lock goes, also for somebody who may do everything."""
    lock = store.path.with_name("corrections.csv.lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()


@pytest.mark.parametrize("why", ["full disk", "unwritable folder"])
def test_what_cannot_be_mended_is_told_of_and_read_all_the_same(store, monkeypatch, why):
    full_disk(monkeypatch) if why == "full disk" else unwritable_folder(store)
    before = store.path.read_bytes()
    for _ in range(3):  # the app is started again and again
        store.mend()
    (notice,) = store.notices
    assert notice.startswith(str(store.folder)) and "cannot be written" in notice
    assert notice.endswith("no face can be saved until that is mended.")
    assert [row.id for row in store.current()] == ["c0"]
    with pytest.raises(CorrectionsError, match="cannot be written"):
        store.append(a_correction())
    assert store.path.read_bytes() == before and not list(store.folder.glob("*.torn-*"))


def test_it_is_mended_when_there_is_room_again(store):
    with pytest.MonkeyPatch.context() as patch:
        full_disk(patch)
        store.mend()
    store.notices.clear()
    store.append(a_correction(id="c2"))
    assert [row.id for row in store.current()] == ["c2", "c0"] and "was moved to" in store.notices[0]
    assert len(list(store.folder.glob("*.torn-*"))) == 1


def test_a_file_of_another_tool_is_no_matter_of_room(tmp_path):
    (tmp_path / "corrections.csv").write_text("name,price\n")
    with pytest.raises(CorrectionsError, match="is not a corrections file that this fkd reads"):
        CorrectionStore(tmp_path).mend()


def test_litter_that_cannot_be_removed_does_not_matter(store, monkeypatch):
    def refused(folder: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("fkd.image_store.remove_old_parts", refused)
    store.mend()
    assert [row.id for row in store.current()] == ["c0"]
