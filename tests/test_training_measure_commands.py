"""``python -m training`` evaluate, compare, calibrate and report: what they print, write and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fkd.model import load_net
from tests.drawn_data import corrected_drawings, keypoints_folder
from tests.nets import tiny_net
from tests.test_training_figures import ROWS
from training.cli import main


@pytest.fixture
def base(tmp_path) -> Path:
    return keypoints_folder(tmp_path / "base", 24)


@pytest.fixture
def tiny(tmp_path) -> Path:
    tiny_net().save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture
def other(tmp_path) -> Path:
    tiny_net(seed=1, version="tiny-2").save_pretrained(tmp_path / "other")
    return tmp_path / "other"


def on_cpu(*arguments) -> int:
    return main([*map(str, arguments), "--device", "cpu"])


def test_evaluate_as_json_has_every_figure(base, tiny, capsys):
    assert on_cpu("evaluate", "--weights", tiny, "--data", base, "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["weights"], figures["boxes"], figures["n"], figures["missed"]) == ("tiny-1", "labels", 24, 0)
    numbers = ["nme_iod", "median", "auc_10", "failure_8", "failure_10", "rmse_px", "nme_offset_free", "ece"]
    assert all(figures[name] >= 0 for name in numbers) and -1 <= figures["uncertainty_spearman"] <= 1
    assert len(figures["points"]) == 15 and len(figures["regions"]) == 4 and figures["reliability"]
    assert on_cpu("evaluate", "--weights", tiny, "--data", base, "--json", "--held-out") == 0
    assert 0 < json.loads(capsys.readouterr().out)["n"] < 24


def test_corrections_are_measured_like_labelled_faces(tiny, tmp_path, capsys):
    csv = corrected_drawings(tmp_path / "annotations") / "corrections.csv"
    for options, n in (([], 6), (["--held-out"], 1)):
        assert on_cpu("evaluate", "--weights", tiny, "--data", csv, "--json", *options) == 0
        assert json.loads(capsys.readouterr().out)["n"] == n


def test_evaluate_as_json_says_null_of_what_cannot_be_known(tmp_path, tiny, capsys):
    def unknown(*options) -> set[str]:
        assert on_cpu("evaluate", "--weights", tiny, "--json", *options) == 0
        figures = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)  # JSON has no NaN
        names = {"nme_iod", "median", "failure_10", "rmse_px", "missed", "n", "uncertainty_spearman", "nme_offset_free"}
        return {name for name in names if figures[name] is None}

    one = keypoints_folder(tmp_path / "one", 1)
    assert unknown("--data", one) == {"uncertainty_spearman", "nme_offset_free"}
    # No detector finds a face in noise.
    found = unknown("--data", keypoints_folder(tmp_path / "noise", 3), "--boxes", "detector")
    assert found == {"rmse_px", "uncertainty_spearman", "nme_offset_free"}
    four = keypoints_folder(tmp_path / "four", 6)  # as Kaggle's shorter rows: eye centres, nose and lower lip
    header, *rows = ((four / "keypoints.csv").read_text()).splitlines()
    cells = [row.split(",") for row in rows]
    kept = {0} | {1 + 2 * point + axis for point in (0, 1, 10, 14) for axis in (0, 1)}
    rows = [",".join(cell if i in kept else "" for i, cell in enumerate(row)) for row in cells]
    (four / "keypoints.csv").write_text("\n".join([header, *rows]) + "\n")
    assert unknown("--data", four) == {"nme_iod", "median", "failure_10", "nme_offset_free"}


def test_evaluate_for_people_is_a_table(base, tiny, capsys):
    assert on_cpu("evaluate", "--weights", tiny, "--data", base) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0] == "tiny-1, boxes from the labels" and "faces missed" in out and max(map(len, lines)) <= 100
    for part in ("by region", "by point", "confidence"):
        assert any(line.startswith(part) for line in lines), part
    (mouth,) = [line.split() for line in lines if line.startswith("mouth ")]
    assert float(mouth[1]) > 0 and float(mouth[2]) > 0
    assert sum(line.count("mouth_center_top_lip") for line in lines) == 1


def test_compare_puts_both_side_by_side(base, tiny, other, capsys):
    assert on_cpu("compare", tiny, other, "--data", base, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["first"], found["second"], found["n"]) == ("tiny-1", "tiny-2", 24)
    nme = found["measures"]["nme_iod"]
    assert nme["difference"] == pytest.approx(nme["second"] - nme["first"])
    assert nme["low"] <= nme["difference"] <= nme["high"] and nme["winner"] in ("first", "second", "neither")
    assert on_cpu("compare", tiny, other, "--data", base) == 0
    out = capsys.readouterr().out
    assert "24 faces of 24 photos or people" in out and "NME, mean" in out and out.rstrip().endswith(found["verdict"])


def test_compare_with_itself_is_within_noise_and_goes_by_what_was_typed(base, tiny, capsys):
    assert on_cpu("compare", tiny, tiny, "--data", base) == 0
    assert f"The difference between {tiny} and {tiny} is within noise" in capsys.readouterr().out


def test_compare_refuses_other_points(base, tiny, capsys):
    assert on_cpu("compare", tiny, "ibug68", "--data", base) == 1
    assert "weights of one scheme can be compared" in capsys.readouterr().err


def test_calibrate_stores_the_factor_if_it_helps(base, tiny, capsys):
    assert on_cpu("calibrate", "--weights", tiny, "--data", base, "--all") == 0
    out = capsys.readouterr().out
    assert "360 points of 24 faces: factor" in out
    factor = load_net(tiny).config.scale_factor
    assert (factor != 1.0) == ("Stored in" in out)


def test_calibrate_leaves_what_fits_alone(base, tiny, capsys, monkeypatch):
    from training import calibration

    worse = calibration.Calibration(2.0, 9, 99, 0.50, 0.51, 0.04, 0.05)
    monkeypatch.setattr(calibration, "calibrate", lambda *arguments: worse)
    assert on_cpu("calibrate", "--weights", tiny, "--data", base, "--all") == 0
    assert "the factor stays at 1" in capsys.readouterr().out and load_net(tiny).config.scale_factor == 1.0


def test_calibrate_takes_the_held_out_faces_and_writes_to_a_folder_only(base, tiny, capsys):
    assert on_cpu("calibrate", "--weights", "nobody/nothing", "--data", base) == 1
    assert "name a folder of weights" in capsys.readouterr().err
    assert on_cpu("calibrate", "--weights", tiny, "--data", base) == 0
    assert "points of 24 faces" not in capsys.readouterr().out


def test_report_of_weights(base, tiny, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert on_cpu("report", "--weights", tiny, "--data", base, "--out", page) == 0
    assert capsys.readouterr().out == f"Wrote {page}\n"
    text = page.read_text()
    assert "<title>tiny-1</title>" in text and "24 faces of base" in text and "Training</h2>" not in text


def test_report_of_a_run_measures_what_it_held_out(base, tiny, capsys):
    (tiny / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tiny / "run.json").write_text(json.dumps({"data": {"paths": [[str(base), 1.0]]}}))
    assert on_cpu("report", tiny) == 0
    text = (tiny / "report.html").read_text()
    assert "Training</h2>" in text and "faces of base" in text and "24 faces of base" not in text


def test_report_of_a_run_before_its_first_epoch(tmp_path, capsys):
    (tmp_path / "metrics.jsonl").touch()
    assert on_cpu("report", tmp_path) == 0
    assert "No epoch has ended yet" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--weights", "TINY"], "Name labelled faces to measure the weights on"),
        (["nowhere"], "There is no folder “nowhere”"),
        (["BASE"], "is no run of a training"),
        (["--weights", "TINY", "--data", "BASE", "--out", "nowhere/page.html"], "Name another place with --out"),
    ],
)
def test_report_says_what_is_missing(base, tiny, capsys, arguments, sentence):
    places = {"BASE": base, "TINY": tiny}
    assert on_cpu("report", *(places.get(argument, argument) for argument in arguments)) == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("command", ["evaluate", "compare", "calibrate", "report"])
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"python -m training {command} " in capsys.readouterr().out
