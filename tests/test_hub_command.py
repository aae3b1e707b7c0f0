"""The command line, with the whole program and the stand-in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

import fkd.hub_push
from fkd.cli import main
from fkd.correction_store import CorrectionStore
from fkd.registry import Registry
from tests.correction_samples import a_correction
from tests.hub_rows import save
from tests.hub_standin import ADA
from tests.nets import tiny_net
from tests.weights_folders import registered


@pytest.fixture(autouse=True)
def in_an_empty_folder(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(fkd.hub_push, "sample_picture", lambda folder: b"PNG")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    tiny_net().save_pretrained("mine")


def said(capsys, *arguments: str) -> str:
    assert main(["hub", *arguments]) == 0
    return capsys.readouterr().out


def test_push_status_log_and_pull(hub, capsys):
    assert "tiny-1 is on ada/faces now" in said(capsys, "push", "--repo", "ada/faces", "--version", "mine")
    assert "by ada (2026-11-21T10:00:00Z): that is tiny-1 here." in said(capsys, "status", "--version", "mine")
    assert "tiny-1  ada  Weights tiny-1" in said(capsys, "log", "--repo", "ada/faces")
    shutil.rmtree("mine")
    assert "tiny-1 of ada/faces is in back" in said(capsys, "pull", "--repo", "ada/faces", "--out", "back")
    assert ": that is tiny-1 here." in said(capsys, "status", "--version", "back")


def test_corrections_go_there_and_come_back(hub, capsys, tmp_path):
    image = tmp_path / "p.png"
    Image.new("RGB", (600, 512)).save(image)
    values = {
        name: getattr(a_correction(), name) for name in ("box_xyxy", "predicted_xy", "corrected_xy", "confidence")
    }
    saved = CorrectionStore("annotations").save(
        image, image_width=600, image_height=512, scheme="ibug68", states=a_correction().states, **values
    )
    assert "Rows pushed: 1. All corrections are on ada/rows" in said(capsys, "push-corrections", "--repo", "ada/rows")
    told = said(capsys, "pull-corrections", "--repo", "ada/rows", "--out", "together")
    assert told == "Rows on ada/rows: 1. New here: 1, and 1 pictures. All are in together/corrections.csv.\n"
    assert list(CorrectionStore("together").current()) == [saved]


def test_status_names_the_corrections_that_are_not_there_yet(hub, capsys):
    said(capsys, "push", "--repo", "ada/faces", "--version", "mine")
    status = ["status", "--version", "mine", "--corrections", "ada/rows"]
    assert said(capsys, *status).endswith("All corrections are on ada/rows.\n")
    save(Path("annotations"), "1" * 32, annotator="tim")
    said(capsys, "push-corrections", "--repo", "ada/rows")
    for number in range(2, 14):
        save(Path("annotations"), f"{number:032x}", annotator=ADA)
    told = said(capsys, *status)
    assert "12 corrections are not on ada/rows yet:" in told and told.endswith("… and 2 more\n")
    assert f"(row {2:032x})" in told and ": a face of images/" in told and "1" * 32 not in told and ADA not in told


def test_a_registered_version_is_pushed_by_its_name_or_another(hub, capsys):
    registry = Registry(Path("runs"))
    for number in (1, 2):
        folder = registry.folder / f"v{number}"
        tiny_net(seed=number, version=f"v{number}", parent=f"v{number - 1}").save_pretrained(folder)
        registered(registry, f"v{number}", scheme="kaggle15", folder=folder, parent=f"v{number - 1}")
        registry.promote(f"v{number}", "ada")
    assert "v1 is on ada/faces now" in said(capsys, "push", "--repo", "ada/faces", "--version", "v1")
    named = ["push", "--repo", "ada/faces", "--scheme", "kaggle15", "--as", "second"]
    assert "second is on ada/faces now" in said(capsys, *named)  # what serves
    assert set(hub.repos["models/ada/faces"].tags) == {"v1", "second"}


@pytest.mark.parametrize("arguments", [["push", "--version", "mine"], ["pull"], ["log"], ["pull-corrections"]])
def test_without_a_repository_it_is_asked_for(hub, capsys, arguments):
    assert main(["hub", *arguments]) == 1
    assert "Which repository on the Hub? Name it with --repo user/name" in capsys.readouterr().err


def test_a_token_in_an_argument_or_an_answer_is_not_shown(hub, capsys):
    hub.fault("", status=400, message=f"{ADA} is bad", times=99)
    for repo in (f"https://ada:{ADA}@hf.co/ada/faces", "ada/faces", f"ada/{ADA}"):
        for action in ("push", "pull", "status", "log", "push-corrections", "pull-corrections"):
            weights = ["--version", "mine"] if action in ("push", "status") else []
            assert main(["hub", action, "--repo", repo, *weights]) in (0, 1)
    shown = capsys.readouterr()
    assert "fkd: " in shown.err and ADA not in shown.out + shown.err


def test_there_is_no_force(capsys):
    with pytest.raises(SystemExit):
        main(["hub", "push", "--force"])
    assert "unrecognized arguments: --force" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["push", "pull", "status", "log", "push-corrections", "pull-corrections"])
def test_every_action_has_help_with_an_example(capsys, action):
    with pytest.raises(SystemExit):
        main(["hub", action, "--help"])
    assert f"Example: python -m fkd hub {action}" in " ".join(capsys.readouterr().out.split())
