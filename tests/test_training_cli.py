"""``python -m training``: train, fine-tune, evaluate, and what it says when it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fkd.model import load_net
from tests.nets import tiny_net
from tests.test_finetune import corrected_drawings, keypoints_folder
from training import cli
from training.cli import main, split_weight
from training.config import MODEL_SIZES, FinetuneConfig, TrainConfig

SMALL = ["--scheme", "kaggle15", "--size", "small", "--input-px", "64", "--epochs", "1", "--batch-size", "8"]


@pytest.fixture
def tiny(tmp_path) -> Path:
    tiny_net().save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture
def base(tmp_path) -> Path:
    return keypoints_folder(tmp_path / "base", 24)


def test_train_then_evaluate(base, tmp_path, capsys):
    run = tmp_path / "run1"
    data = ["--data", f"{base}:2", "--out", str(run), "--device", "cpu"]
    assert main(["train", *SMALL, *data]) == 0
    out = capsys.readouterr().out
    assert "faces train" in out and f"Wrote kaggle15-run1 to {run}" in out
    config = load_net(run).config
    assert config.version == "kaggle15-run1" and config.input_px == 64 and config.trained_on == ("base (2×)",)
    assert config.widths == MODEL_SIZES["small"]["widths"]
    assert (run / "metrics.jsonl").read_text().count("\n") == 1
    assert json.loads((run / "train_config.json").read_text())["batch_size"] == 8

    for held_out in ([], ["--held-out"]):
        assert main(["evaluate", "--weights", str(run), "--data", str(base), "--json", *held_out]) == 0
        figures = json.loads(capsys.readouterr().out)
        assert figures["weights"] == "kaggle15-run1" and figures["boxes"] == "labels"
        assert (figures["n"] == 24) == (not held_out) and figures["nme_iod"] > 0


def test_train_starts_from_other_weights(base, tiny, tmp_path, capsys):
    first, second = tmp_path / "a", tmp_path / "b"
    assert main(["train", *SMALL, "--data", str(base), "--out", str(first), "--lr", "0"]) == 0
    command = ["train", *SMALL, "--data", str(base), "--out", str(second), "--lr", "0", "--seed", "9"]
    assert main([*command, "--init", str(first)]) == 0
    one, two = (load_net(run).stem[0][0].weight for run in (first, second))
    assert (one - two).abs().max() < 1e-3
    assert main([*command, "--init", "nothing"]) == 1


def test_evaluate_for_people(base, tiny, capsys):
    assert main(["evaluate", "--weights", str(tiny), "--data", str(base), "--device", "cpu"]) == 0
    lines = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert lines["n"] == "24" and float(lines["rmse_px"]) > 0 and "eyes_px" in lines


def test_finetune_prints_what_it_did_and_what_came_of_it(base, tiny, tmp_path, capsys):
    corrections = corrected_drawings(tmp_path / "fixed")
    command = ["finetune", "--weights", str(tiny), "--corrections", str(corrections / "corrections.csv")]
    command += ["--out", str(tmp_path / "new"), "--steps", "2", "--batch-size", "4", "--device", "cpu"]
    assert main([*command, "--base", str(base)]) == 0
    out = capsys.readouterr().out
    assert "6 corrected faces in 6 pictures" in out and "75 points" in out
    assert "5 corrected faces train, 1 are held out" in out
    assert "held-out corrections (1 faces): NME" in out and "held-out base data" in out
    assert f"Serve them: python app.py --weights {tmp_path / 'new'}" in out
    assert load_net(tmp_path / "new").config.parent == "tiny-1"


def test_finetune_says_when_there_is_nothing_to_measure_on(tiny, tmp_path, capsys):
    corrections = corrected_drawings(tmp_path / "fixed", n=3)
    command = ["finetune", "--weights", str(tiny), "--corrections", str(corrections), "--out", str(tmp_path / "new")]
    assert main([*command, "--steps", "1", "--batch-size", "2"]) == 0
    assert "Nothing was measured" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["evaluate", "--weights", "nothing", "--data", "BASE"], "There are no weights “nothing”"),
        (["evaluate", "--weights", "TINY", "--data", "nowhere"], "“nowhere” is no data that fkd reads"),
        (["evaluate", "--weights", "ibug68", "--data", "BASE"], "has 31 columns; scheme ibug68 needs 137"),
        (
            ["finetune", "--weights", "TINY", "--corrections", "nowhere", "--out", "OUT"],
            "no corrections.csv that the app wrote",
        ),
        (["train", *SMALL, "--data", "nowhere", "--out", "OUT"], "“nowhere” is no data that fkd reads"),
        (["train", *SMALL, "--data", "FEW", "--out", "OUT"], "1 faces are too few"),
        (["train", *SMALL, "--data", "EMPTY", "--out", "OUT"], "0 faces are too few"),
        (["evaluate", "--weights", "TINY", "--data", "EMPTY"], "There is no face to measure on"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(base, tiny, tmp_path, capsys, arguments, sentence):
    places = {"BASE": base, "TINY": tiny, "OUT": tmp_path / "out"}
    places |= {"FEW": keypoints_folder(tmp_path / "few", 1), "EMPTY": keypoints_folder(tmp_path / "empty", 0)}
    assert main([str(places.get(argument, argument)) for argument in arguments]) == 1
    err = capsys.readouterr().err
    assert err.startswith("training: ") and sentence in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["train", "--scheme", "kaggle15"],
        ["train", *SMALL, "--data", "x", "--out", "y", "--input-px", "100"],
        ["train", *SMALL, "--data", "x", "--out", "y", "--input-px", "-64"],
    ],
)
def test_a_wrong_command_line_ends_with_2(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and "usage: python -m training" in capsys.readouterr().err


def test_an_interrupted_training_ends_with_130(monkeypatch, capsys):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run_evaluate", interrupted)
    assert main(["evaluate", "--weights", "ibug68", "--data", "x"]) == 130
    assert "stopped" in capsys.readouterr().err


def test_the_defaults_are_those_of_the_configs():
    train = cli.build_parser().parse_args(["train", "--scheme", "ibug68", "--data", "x", "--out", "y"])
    tune = cli.build_parser().parse_args(["finetune", "--weights", "x", "--corrections", "x", "--out", "y"])
    for options, defaults in ((train, TrainConfig()), (tune, FinetuneConfig())):
        for name, value in vars(options).items():
            assert not hasattr(defaults, name) or getattr(defaults, name) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wild68", ("wild68", 1.0)),
        ("wild68:2", ("wild68", 2.0)),
        ("a:b/wild68:0.5", ("a:b/wild68", 0.5)),
        ("C:\\data", ("C:\\data", 1.0)),
        (":3", (":3", 1.0)),
    ],
)
def test_a_weight_stands_behind_the_last_colon(text, expected):
    assert split_weight(text) == expected


def test_help_as_a_program_of_its_own():
    done = subprocess.run([sys.executable, "-m", "training", "--help"], capture_output=True, text=True, check=True)
    assert all(command in done.stdout for command in ("train", "finetune", "evaluate"))
