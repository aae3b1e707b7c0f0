"""The page's button sends a fine-tune to the Hub, where that was set up."""

from __future__ import annotations

import pytest

from fkd.correction_store import CorrectionStore
from fkd.errors import HubError
from fkd.hub_corrections import CorrectionSync
from fkd.hub_pull import pull
from fkd.ui.away import jobs_away
from fkd.ui.models import ServedModels
from fkd.ui.tune_views import progress
from fkd.ui.tuning import PACES, TuneSources, Tuning
from tests.drawn_data import corrected_drawings
from tests.hub_fixtures import environment, put_on_hub
from tests.hub_standin import ADA, HubStandIn
from tests.nets import tiny_net

SETTINGS = {"FKD_JOBS_FLAVOR": "t4-small", "SPACE_ID": "ada/fkd", "FKD_JOBS_BASE": "ada/wild ada/more"}


@pytest.fixture
def in_a_space(hub: HubStandIn, monkeypatch, tmp_path) -> HubStandIn:
    """The environment of a Space that sends its fine-tunes away; programs that are started here talk to `hub` too."""
    for name, value in (environment(hub, tmp_path / "home") | SETTINGS).items():
        monkeypatch.setenv(name, value)
    return hub


@pytest.fixture
def sync(tmp_path) -> CorrectionSync:
    corrected_drawings(tmp_path / "annotations")
    return CorrectionSync(tmp_path / "annotations", "ada/corrections")


def tuning_of(weights, sync: CorrectionSync, tmp_path) -> Tuning:
    models = ServedModels(weights, device="cpu", runs=tmp_path / "runs")
    return Tuning(models, CorrectionStore(sync.folder), TuneSources("kaggle15"), jobs_away(sync))


@pytest.fixture
def tuning(in_a_space, sync, tmp_path) -> Tuning:
    """What serves came from the Hub."""
    tiny_net(version="v1").save_pretrained(tmp_path / "v1")
    put_on_hub(in_a_space, tmp_path / "v1")
    folder, _ = pull("ada/faces", root=tmp_path / "pulled")
    tuning = tuning_of(folder, sync, tmp_path)
    yield tuning
    tuning.close()


def test_where_nothing_is_set_up_fine_tunes_run_here(sync, monkeypatch):
    monkeypatch.delenv("FKD_JOBS_FLAVOR", raising=False)
    assert jobs_away(sync) is None


@pytest.mark.parametrize("missing", ["SPACE_ID", "corrections"])
def test_what_a_job_needs_is_asked_for_at_the_start(in_a_space, sync, monkeypatch, missing):
    monkeypatch.delenv("FKD_JOBS_SPACE", raising=False)
    monkeypatch.delenv(missing, raising=False)
    with pytest.raises(HubError, match="FKD_JOBS_SPACE .* FKD_HUB_CORRECTIONS"):
        jobs_away(None if missing == "corrections" else sync)


def test_whoever_is_to_press_the_button_reads_that_it_is_paid_for(tuning):
    sentences = tuning.missing("kaggle15", tuning.preview("kaggle15"))
    assert sentences[0] == "It runs as a Job on the Hugging Face Hub (t4-small), which is paid for in advance."
    assert not any("--base" in sentence for sentence in sentences)


def test_weights_that_a_job_cannot_see_stop_it_before_it_starts(in_a_space, sync, tmp_path):
    tiny_net(version="local").save_pretrained(tmp_path / "local")
    tuning = tuning_of(tmp_path / "local", sync, tmp_path)
    with pytest.raises(HubError, match="on this machine only. Push it first"):
        tuning.start("kaggle15", "quick", "ada", promote=False)
    assert tuning.state().phase == "idle" and not in_a_space.services.jobs


def test_the_button_starts_a_job_and_its_result_comes_home_to_the_gate(tuning, in_a_space, job, tmp_path):
    assert tuning.start("kaggle15", "quick", "ada", promote=True).startswith("The fine-tune has started")
    assert any(path.startswith("corrections/") for path in in_a_space.files("datasets/ada/corrections"))
    tuning._trainer._process.wait(120)
    assert tuning.state().phase == "done", tuning._trainer.log()
    assert (tuning.state().version, tuning.version("kaggle15-new").who) == ("kaggle15-new", "ada")
    assert tuning.models.predictor("kaggle15").version == "kaggle15-new"  # passed, and serves at once
    (spec,) = (one.spec for one in job.jobs.values())
    assert spec["flavor"] == "t4-small"
    assert [volume["source"] for volume in spec["volumes"]] == ["ada/fkd", "ada/faces", "ada/wild", "ada/more"]
    script = spec["command"][2]
    assert str(tmp_path) not in script and f"--steps={PACES['quick'].steps}" in script and "ada/corrections" in script
    printed = "\n".join(tuning._trainer._lines())
    assert "fine-tune 1/2" in printed and ADA not in printed


def test_the_log_of_the_job_is_on_the_page_and_cancelling_ends_the_job(tuning, in_a_space, job):
    held = in_a_space.fault("/logs", hold="before")
    tuning.start("kaggle15", "quick", "ada", promote=False)
    assert held.reached.wait(120), tuning._trainer.log()
    state = tuning.state()
    assert state.phase == "starting" and "Job job0 is on its way on t4-small" in progress(state)
    tuning.cancel()
    held.release.set()
    tuning._trainer._process.wait(60)
    assert tuning.state().phase == "cancelled", tuning._trainer.log()
    assert job.jobs["job0"].stage == "CANCELED" and tuning.registry.versions() == {}


def test_without_credit_the_page_says_so(tuning, in_a_space, job):
    in_a_space.fault("POST /api/jobs/ada", status=402)
    tuning.start("kaggle15", "quick", "ada", promote=False)
    tuning._trainer._process.wait(120)
    state = tuning.state()
    assert state.phase == "failed" and "there is no credit left" in state.sentence
