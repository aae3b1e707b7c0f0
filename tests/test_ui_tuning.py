"""Fine-tunes from the app, without the page: what they learn from, one at a time, the versions and what serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from fkd.correction_store import CorrectionStore
from fkd.errors import CorrectionsError, DataError, RegistryError
from fkd.ui.models import ServedModels
from fkd.ui.tuning import PACES, TuneSources, Tuning
from fkd.versions import LEARNT
from tests.drawn_data import corrected_drawings, keypoints_folder
from tests.nets import tiny_net
from tests.weights_folders import damage, registered
from training.cli import build_parser
from training.run_progress import RunProgress, read_progress


class Process:
    """A trainer that does what the test says."""

    started = running = False
    status, said, terminated = None, "", False

    def start(self, arguments):
        self.arguments, self.started, self.running, self.status = arguments, True, True, None

    def end(self, status: int, said: str = "") -> None:
        self.running, self.status, self.said = False, status, said

    def last_words(self) -> str:
        return self.said

    def terminate(self) -> None:
        self.terminated = True

    close = terminate


@pytest.fixture
def tuning(tmp_path) -> Tuning:
    """Six corrected drawings, and a tiny network that serves."""
    tiny_net().save_pretrained(tmp_path / "tiny")
    models = ServedModels(tmp_path / "tiny", device="cpu", runs=tmp_path / "runs")
    store = CorrectionStore(corrected_drawings(tmp_path / "annotations"))
    tuning = Tuning(models, store, TuneSources("kaggle15"))
    yield tuning
    tuning.close()


@pytest.fixture
def process(tuning) -> Process:
    tuning._trainer = Process()
    return tuning._trainer


def start(tuning: Tuning, **changes) -> str:
    return tuning.start(**({"scheme": "kaggle15", "pace": "quick", "who": "ada", "promote": False} | changes))


def run_of(tuning: Tuning, name: str = "run") -> RunProgress:
    """The run's folder, as the trainer makes it."""
    folder = tuning.registry.folder / name
    folder.mkdir(parents=True)
    return RunProgress(folder)


def make(tuning: Tuning, name: str, **values) -> None:
    folder = tuning.registry.folder / name
    tiny_net(version=name).save_pretrained(folder)
    registered(tuning.registry, name, scheme="kaggle15", folder=folder, parent="tiny-1", **values)


def test_from_corrections_to_a_version_that_serves_and_back(tuning):
    """With the real process."""
    assert tuning.state().phase == "idle" and tuning.about_serving("kaggle15") == "tiny-1 serves kaggle15."
    assert "has started" in start(tuning)
    assert tuning.state().going_on
    tuning._trainer._process.wait(600)  # some seconds where nothing else runs
    state = tuning.state()
    assert state.phase == "done", state.sentence
    steps = [row["step"] for row in state.rows if row["stage"] == "fine-tune"]
    assert steps == list(range(PACES["quick"].steps + 1))
    version = tuning.version(state.version)
    measured = [(row["what"], row["after"]) for row in state.rows if row["stage"] == "measured"]
    assert measured[-1] == (LEARNT, pytest.approx(version.on(LEARNT).after, abs=1e-5))
    assert (version.parent, version.who, version.decision) == ("tiny-1", "ada", "undecided")
    assert tuning.changed_most(version).is_file() and tuning.before("kaggle15") == ""

    predicted_before = tuning.models.predictor("kaggle15")
    assert f"{state.version} serves kaggle15 now" in tuning.promote(state.version, "tim", "")
    assert tuning.about_serving("kaggle15") == f"{state.version} serves kaggle15."
    assert predicted_before.version == "tiny-1" and tuning.before("kaggle15") == "tiny-1"
    assert tuning.roll_back("kaggle15", "tim", "tiny-1").startswith(f"{state.version} no longer serves kaggle15")
    assert tuning.serving("kaggle15") == "tiny-1"
    assert [row.status for row in tuning.lineage("kaggle15")] == ["origin", "rolled back"]


def test_the_process_is_told_everything(tuning, process, tmp_path):
    base, photos = keypoints_folder(tmp_path / "base", 3), tmp_path / "photos"
    tuning.sources = TuneSources("kaggle15", base=(base, base), frozen=(base,), unlabelled=photos)
    start(tuning, pace="thorough", who="--ada", promote=True)
    options = build_parser().parse_args(process.arguments)
    assert Path(options.weights) == tmp_path / "tiny" and options.corrections == tuning.store.path
    pace = PACES["thorough"]
    assert (options.steps, options.batch_size, options.share) == (pace.steps, pace.batch_size, pace.share)
    assert options.background and options.threads >= 1 and options.device == "cpu"
    assert options.base == [str(base)] * 2 and options.frozen == [str(base)] and options.unlabelled == photos
    assert (options.who, options.promote, options.runs) == ("--ada", "auto", tmp_path / "runs")
    process.end(0)
    tuning.sources = TuneSources("ibug68", base=(base,), frozen=(base,))
    start(tuning)  # data of another scheme stay out
    options = build_parser().parse_args(process.arguments)
    assert options.base == options.frozen == [] and options.unlabelled is None and options.promote == "never"


def test_a_fine_tune_starts_from_what_serves(tuning, process):
    make(tuning, "v1")
    tuning.promote("v1", "ada", "")
    start(tuning)
    assert f"--weights={tuning.registry.folder / 'v1'}" in process.arguments


