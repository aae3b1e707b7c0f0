"""A run folder says what the run is, from its first moment on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fkd import DataError
from training import run_record
from training.run_record import machine, record_start, source_revision, versions
from training.state import STATE_FILE


def record(run: Path) -> dict:
    return json.loads((run / "run.json").read_text())


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    return subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """A git repository that the program seems to lie in."""
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    (tmp_path / "repo" / "training").mkdir(parents=True)
    (tmp_path / "repo" / "fkd").mkdir()
    (tmp_path / "repo" / "training" / "run_record.py").write_text("one\n")
    (tmp_path / "repo" / "fkd" / "model.py").write_text("one\n")
    git(tmp_path / "repo", "init", "--quiet")
    monkeypatch.setattr(run_record, "__file__", str(tmp_path / "repo" / "training" / "run_record.py"))
    return tmp_path / "repo"


def test_a_start_tells_what_computes_and_with_what(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["training", "train", "--out", "my runs/a"])
    record_start(tmp_path, {"settings": {"epochs": 3}})
    written = record(tmp_path)
    (start,) = written["starts"]
    assert written["settings"] == {"epochs": 3}
    assert start["command"] == "python -m training train --out 'my runs/a'"
    assert start["versions"]["torch"] == versions()["torch"] and start["versions"]["python"].startswith("3.")
    assert start["machine"]["cores"] >= 1 and start["machine"]["processor"] == machine()["processor"] != ""
    assert set(start["code"]) == {"revision", "changed"} and start["time"].endswith("+00:00")


def test_a_run_that_goes_on_stays_what_it_is_and_one_that_never_began_does_not(tmp_path):
    record_start(tmp_path, {"settings": 1})
    record_start(tmp_path, {"settings": 2})  # nothing was learned the first time
    assert record(tmp_path)["settings"] == 2 and len(record(tmp_path)["starts"]) == 1
    (tmp_path / STATE_FILE).touch()
    record_start(tmp_path, {"settings": 3})
    assert record(tmp_path)["settings"] == 2 and len(record(tmp_path)["starts"]) == 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"starts": 3}', "{}"])
def test_a_damaged_record_is_refused(tmp_path, content):
    (tmp_path / STATE_FILE).touch()
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(DataError, match=r"run.json” is damaged"):
        record_start(tmp_path, {})


def test_the_revision_is_that_of_the_programs_own_files(repository):
    assert source_revision() == {"revision": "unknown", "changed": "unknown"}  # somebody else's repository
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "One")
    revision = git(repository, "rev-parse", "HEAD")
    assert source_revision() == {"revision": revision, "changed": False}
    (repository / "notes.txt").write_text("no code")
    assert source_revision()["changed"] is False
    (repository / "fkd" / "model.py").write_text("two\n")
    assert source_revision() == {"revision": revision, "changed": True}


def test_without_git_the_revision_is_unknown(repository, monkeypatch):
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "One")
    monkeypatch.setenv("PATH", str(repository))
    assert source_revision() == {"revision": "unknown", "changed": "unknown"}
