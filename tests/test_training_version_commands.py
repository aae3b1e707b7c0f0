"""``python -m training finetune|versions|promote|rollback``: each says in a sentence what it did."""

from __future__ import annotations

import json
import os
import shlex
import signal
from pathlib import Path

import pytest

from fkd.model import load_net
from fkd.registry import Registry
from fkd.ui.models import ServedModels
from tests.drawn_data import corrected_drawings, keypoints_folder
from tests.nets import tiny_net
from tests.weights_folders import damage, registered
from training.cli import main
from training.gate import Verdict

QUICK = ["--steps", "2", "--batch-size", "4", "--device", "cpu", "--who", "ada"]


@pytest.fixture
def runs(tmp_path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def tune(tmp_path, runs) -> list[str]:
    """The arguments of a fine-tune of a tiny network by three corrected drawings."""
    tiny_net().save_pretrained(tmp_path / "tiny")
    corrections = corrected_drawings(tmp_path / "fixed", n=3)
    return [
        "finetune",
        "--weights",
        str(tmp_path / "tiny"),
        "--corrections",
        str(corrections),
        "--runs",
        str(runs),
        *QUICK,
    ]


def test_from_corrections_to_a_version_that_serves_and_back(tune, runs, tmp_path, capsys):
    assert main([*tune, "--base", str(keypoints_folder(tmp_path / "base", 24))]) == 0
    out = capsys.readouterr().out
    ((name, version),) = Registry(runs).versions().items()
    folder = runs / name
    assert "3 corrected faces to learn from" in out and "The gate cannot decide: a person has to." in out
    assert f"Registered {name}, with its weights in {folder}. Look at {folder / 'changed_most.png'}." in out
    assert f"What serves was not changed. To let it serve: python -m training promote {name}" in out
    assert load_net(folder).config.parent == "tiny-1" and version.who == "ada"

    models = ServedModels(device="cpu", runs=runs)
    shipped = models.predictor("kaggle15").version
    assert main(["promote", name, "--runs", str(runs)]) == 0
    assert capsys.readouterr().out.startswith(f"{name} serves kaggle15 now, in the place of the weights that the app")
    assert models.predictor("kaggle15").version == name
    assert main(["rollback", "--scheme", "kaggle15", "--runs", str(runs), "--reason", "worse on beards"]) == 0
    assert capsys.readouterr().out == (
        f"{name} no longer serves kaggle15: the weights that the app brings along do again.\n"
    )
    assert models.predictor("kaggle15").version == shipped
    assert [event.event for event in Registry(runs).history()] == ["promoted", "rolled_back"]


@pytest.mark.parametrize("decision", ["refused", "undecided"])
def test_the_command_that_is_printed_lets_the_version_serve(tune, tmp_path, capsys, monkeypatch, decision):
    monkeypatch.setattr("training.finetune.decide", lambda measured, config: Verdict(decision, ("So it is.",)))
    runs = tmp_path / "my runs"
    assert main([*tune, "--runs", str(runs)]) == 0
    typed = shlex.split(capsys.readouterr().out.splitlines()[-1].partition("To let it serve: ")[2])
    assert typed[:3] == ["python", "-m", "training"] and main(typed[3:]) == 0
    (event,) = Registry(runs).history()
    assert event.event == ("overridden" if decision == "refused" else "promoted")


def test_what_serves_is_what_the_next_fine_tune_starts_from(tune, runs):
    assert main(tune) == 0
    (first,) = Registry(runs).versions()
    Registry(runs).promote(first, "ada")
    weights = tune.index("--weights")
    assert main([*tune[:weights], *tune[weights + 2 :], "--scheme", "kaggle15"]) == 0
    assert Registry(runs).versions().popitem()[1].parent == first


def test_a_fine_tune_goes_where_it_is_told(tune, runs, tmp_path, capsys):
    assert main([*tune, "--out", str(tmp_path / "mine")]) == 0
    assert f"with its weights in {tmp_path / 'mine'}." in capsys.readouterr().out
    assert load_net(tmp_path / "mine").config.version == next(iter(Registry(runs).versions()))
    assert main([*tune, "--out", str(tmp_path / "mine")]) == 1
    assert "holds weights already" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_fine_tune_in_order(tune, runs, capsys, monkeypatch, number):
    def told_at_the_first_step(old, corrected, base, config, on_step, on_look):
        os.kill(os.getpid(), number)
        on_step(1, config.steps, 0.5)

    monkeypatch.setattr("training.finetune.fit_corrections", told_at_the_first_step)
    before = signal.getsignal(number)
    assert main(tune) == 1
    assert capsys.readouterr().err == (
        "training: Cancelled at step 1 of 2 (fine-tune): the old weights stay as they are.\n"
    )
    assert [event.event for event in Registry(runs).history()] == ["cancelled"] and signal.getsignal(number) == before


def test_versions_lists_the_lineage(runs, capsys):
    assert main(["versions", "--runs", str(runs)]) == 0
    assert capsys.readouterr().out == (
        "No version of ibug68 serves: the app serves the weights that it brings along.\n"
    )
    registry = Registry(runs)
    registered(registry, "v1", corrections=("c1", "c2"), error=0.0412, who="ada")
    registered(registry, "v2", parent="v1", decision="refused", reasons=("It forgot.",))
    registry.promote("v1", "ada")
    assert main(["versions", "--runs", str(runs)]) == 0
    head, shipped, first, second, serves = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["version", "parent", "corrections", "frozen"]
    assert shipped.split()[:4] == ["ibug68-shipped", "-", "0", "5.00%"]
    assert first.split()[:7] == ["v1", "ibug68-shipped", "2", "4.12%", "-", "serves", "ada"]
    assert "refused" in second and serves == "v1 serves ibug68."
    assert main(["versions", "--runs", str(runs), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["status"] for row in rows] == ["origin", "serves", "refused"] and rows[1]["frozen_error"] == 0.0412


def test_versions_tells_of_damage(runs, capsys):
    registry = Registry(runs)
    version = registered(registry, "v1")
    registry.promote("v1", "ada")
    damage(registry, version)
    assert main(["versions", "--runs", str(runs)]) == 0
    told = capsys.readouterr()
    assert "The weights of v1 are damaged" in told.err and "No version of ibug68 serves" in told.out


def test_a_reason_of_several_lines_leaves_the_table_in_one_line_a_version(runs, capsys):
    registered(Registry(runs), "v1", decision="refused")
    assert main(["promote", "v1", "--runs", str(runs), "--override", "beards\nand\thats"]) == 0
    assert "overridden: beards and hats" in capsys.readouterr().out
    with Registry(runs).path.open("a") as file:  # as it was written before
        file.write(json.dumps({"event": "promoted", "version": "v1", "scheme": "ibug68", "reason": "a\nb"}) + "\n")
    assert main(["versions", "--runs", str(runs)]) == 0
    out = capsys.readouterr().out
    assert "serves (a b)" in out and len(out.splitlines()) == 4


def test_what_the_gate_refused_needs_a_reason(runs, capsys):
    registered(Registry(runs), "v1", decision="refused", reasons=("It forgot.",))
    assert main(["promote", "v1", "--runs", str(runs)]) == 1
    assert capsys.readouterr().err.startswith("training: The gate refused v1: It forgot.")
    assert main(["promote", "v1", "--runs", str(runs), "--override", "mislabelled", "--who", "tim"]) == 0
    assert "The gate was overridden: mislabelled" in capsys.readouterr().out
    assert [(e.event, e.who) for e in Registry(runs).history()][-1] == ("overridden", "tim")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["promote", "v9"], "has no version “v9”"),
        (["rollback"], "There is nothing to roll back"),
        (["rollback", "--to", "v9"], "There is nothing to roll back"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(runs, capsys, arguments, sentence):
    assert main([*arguments, "--runs", str(runs)]) == 1
    err = capsys.readouterr().err
    assert err.startswith("training: ") and sentence in err and err.count("\n") == 1