def test_what_will_be_learnt_and_what_is_missing(tuning, tmp_path):
    data = tuning.preview("kaggle15")
    assert (len(data.training), len(data.held_out), len(data.merged.training)) == (5, 1, 5)
    few, no_base, no_frozen = tuning.missing("kaggle15", data)
    assert (
        few.startswith("Every fifth corrected photo is held out to measure on: 1 now.")
        and "--base" in no_base
        and "--frozen" in no_frozen
    )
    assert "a person has to judge" in no_frozen
    tuning.sources = TuneSources("kaggle15", unlabelled=tmp_path)
    _, stand_in = tuning.missing("kaggle15", data)
    assert stand_in.endswith("every fifth photo of those named with --unlabelled.")
    tuning.sources = TuneSources("kaggle15", base=(keypoints_folder(tmp_path / "base", 40),))
    data = tuning.preview("kaggle15")
    assert (len(data.replayed), len(data.frozen)) == (36, 4) and tuning.missing("kaggle15", data) == [few]


def test_without_corrections_nothing_starts(tuning, process, tmp_path):
    tuning.store = CorrectionStore(tmp_path / "empty")
    with pytest.raises(CorrectionsError, match="There are no corrections yet: open a photo"):
        start(tuning)
    with pytest.raises(CorrectionsError, match="There are no corrections yet"):
        tuning.preview("kaggle15")
    assert not process.started
    with pytest.raises(DataError, match="no way to train called “for ever”"):
        start(tuning, pace="for ever")


def test_one_fine_tune_at_a_time(tuning, process):
    start(tuning)
    first = process.arguments
    assert tuning.state().phase == "starting"
    assert start(tuning, who="tim").startswith("A fine-tune is going on already")
    progress = run_of(tuning)
    assert tuning.state().phase == "running"
    assert start(tuning, who="tim").startswith("A fine-tune is going on already")
    assert process.arguments is first
    progress.say("done", version="v1")
    assert tuning.state().phase == "done"  # though the process is about to end
    process.end(0)
    assert "has started" in start(tuning) and tuning.state().phase == "starting"


def test_a_run_that_somebody_else_started_is_followed_and_can_be_cancelled(tuning, process):
    progress = run_of(tuning)
    assert tuning.state().phase == "running" and "already" in start(tuning)
    assert tuning.cancel().startswith("The fine-tune stops at its next step")
    with pytest.raises(Exception, match="Cancelled at step 1"):
        progress.step("fine-tune", 1, 4)
    assert not process.started and not process.terminated


def test_a_cancel_before_it_has_begun_ends_the_process(tuning, process):
    assert tuning.cancel() == "There is no fine-tune to cancel."
    start(tuning)
    tuning.cancel()
    assert process.terminated
    process.end(-15)
    state = tuning.state()
    assert state.phase == "cancelled" and "before it began" in state.sentence


def test_a_process_that_fails_says_why(tuning, process):
    RunProgress.say(run_of(tuning, "old"), "done", version="v0")
    start(tuning)
    process.end(1, "The disk is full.")
    assert (tuning.state().phase, tuning.state().sentence) == ("failed", "The disk is full.")
    start(tuning)
    progress = run_of(tuning)
    progress.step("fine-tune", 1, 4)
    del progress
    process.end(1, "KeyError: 3")
    assert (tuning.state().phase, tuning.state().sentence) == ("failed", "KeyError: 3")
    assert read_progress(tuning.registry.folder / "run")[-1]["stage"] == "fine-tune"


def test_what_the_gate_refused_needs_a_reason(tuning):
    make(tuning, "v1", decision="refused")
    for reason in ("", "  "):
        with pytest.raises(RegistryError, match="Write down why"):
            tuning.promote("v1", "ada", reason)
    assert "The gate was overridden: for the beards" in tuning.promote("v1", "ada", "for the beards")
    (event,) = tuning.registry.history()
    assert (event.event, event.who, event.reason) == ("overridden", "ada", "for the beards")
    make(tuning, "v2")
    tuning.promote("v2", "ada", "")
    assert tuning.before("kaggle15") == "v1"
    with pytest.raises(RegistryError, match="no version “v3” any more"):
        tuning.promote("v3", "ada", "")


def test_a_roll_back_that_means_another_version_than_the_page_said_changes_nothing(tuning):
    for name in ("v1", "v2", "v3"):
        make(tuning, name)
        tuning.promote(name, "ada", "")
    said = tuning.before("kaggle15")
    tuning.roll_back("kaggle15", "ada", said)
    with pytest.raises(RegistryError, match="Nothing was rolled back"):
        tuning.roll_back("kaggle15", "tim", said)
    assert said == "v2" == tuning.serving("kaggle15")


def test_weights_that_are_damaged_while_they_serve_give_way_and_everything_says_so(tuning):
    for name in ("v1", "v2"):
        make(tuning, name)
        tuning.promote(name, "ada", "")
    assert tuning.serving("kaggle15") == "v2"
    damage(tuning.registry, tuning.version("v2"))
    assert tuning.about_serving("kaggle15").startswith("v1 serves kaggle15. The weights of v2 are damaged")
    assert [row.status for row in tuning.lineage("kaggle15")] == ["origin", "serves", "damaged"]
    assert tuning.before("kaggle15") == "tiny-1" and tuning.models.predictor("kaggle15").version == "v1"


def test_versions_need_a_registry(tuning):
    with pytest.raises(ValueError, match="registry"):
        Tuning(ServedModels(device="cpu"), tuning.store)
