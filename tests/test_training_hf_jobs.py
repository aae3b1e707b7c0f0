"""A fine-tune as a Job on the stand-in Hub: what is asked for, what comes home, and what is refused."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from fkd.errors import HubError, WeightsError
from fkd.hub_pull import pull
from fkd.registry import Registry
from tests.hub_fixtures import put_on_hub
from tests.hub_jobs import RESULTS, measured
from tests.hub_standin import ADA
from tests.nets import tiny_net
from tests.weights_folders import registered
from training.cli import main
from training.hf_jobs import JobPlan, bring_home, job_script, starting_point

ARGUMENTS = ["finetune", "--on", "hf-jobs", "--flavor", "t4-small", "--corrections", "ada/corrections"]


@pytest.fixture
def runs(hub, tmp_path) -> Path:
    """The runs of this machine, where a tiny network that was pulled from the Hub is to be tuned."""
    tiny_net(version="v1").save_pretrained(tmp_path / "v1")
    put_on_hub(hub, tmp_path / "v1")
    pull("ada/faces", folder=tmp_path / "start")
    return tmp_path / "runs"


def run(runs: Path, tmp_path: Path, *more: str) -> int:
    return main([*ARGUMENTS, "--space", "ada/fkd", "--weights", str(tmp_path / "start"), "--runs", str(runs), *more])


def test_the_result_comes_home_to_the_gate_and_serves_if_that_was_asked_for(hub, job, runs, tmp_path, capsys):
    assert run(runs, tmp_path, "--who", "ada", "--promote", "auto") == 0
    registry = Registry(runs)
    (version,) = registry.versions().values()
    assert (version.version, version.decision, version.who) == ("kaggle15-new", "passed", "ada")
    assert registry.serving("kaggle15").version == version
    folder = registry.weights_of(version)
    assert folder == runs / "kaggle15-new" and not (folder / "evil.pkl").exists()
    assert [path.name for path in runs.iterdir() if path.name.startswith(".job")] == []
    said = capsys.readouterr().out
    assert "Job job0 is on its way on t4-small" in said and said.index("fine-tune 1/2") < said.index("fine-tune 2/2")
    assert "The gate lets it pass" in said and ADA not in said


def test_the_gate_decides_here_and_not_in_the_job(hub, job, runs, tmp_path, capsys):
    def left(folder: Path) -> None:
        tiny_net(seed=1, version="worse").save_pretrained(folder / "worse")
        registered(
            Registry(folder), "worse", scheme="kaggle15", folder=folder / "worse", measured=measured(0.09),
            decision="passed",
        )  # fmt: skip

    job.left = left
    assert run(runs, tmp_path, "--promote", "auto") == 0
    (version,) = Registry(runs).versions().values()
    assert version.decision == "refused" and Registry(runs).serving("kaggle15").version is None
    assert "What serves was not changed" in capsys.readouterr().out


def test_the_job_gets_what_the_command_names(hub, job, runs, tmp_path):
    assert run(runs, tmp_path, "--base", "ada/wild", "ada/more", "--frozen", "ada/test", "--steps", "7") == 0
    spec = job.jobs["job0"].spec
    mounts = {volume["mountPath"]: (volume["type"], volume["source"]) for volume in spec["volumes"]}
    assert mounts == {
        "/fkd": ("space", "ada/fkd"), "/weights": ("model", "ada/faces"), "/base/0/wild": ("dataset", "ada/wild"),
        "/base/1/more": ("dataset", "ada/more"), "/frozen/0/test": ("dataset", "ada/test"),
    }  # fmt: skip
    pinned = [volume.get("revision") for volume in spec["volumes"] if volume["type"] == "model"]
    assert pinned == [hub.repos["models/ada/faces"].head.oid]
    assert spec["flavor"] == "t4-small" and spec["timeoutSeconds"] == 7200 and spec["secrets"] == {"HF_TOKEN": ADA}
    assert ADA not in json.dumps(spec["command"]) + json.dumps(spec["environment"])
    script = spec["command"][2]
    assert "--base /base/0/wild /base/1/more --frozen /frozen/0/test" in script and "--steps=7" in script
    assert hub.repos[RESULTS].private


def test_the_command_of_the_job_is_one_that_this_program_takes(tmp_path):
    plan = JobPlan("t4-small", "ada/fkd", "ibug68", "", "ada/c", (), (), "ada/r", options=("--steps=7", "--lr=0.001"))
    lines = job_script(plan, "label", "ada; rm -rf /").splitlines()
    tune = next(shlex.split(line) for line in lines if "finetune" in line)
    from training.cli import build_parser

    options = build_parser().parse_args(tune[3:])
    assert (options.weights, options.steps, options.lr, options.who) == ("ibug68", 7, 0.001, "ada; rm -rf /")
    assert lines[0] == "set -e" and lines[-1] == "hf upload ada/r /tmp/runs label"


@pytest.mark.parametrize(
    ("status", "words"), [(402, "there is no credit left"), (403, "may not start Jobs"), (401, "may not start Jobs")]
)
def test_without_credit_or_permission_it_says_so(hub, job, runs, tmp_path, capsys, status, words):
    hub.fault("POST /api/jobs/ada", status=status)
    assert run(runs, tmp_path) == 1
    assert words in capsys.readouterr().err and not job.jobs and Registry(runs).versions() == {}


def test_a_job_that_fails_changes_nothing_here(hub, job, runs, tmp_path, capsys):
    job.job_stage, job.left = "ERROR", lambda folder: None
    assert run(runs, tmp_path) == 1
    said = capsys.readouterr()
    assert "The job ended as ERROR: it went wrong" in said.err and "fine-tune 2/2" in said.out
    assert Registry(runs).versions() == {}


def test_ctrl_c_cancels_the_job(hub, job, runs, tmp_path, monkeypatch):
    import training.hf_jobs

    monkeypatch.setattr(training.hf_jobs, "without_tokens", lambda line: exec("raise KeyboardInterrupt"))
    assert run(runs, tmp_path) == 130
    assert job.jobs["job0"].stage == "CANCELED" and Registry(runs).versions() == {}


def test_weights_that_are_not_those_that_the_job_registered_are_refused(hub, job, runs, tmp_path, capsys):
    honest = job.left

    def left(folder: Path) -> None:
        honest(folder)
        tiny_net(seed=2, version="kaggle15-new").save_pretrained(folder / "kaggle15-new")

    job.left = left
    assert run(runs, tmp_path) == 1
    assert "are not those that the job registered" in capsys.readouterr().err
    assert Registry(runs).versions() == {} and not (runs / "kaggle15-new").exists()


def test_a_version_with_a_path_for_a_name_is_refused(hub, job, runs, tmp_path):
    def left(folder: Path) -> None:
        tiny_net(seed=1, version="x").save_pretrained(folder / "x")
        registered(Registry(folder), "../../evil", scheme="kaggle15", folder=folder / "x")

    hub.create(RESULTS)
    job.left = left
    job.job_work({"labels": {"fkd": "label"}})
    with pytest.raises(HubError, match="left no version"):
        bring_home("ada/fkd-candidates", "label", Registry(runs), "kaggle15", "ada")
    assert not any(path.name == "evil" for path in tmp_path.rglob("*"))


def test_weights_of_another_scheme_are_refused(hub, job, runs):
    hub.create(RESULTS)
    job.job_work({"labels": {"fkd": "label"}})
    with pytest.raises(WeightsError, match="for kaggle15, not for ibug68"):
        bring_home("ada/fkd-candidates", "label", Registry(runs), "ibug68", "ada")


def test_where_a_job_finds_weights(hub, runs, tmp_path):
    head = hub.repos["models/ada/faces"].head.oid
    assert starting_point("ibug68") == ("ibug68", "")
    assert starting_point("ada/faces") == starting_point(tmp_path / "start") == ("ada/faces", head)
    with pytest.raises(HubError, match="on this machine only. Push it first"):
        starting_point(tmp_path / "v1")


def test_what_a_job_cannot_see_is_refused_before_it_starts(hub, runs, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert main([*ARGUMENTS, "--runs", str(runs)]) == 1
    assert "name the Space that has it with --space" in capsys.readouterr().err
    assert run(runs, tmp_path, "--unlabelled", "photos") == 1
    assert run(runs, tmp_path, "--base", "/home/ada/wild68") == 1
    assert not hub.services.jobs
