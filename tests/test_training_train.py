"""``python -m training train``: from labelled faces to weights, stopped and gone on with."""

from __future__ import annotations

import argparse
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fkd import FkdError
from fkd.model import load_net
from fkd.model_config import ModelConfig
from tests.drawn_data import corrected_drawings, keypoints_folder
from training import loop
from training.cli import main
from training.commands.train import add_parser
from training.commands.train_options import config_of
from training.config import HEAT_WEIGHT_LAST, MODEL_SIZES, TrainConfig

SMALL = ["--scheme", "kaggle15", "--size", "small", "--input-px", "64", "--batch-size", "8", "--device", "cpu"]


@pytest.fixture
def base(tmp_path) -> Path:
    return keypoints_folder(tmp_path / "base", 24)


def lines(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_train_then_evaluate(base, tmp_path, capsys):
    run = tmp_path / "run1"
    assert main(["train", *SMALL, "--epochs", "1", "--data", f"{base}:2", "--out", str(run)]) == 0
    out, err = capsys.readouterr()
    assert "faces train" in out and "held_out_base_nme_iod: " in out and f"Wrote kaggle15-run1 to {run}" in out
    assert "epoch 1/1: loss" in err
    config = load_net(run).config
    assert config.version == "kaggle15-run1" and config.input_px == 64 and config.trained_on == ("base (2×)",)
    assert config.widths == MODEL_SIZES["small"]["widths"]
    assert len(lines(run)) == 1 and config.metrics == {"held_out_base_nme_iod": round(lines(run)[0]["nme_iod"], 5)}
    assert json.loads((run / "train_config.json").read_text())["batch_size"] == 8
    assert load_net(run / "last").config.version == "kaggle15-run1"

    for held_out in ([], ["--held-out"]):
        assert main(["evaluate", "--weights", str(run), "--data", str(base), "--json", *held_out]) == 0
        figures = json.loads(capsys.readouterr().out)
        assert figures["weights"] == "kaggle15-run1" and figures["boxes"] == "labels"
        assert (figures["n"] == 24) == (not held_out) and figures["nme_iod"] > 0


def test_other_weights_to_begin_with(base, tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    command = ["train", *SMALL, "--epochs", "1", "--data", str(base), "--lr", "0"]
    assert main([*command, "--out", str(first)]) == 0
    assert main([*command, "--out", str(second), "--seed", "9", "--init", str(first)]) == 0
    one, two = (load_net(run) for run in (first, second))
    assert (one.stem[0][0].weight - two.stem[0][0].weight).abs().max() < 1e-3
    assert (one.config.parent, two.config.parent) == ("", "kaggle15-a")
    assert main([*command, "--out", str(tmp_path / "c"), "--init", "nothing"]) == 1


def test_a_run_that_was_interrupted_goes_on(base, tmp_path, capsys, monkeypatch):
    run = tmp_path / "run"
    command = ["train", *SMALL, "--epochs", "2", "--data", str(base), "--out", str(run)]
    with monkeypatch.context() as patched:
        patched.setattr("training.progress.TrainingBar.epoch", interrupt)
        assert main(command) == 130
    assert "The same command with --resume goes on from the last whole epoch." in capsys.readouterr().err
    assert [row["epoch"] for row in lines(run)] == [1]

    assert main(command) == 1
    assert "holds a run already (state.pt). Go on with it by --resume" in capsys.readouterr().err
    assert main([*command, "--resume", "--lr", "0.1"]) == 1
    assert "was begun with lr 0.002, not 0.1" in capsys.readouterr().err
    (base / "images" / "0.png").write_bytes((base / "images" / "0.png").read_bytes() + b"\0")
    assert main([*command, "--resume"]) == 1
    assert "was begun with data" in capsys.readouterr().err
    (base / "images" / "0.png").write_bytes((base / "images" / "0.png").read_bytes()[:-1])
    assert main([*command, "--resume"]) == 0
    assert [row["epoch"] for row in lines(run)] == [1, 2]

    straight = tmp_path / "straight" / "run"  # one name, one version
    assert main([*command[:-1], str(straight), "--resume"]) == 0  # nothing to go on from: it begins
    one, other = (load_net(folder).state_dict() for folder in (run, straight))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def interrupt(*_args) -> None:
    raise KeyboardInterrupt


def test_all_settings_of_a_recipe_can_be_given(base, tmp_path):
    run = tmp_path / "run"
    settings = {"epochs": 1, "lr": 1e-3, "ema_decay": 0.5, "small_share": 0.0, "accumulate": 2}
    settings |= {"augmentation": "flip", "warp_sd": 0.02}
    given = ["--epochs", "1", "--lr", "1e-3", "--ema-decay", "0.5", "--small-share", "0", "--accumulate", "2"]
    assert (
        main(
            ["train", *SMALL, *given, "--augment", "flip", "--warp-sd", "0.02", "--data", str(base), "--out", str(run)]
        )
        == 0
    )
    written = json.loads((run / "train_config.json").read_text())
    assert {name: written[name] for name in settings} == settings


def test_sources_of_other_conventions_and_corrections_are_mixed_in(base, tmp_path):
    other = keypoints_folder(tmp_path / "other", 6)
    for picture in (other / "images").iterdir():  # not those of the base
        Image.fromarray(255 - np.array(Image.open(picture))[::-1]).save(picture)
    annotations = corrected_drawings(tmp_path / "annotations", n=6)
    run = tmp_path / "run"
    data = ["--data", str(base), str(other), f"{annotations / 'corrections.csv'}:3"]
    assert main(["train", *SMALL, "--epochs", "1", *data, "--out", str(run)]) == 0
    config = load_net(run).config
    assert list(config.conventions) == ["other"] and len(config.conventions["other"]) == 15
    assert config.trained_on == ("base (1×)", "other (1×)", "corrections.csv (3×)")
    assert lines(run)[0]["source_offset_rms"] > 0


def test_the_help_needs_neither_torch_nor_accelerate():
    code = "import sys\nfrom training.cli import main\ntry: main(['train', '--help'])\nexcept SystemExit: pass\n"
    code += "print([name for name in ('torch', 'accelerate', 'matplotlib') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "accelerate launch -m training train" in " ".join(done.stdout.split())
    assert done.stdout.splitlines()[-1] == "[]"


def options_of(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    return parser.parse_args(["train", "--scheme", "kaggle15", "--data", "base", "--out", "run", *given])


def test_what_accelerate_launch_was_told_counts_unless_the_command_says_otherwise(monkeypatch):
    plain = config_of(options_of())
    assert (plain.mixed_precision, plain.accumulate) == ("no", 1)
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")
    told, said = config_of(options_of()), config_of(options_of("--mixed-precision", "no", "--accumulate", "2"))
    assert (told.mixed_precision, told.accumulate) == ("bf16", 4)
    assert (said.mixed_precision, said.accumulate) == ("no", 2)
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp8")
    with pytest.raises(
        FkdError, match="accelerate launch was told to compute in fp8: give --mixed-precision one of no"
    ):
        config_of(options_of())


def test_what_has_heatmaps_already_does_not_learn_them_anew():
    trained, other = ModelConfig(scheme="kaggle15"), ModelConfig(scheme="ibug68")
    for init in (None, other):
        assert config_of(options_of(), init).heat_weight == TrainConfig().heat_weight > 1.0
    assert config_of(options_of(), trained).heat_weight == HEAT_WEIGHT_LAST
    assert config_of(options_of("--heat-weight", "7"), trained).heat_weight == 7.0


def test_only_the_flagship_takes_crops_of_any_size():
    assert config_of(options_of("--small-share", "0.5")).small_share == 0.5
    with pytest.raises(FkdError, match="--small-share is for the flagship"):
        config_of(options_of("--model", "plain-cnn", "--small-share", "0.5"))


def test_a_full_disk_says_how_to_go_on(base, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "run" / "state.pt"))

    monkeypatch.setattr(loop, "save_state", full)
    assert main(["train", *SMALL, "--epochs", "1", "--data", str(base), "--out", str(tmp_path / "run")]) == 1
    assert (
        "state.pt” cannot be written (No space left on device). Make room on the disk: the" in capsys.readouterr().err
    )
