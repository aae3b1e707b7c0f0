"""Figures go to Trackio where it is installed; where it is not, that is said at once."""

from __future__ import annotations

import importlib.machinery
import sys
from types import ModuleType

import pytest

from fkd import FkdError
from tests.drawn_data import keypoints_folder
from training.cli import main
from training.tracking import check_trackio, tracked

TRAIN = ["train", "--scheme", "kaggle15", "--model", "fully-connected", "--input-px", "32", "--epochs", "2"]


@pytest.fixture
def calls(monkeypatch) -> list:
    """What is asked of a stand-in for Trackio, in its order."""
    heard = []
    module = ModuleType("trackio")
    module.__spec__ = importlib.machinery.ModuleSpec("trackio", None)
    module.init = lambda **arguments: heard.append(("init", arguments))
    module.log = lambda metrics, step: heard.append(("log", step, metrics))
    module.finish = lambda: heard.append(("finish",))
    monkeypatch.setitem(sys.modules, "trackio", module)
    return heard


def test_a_run_is_opened_logged_and_closed(calls):
    check_trackio()
    with tracked("faces", "kaggle15-a", {"lr": 1e-3}) as log:
        log({"epoch": 1, "loss": 3.0, "nme_iod": None})
        log({"epoch": 2, "loss": 2.0, "nme_iod": 0.1})
    assert calls == [
        ("init", {"project": "faces", "name": "kaggle15-a", "config": {"lr": 1e-3}, "resume": "allow"}),
        ("log", 1, {"epoch": 1, "loss": 3.0}),
        ("log", 2, {"epoch": 2, "loss": 2.0, "nme_iod": 0.1}),
        ("finish",),
    ]


def test_a_run_that_fails_is_closed_too(calls):
    with pytest.raises(KeyboardInterrupt), tracked("faces", "a", {}):
        raise KeyboardInterrupt
    assert calls[-1] == ("finish",)


def test_train_logs_every_epoch(calls, tmp_path):
    data = ["--data", str(keypoints_folder(tmp_path / "base", 24)), "--out", str(tmp_path / "a"), "--device", "cpu"]
    assert main([*TRAIN, *data, "--track", "faces"]) == 0
    assert [call[0] for call in calls] == ["init", "log", "log", "finish"]
    assert calls[0][1]["name"] == "kaggle15-a" and calls[0][1]["config"]["epochs"] == 2


def test_trackio_is_missed_before_anything_is_done(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("training.tracking.find_spec", lambda name: None)
    with pytest.raises(FkdError, match="pip install trackio"):
        check_trackio()
    assert main([*TRAIN, "--data", "nowhere", "--out", str(tmp_path / "a"), "--track", "faces"]) == 1
    assert "Trackio is not installed" in capsys.readouterr().err and not (tmp_path / "a").exists()


def test_without_track_it_is_not_even_imported(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "trackio", None)  # importing it would fail
    data = ["--data", str(keypoints_folder(tmp_path / "base", 24)), "--out", str(tmp_path / "a"), "--device", "cpu"]
    assert main([*TRAIN, *data]) == 0
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert {"run.json", "cleaning.json", "outliers.png", "curves.png", "samples.png", "metrics.jsonl"} <= names
