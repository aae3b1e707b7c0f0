"""JSON lines: appended whole, torn ends told of, never glued to the next line."""

from __future__ import annotations

import errno
import os

import pytest

from fkd.errors import RegistryError
from fkd.json_lines import JsonLines


@pytest.fixture
def lines(tmp_path) -> JsonLines:
    return JsonLines(tmp_path / "runs" / "registry.jsonl")


def test_what_was_appended_is_read_back_in_order(lines):
    assert lines.read() == []
    for row in ({"n": 1}, {"n": 2, "text": "Zoë\nand a line break"}):
        lines.append(row)
    assert lines.read() == [{"n": 1}, {"n": 2, "text": "Zoë\nand a line break"}]
    assert lines.path.read_bytes().count(b"\n") == 2 and lines.notices == []


@pytest.mark.parametrize("torn", [b"{", b'{"n": 2, "t', b'{"n": 2, "text": "Zo\xc3', b'"n"'])
def test_a_torn_last_line_is_left_out_told_of_and_moved_aside_by_the_next_append(lines, torn):
    lines.append({"n": 1})
    with lines.path.open("ab") as file:
        file.write(torn)
    assert lines.read() == [{"n": 1}] and lines.read() == [{"n": 1}]
    (notice,) = lines.notices
    assert "incomplete" in notice
    lines.append({"n": 3})
    assert lines.read() == [{"n": 1}, {"n": 3}]
    (aside,) = lines.path.parent.glob("registry.jsonl.torn-*")
    assert aside.read_bytes() == torn and aside.name in lines.notices[1]


def test_a_line_that_lacks_nothing_but_its_line_feed_counts(lines):
    lines.append({"n": 1})
    with lines.path.open("ab") as file:
        file.write(b'{"n": 2}')
    assert lines.read() == [{"n": 1}, {"n": 2}]
    lines.append({"n": 3})
    assert lines.read() == [{"n": 1}, {"n": 2}, {"n": 3}] and lines.notices == []


def test_a_damaged_line_before_the_last_is_an_error_that_names_it(lines):
    for n in range(3):
        lines.append({"n": n})
    lines.path.write_bytes(lines.path.read_bytes().replace(b'{"n": 1}', b'{"n": 1'))
    with pytest.raises(RegistryError, match="registry.jsonl, line 2: this is no JSON object"):
        lines.read()


def test_a_full_disk_leaves_the_file_as_it_was(lines, monkeypatch):
    lines.append({"n": 1})
    before, write = lines.path.read_bytes(), os.write

    def half_then_full(descriptor, payload):
        if len(payload) < 8:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, payload[: len(payload) // 2])

    monkeypatch.setattr(os, "write", half_then_full)
    with pytest.raises(RegistryError, match="No space left on device"):
        lines.append({"n": 2, "text": "long enough to be cut in two"})
    assert lines.path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "runs").touch()
    with pytest.raises(RegistryError, match="cannot be written to"):
        JsonLines(tmp_path / "runs" / "registry.jsonl").append({})
    with pytest.raises(RegistryError, match="cannot be read"):
        JsonLines(tmp_path / "runs" / "registry.jsonl").read()


def test_two_programs_append_without_mixing_their_lines(lines):
    other = JsonLines(lines.path)
    with lines.locked():
        lines.append({"n": 1})  # a thread that holds the lock may write
    other.append({"n": 2})
    lines.append({"n": 3})
    assert [row["n"] for row in other.read()] == [1, 2, 3]
