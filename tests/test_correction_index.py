"""Where the rows of each picture are, in a side file that may vanish, lag behind or be wrong."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from fkd.correction_file import CorrectionFile
from fkd.correction_index import CorrectionIndex
from fkd.correction_rows import HEADER, encode_line, to_row
from tests.correction_samples import a_correction


def a_line(number: int, image: str) -> bytes:
    return encode_line(to_row(a_correction(id=f"c{number}", image=image)))


@pytest.fixture(autouse=True)
def written_early(monkeypatch):
    monkeypatch.setattr("fkd.correction_index._ROWS_UNWRITTEN", 4)


@pytest.fixture
def file(tmp_path) -> CorrectionFile:
    """Twelve rows of three pictures in turn."""
    file = CorrectionFile(tmp_path / "corrections.csv")
    for number in range(12):
        file.append(a_line(number, f"images/{number % 3}.png"))
    return file


def ids(index: CorrectionIndex, file: CorrectionFile, image: str) -> list[str]:
    return [file.line_at(offset).split(b",")[0].decode() for offset in index.offsets_of(image)]


def test_the_rows_of_a_picture_are_found_in_their_order(file):
    index = CorrectionIndex(file)
    assert ids(index, file, "images/1.png") == ["c1", "c4", "c7", "c10"]
    assert index.offsets_of("images/9.png") == []


def test_rows_appended_since_are_found_by_this_index_and_by_the_next(file):
    index = CorrectionIndex(file)
    index.offsets_of("images/0.png")
    for number in range(12, 18):
        file.append(a_line(number, "images/1.png"))
        assert (
            ids(index, file, "images/1.png")[-1] == ids(CorrectionIndex(file), file, "images/1.png")[-1] == f"c{number}"
        )
    assert len(index.offsets_of("images/1.png")) == 4 + 6


def test_a_file_that_is_not_there_has_no_rows(tmp_path):
    assert CorrectionIndex(CorrectionFile(tmp_path / "corrections.csv")).offsets_of("images/0.png") == []
    assert list(tmp_path.iterdir()) == []


def test_what_the_index_covers_is_not_read_again(file, monkeypatch):
    CorrectionIndex(file).offsets_of("images/0.png")
    with file.path.open("ab") as raw:
        raw.write(b"".join(a_line(number, "images/5.png") for number in range(100, 3000)))
    CorrectionIndex(file).offsets_of("images/0.png")
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
    assert ids(CorrectionIndex(file), file, "images/0.png") == ["c0", "c3", "c6", "c9"]
    assert file.path.stat().st_size > 500_000
    assert 0 < read_bytes[0] < 50_000


def damaged(content: bytes) -> list[bytes]:
    return [b"", content[:-5], content[:12] * 12, b"\xff" * len(content), b"\0" * len(content)]


@pytest.mark.parametrize("case", range(5))
def test_a_side_file_that_is_damaged_is_made_anew(file, case):
    index = CorrectionIndex(file)
    index.offsets_of("images/1.png")
    index.path.write_bytes(damaged(index.path.read_bytes())[case])
    again = CorrectionIndex(file)
    assert ids(again, file, "images/1.png") == ["c1", "c4", "c7", "c10"]


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_csv_that_was_edited_by_hand_is_read_anew(file, in_memory):
    index = CorrectionIndex(file)
    index.offsets_of("images/1.png")
    assert index.path.exists()
    lines = file.path.read_bytes().split(b"\n")
    del lines[2]  # c1
    file.path.write_bytes(b"\n".join(lines))
    assert ids(index if in_memory else CorrectionIndex(file), file, "images/1.png") == ["c4", "c7", "c10"]


@pytest.mark.parametrize("in_memory", [True, False])
def test_rows_that_were_swapped_by_hand_are_found_where_they_are(tmp_path, in_memory):
    """The last row, which tells of most edits, is where it was."""
    file = CorrectionFile(tmp_path / "corrections.csv")
    for number in range(12):
        file.append(a_line(number, f"images/{'0' * (1 + number % 3)}{number}.png"))
    images = [f"images/{'0' * (1 + number % 3)}{number}.png" for number in range(12)]
    first = CorrectionIndex(file)
    first.offsets_of(images[0])
    lines = file.path.read_bytes().split(b"\n")
    lines[5:8] = reversed(lines[5:8])
    file.path.write_bytes(b"\n".join(lines))
    for number, image in enumerate(images):
        index = first if in_memory else CorrectionIndex(file)
        assert ids(index, file, image) == [f"c{number}"]
    assert CorrectionIndex(file).path.read_bytes() != b"" and ids(CorrectionIndex(file), file, images[6]) == ["c6"]


def test_a_csv_that_was_begun_anew_is_read_anew(file):
    index = CorrectionIndex(file)
    index.offsets_of("images/1.png")
    file.path.write_bytes(HEADER)
    assert index.offsets_of("images/1.png") == []
    file.append(a_line(50, "images/1.png"))
    assert ids(index, file, "images/1.png") == ["c50"]


def test_pictures_whose_names_share_a_crc_are_told_apart(file):
    twins = ("images/0000.png", "images/1111.png")
    for number, image in enumerate(twins):
        file.append(a_line(20 + number, image))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fkd.correction_index.zlib.crc32", lambda name: 7)
        assert [ids(CorrectionIndex(file), file, image) for image in twins] == [["c20"], ["c21"]]


def test_a_torn_last_line_is_no_row_until_it_is_whole(file):
    index = CorrectionIndex(file)
    line = a_line(12, "images/1.png")
    with file.path.open("ab") as raw:
        raw.write(line[:100])
    assert len(index.offsets_of("images/1.png")) == 4
    with file.path.open("ab") as raw:
        raw.write(line[100:])
    assert len(index.offsets_of("images/1.png")) == 5


def test_a_folder_that_may_only_be_read_is_read(file):
    file.path.parent.chmod(0o555)
    try:
        assert len(CorrectionIndex(file).offsets_of("images/1.png")) == 4
    finally:
        file.path.parent.chmod(0o755)
