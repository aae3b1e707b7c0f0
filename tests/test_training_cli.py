"""``python -m training``: train, fine-tune, evaluate, and what it says when it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fkd import DataError
from tests.drawn_data import keypoints_folder
from tests.nets import tiny_net
from training import cli
from training.cli import main
from training.commands.options import split_weight
from training.config import FinetuneConfig, TrainConfig

SMALL = ["--scheme", "kaggle15", "--size", "small", "--input-px", "64", "--epochs", "1", "--batch-size", "8"]


@pytest.fixture
def tiny(tmp_path) -> Path:
    tiny_net().save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture
def base(tmp_path) -> Path:
    return keypoints_folder(tmp_path / "base", 24)


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
        (["train", *SMALL, "--data", "nowhere:-1", "--out", "OUT"], "“nowhere:-1” cannot have the weight -1"),
        (["train", *SMALL, "--data", "FEW", "--out", "OUT"], "1 faces to learn from and 0 to measure on are too few"),
        (["train", *SMALL, "--data", "EMPTY", "--out", "OUT"], "0 faces to learn from and 0 to measure on"),
        (["train", *SMALL, "--data", "BASE", "--out", "OUT", "--accumulate", "3"], "give --batch-size a multiple of 3"),
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


@pytest.mark.parametrize(
    ("command", "option", "value", "advice"),
    [
        ("finetune", "--batch-size", "0", "give a whole number above 0"),
        ("finetune", "--steps", "0", "give a whole number above 0"),
        ("finetune", "--steps", "-5", "give a whole number above 0"),
        ("finetune", "--lr", "nan", "give a number above 0"),
        ("finetune", "--lr", "-1", "give a number above 0"),
        ("finetune", "--lr", "fast", "give a number above 0"),
        ("finetune", "--share", "nan", "give a number above 0"),
        ("finetune", "--share", "inf", "give a number above 0"),
        ("finetune", "--replay", "2", "give a number from 0 to 1"),
        ("finetune", "--threads", "-3", "give a whole number from 0 up"),
        ("finetune", "--seed", "-1", "give a whole number from 0 up"),
        ("finetune", "--who", "\udcff", "is no text that can be kept"),
        ("train", "--epochs", "0", "give a whole number above 0"),
        ("train", "--lr", "nan", "give a number from 0 to 1"),
        ("train", "--ema-decay", "1.5", "give a number from 0 to 1"),
        ("curve", "--counts", "x", "give a whole number above 0"),
        ("promote", "--override", "\udcff", "is no text that can be kept"),
        ("rollback", "--reason", "\udcff", "is no text that can be kept"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_with_what_to_give(capsys, command, option, value, advice):
    with pytest.raises(SystemExit) as ended:
        main([command, option, value])
    assert ended.value.code == 2
    assert f"error: argument {option}: " in (err := capsys.readouterr().err) and advice in err


def test_help_says_a_percent_sign_once(capsys):
    with pytest.raises(SystemExit):
        main(["curve", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert "2 % of the outer-eye distance" in out


def test_an_interrupted_training_ends_with_130(monkeypatch, capsys):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr("training.commands.evaluate.run", interrupted)
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
        ("C:\\data:2", ("C:\\data", 2.0)),
        (":3", (":3", 1.0)),
    ],
)
def test_a_weight_stands_behind_the_last_colon(text, expected):
    assert split_weight(text) == expected


def test_a_folder_with_a_colon_in_its_name_is_named_whole(tmp_path):
    (tmp_path / "12:30").mkdir()
    assert split_weight(f"{tmp_path}/12:30") == (f"{tmp_path}/12:30", 1.0)
    assert split_weight(f"{tmp_path}/12:30:2") == (f"{tmp_path}/12:30", 2.0)


@pytest.mark.parametrize("number", ["0", "-1", "nan", "inf", "-inf", "1e999"])
def test_a_weight_is_a_number_above_0(number):
    with pytest.raises(DataError, match=f"“wild68:{number}” cannot have the weight {number}: give a number above 0"):
        split_weight(f"wild68:{number}")


def test_help_as_a_program_of_its_own():
    done = subprocess.run([sys.executable, "-m", "training", "--help"], capture_output=True, text=True, check=True)
    assert all(command in done.stdout for command in ("train", "finetune", "evaluate"))
