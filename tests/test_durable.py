"""Files that are whole after a crash."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from fkd.durable import write_whole


def test_a_file_is_flushed_put_in_place_and_its_name_flushed_too(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    steps = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor):
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else f"file, in place: {path.exists()}")
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", lambda *paths: steps.append("in place") or real_replace(*paths))
    write_whole(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert steps == ["file, in place: False", "in place"] + ["folder"] * (sys.platform != "win32")
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


def test_what_was_there_stays_when_the_disk_is_full(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    write_whole(path, b"before")

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"after")
    assert path.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]
