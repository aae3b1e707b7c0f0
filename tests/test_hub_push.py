"""Weights onto the Hub: one whole commit on top of what they build on, or nothing."""

from __future__ import annotations

import io
import json
import shutil
import threading

import numpy as np
import pytest
from PIL import Image

import fkd.hub_push
from fkd import HubError, KeypointPredictor, WeightsError
from fkd.hub_pull import pull
from fkd.hub_push import push
from fkd.hub_versions import read_state
from fkd.model_card import sample_picture
from fkd.settle import SettlePrior, save_settle_prior
from tests.hub_standin import ADA, GRACE
from tests.nets import tiny_net
from tests.pictures import PORTRAIT_PATH

FACES = "models/ada/faces"


@pytest.fixture(autouse=True)
def quick_sample(monkeypatch):
    """A dot instead of the sample picture, which takes longer than all the rest."""
    monkeypatch.setattr(fkd.hub_push, "sample_picture", lambda folder: b"\x89PNG")


@pytest.fixture
def weights(tmp_path):
    """Writes tiny weights of a version into a folder of their own, and returns it."""

    def write(version: str = "tiny-1", seed: int = 0, **config):
        folder = tmp_path / version
        tiny_net(seed, version=version, **config).save_pretrained(folder)
        return folder

    return write


def commits(hub) -> list[str]:
    return [commit.title for commit in hub.repos[FACES].commits[1:]]


def test_a_push_makes_a_private_repository_with_one_commit_and_a_tag(hub, weights):
    folder = weights(metrics={"wild68_held_out_nme_iod": 0.05})
    pushed = push(folder, "ada/faces")
    repo = hub.repos[FACES]
    assert repo.private and commits(hub) == ["Weights tiny-1"]
    assert repo.tags == {"tiny-1": pushed.commit} and repo.head.oid == pushed.commit
    names = {"config.json", "model.safetensors", "metrics.json", "README.md", "LICENSE.md", "sample.png"}
    assert set(repo.head.files) == names | {".gitattributes"}
    for name in ("config.json", "model.safetensors"):
        assert repo.head.files[name] == (folder / name).read_bytes()
    assert json.loads(repo.head.files["metrics.json"])["metrics"] == {"wild68_held_out_nme_iod": 0.05}
    assert read_state(folder).commit == pushed.commit
    assert pushed.sentence == f"tiny-1 is on ada/faces now, commit {pushed.commit[:12]}"


def test_pushed_wiped_and_pulled_the_predictions_are_the_same_bit_for_bit(hub, weights, tmp_path, monkeypatch):
    monkeypatch.setattr(fkd.hub_push, "sample_picture", sample_picture)
    folder = weights()
    before = KeypointPredictor.from_pretrained(folder, device="cpu")(PORTRAIT_PATH)
    push(folder, "ada/faces")
    shutil.rmtree(folder)
    assert not folder.exists()
    pulled, _ = pull("ada/faces", folder=tmp_path / "back")
    after = KeypointPredictor.from_pretrained(pulled, device="cpu")(PORTRAIT_PATH)
    from_hub = KeypointPredictor.from_pretrained("ada/faces", revision="tiny-1", device="cpu")(PORTRAIT_PATH)
    assert len(before) == len(after) == len(from_hub) == 1
    for other in (after[0], from_hub[0]):
        assert (before[0].points == other.points).all() and (before[0].confidence == other.confidence).all()
    with Image.open(io.BytesIO(hub.files(FACES)["sample.png"])) as sample:
        assert sample.format == "PNG" and sample.width == 384


def test_another_name_on_the_hub(hub, weights):
    folder = weights()
    push(folder, "ada/faces", version="spring-2027")
    assert list(hub.repos[FACES].tags) == ["spring-2027"]
    assert json.loads(hub.files(FACES)["config.json"])["version"] == "spring-2027"
    assert read_state(folder).version == "spring-2027"


@pytest.mark.parametrize("name", ["a b", "../x", "a..b", "x.lock", "-x", "v~1", "a/b"])
def test_a_name_that_cannot_be_a_tag_is_refused(hub, weights, name):
    with pytest.raises(HubError, match="cannot name a version"):
        push(weights(), "ada/faces", version=name)
    assert not hub.repos


def test_the_same_weights_again_change_nothing(hub, weights, tmp_path):
    copy = shutil.copytree(weights(), tmp_path / "copy")  # remembers nothing of the Hub
    first = push(tmp_path / "tiny-1", "ada/faces")
    again = push(copy, "ada/faces")
    assert again.commit == first.commit and again.sentence == "tiny-1 is on ada/faces already"
    assert commits(hub) == ["Weights tiny-1"]


def test_a_descendant_follows_its_parent_and_its_grandparent(hub, weights):
    push(weights(), "ada/faces")
    push(weights("tiny-2", 1, parent="tiny-1"), "ada/faces")
    push(weights("tiny-4", 3, parent="tiny-3"), "ada/faces", ancestors=("tiny-3", "tiny-2"))
    assert commits(hub) == ["Weights tiny-1", "Weights tiny-2", "Weights tiny-4"]


def test_what_was_pulled_and_named_anew_follows_what_it_was_pulled_from(hub, weights, tmp_path):
    push(weights(), "ada/faces")
    folder, _ = pull("ada/faces", folder=tmp_path / "pulled")
    tiny_net(5, version="mine").save_pretrained(folder)
    push(folder, "ada/faces")
    assert commits(hub) == ["Weights tiny-1", "Weights mine"]


def test_a_push_on_top_of_somebody_elses_newer_version_is_refused_with_what_to_do(hub, weights, monkeypatch):
    mine = weights()
    push(mine, "ada/faces")
    monkeypatch.setenv("HF_TOKEN", GRACE)
    push(weights("graces-2", 7, parent="tiny-1"), "ada/faces")
    monkeypatch.setenv("HF_TOKEN", ADA)
    with pytest.raises(HubError) as refused:
        push(weights("tiny-2", 1, parent="tiny-1"), "ada/faces")
    assert "newest version on ada/faces is graces-2, by grace" in str(refused.value)
    assert "hub pull --repo ada/faces" in str(refused.value) and "--on graces-2" in str(refused.value)
    assert commits(hub) == ["Weights tiny-1", "Weights graces-2"] and "tiny-2" not in hub.repos[FACES].tags


def test_who_looked_at_it_may_follow_it_by_naming_it_and_only_it(hub, weights):
    push(weights(), "ada/faces")
    other = weights("other-1", 7)
    for wrong in ("tiny-0", "", "0"):
        with pytest.raises(HubError, match="Refused: the newest version"):
            push(other, "ada/faces", on=wrong)
    push(other, "ada/faces", on="tiny-1")
    head = hub.repos[FACES].head.oid
    push(weights("other-2", 8), "ada/faces", on=head[:12])
    assert commits(hub) == ["Weights tiny-1", "Weights other-1", "Weights other-2"]


def test_a_version_of_that_name_is_never_replaced(hub, weights, tmp_path):
    push(weights(), "ada/faces")
    tiny_net(3, version="tiny-1", parent="tiny-1").save_pretrained(tmp_path / "impostor")
    with pytest.raises(HubError, match="has another tiny-1 on the Hub already. Name this one with --as"):
        push(tmp_path / "impostor", "ada/faces", on="tiny-1")
    assert commits(hub) == ["Weights tiny-1"]


def test_a_repository_holds_weights_of_one_scheme(hub, weights):
    push(weights(), "ada/faces")
    with pytest.raises(HubError, match="holds weights for kaggle15, and these are for ibug68"):
        push(weights("tiny-68", scheme="ibug68", parent="tiny-1"), "ada/faces")


def test_weights_that_do_not_load_are_not_pushed(hub, weights):
    folder = weights()
    (folder / "model.safetensors").write_bytes(b"\x80\x04.")
    with pytest.raises(WeightsError, match="missing or damaged"):
        push(folder, "ada/faces")
    assert not hub.requests


def test_somebody_who_commits_between_the_look_and_the_commit_is_not_overwritten(hub, weights):
    push(weights(), "ada/faces")
    fault = hub.fault("POST /api/models/ada/faces/commit", hold="before")
    outcome = []

    def late():
        try:
            outcome.append(push(weights("late", 2, parent="tiny-1"), "ada/faces"))
        except HubError as error:
            outcome.append(error)

    pushing = threading.Thread(target=late)
    pushing.start()
    assert fault.reached.wait(30)
    push(weights("quick", 3, parent="tiny-1"), "ada/faces")
    fault.release.set()
    pushing.join(30)
    assert isinstance(outcome[0], HubError) and "somebody else pushed to ada/faces at the same moment" in str(
        outcome[0]
    )
    assert commits(hub) == ["Weights tiny-1", "Weights quick"] and set(hub.repos[FACES].tags) == {"tiny-1", "quick"}


def test_of_many_who_push_at_once_one_succeeds_and_the_others_are_told(hub, weights):
    push(weights(), "ada/faces")
    folders = [weights(f"rival-{n}", 10 + n, parent="tiny-1") for n in range(4)]
    outcomes = []

    def run(folder):
        try:
            outcomes.append(push(folder, "ada/faces").version)
        except HubError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=run, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (winner,) = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert commits(hub) == ["Weights tiny-1", f"Weights {winner}"] and len(outcomes) == 4
    assert json.loads(hub.files(FACES)["config.json"])["version"] == winner


@pytest.mark.parametrize("fault", [{"lost": True}, {"status": 500, "after": True}])
def test_an_answer_that_was_lost_after_the_commit_is_found_out(hub, weights, fault, monkeypatch):
    if fault.pop("after", False):  # the Hub has been seen to say 500 after it had committed
        real = fkd.hub_push.hub_api()
        monkeypatch.setattr(type(real), "create_commit", _committed_then_500(type(real).create_commit))
    else:
        hub.fault("POST /api/models/ada/faces/commit", **fault)
    pushed = push(weights(), "ada/faces")
    assert commits(hub) == ["Weights tiny-1"] and hub.repos[FACES].tags == {"tiny-1": pushed.commit}


def _committed_then_500(create_commit):
    def wrapped(self, *args, **options):
        create_commit(self, *args, **options)
        raise HubError("trouble", status=500)

    return wrapped


def test_a_push_that_lost_its_tag_is_completed_by_the_next(hub, weights):
    hub.fault("POST /api/models/ada/faces/tag", status=500)
    folder = weights()
    with pytest.raises(HubError, match="have no tag tiny-1 yet.*Push once more to add it"):
        push(folder, "ada/faces")
    assert commits(hub) == ["Weights tiny-1"] and not hub.repos[FACES].tags
    pushed = push(folder, "ada/faces")
    assert commits(hub) == ["Weights tiny-1"] and hub.repos[FACES].tags == {"tiny-1": pushed.commit}


@pytest.mark.parametrize(
    ("request_", "status", "sentence"),
    [
        ("POST /api/models/ada/faces/preupload", 403, "token does not allow this"),
        ("POST /ada/faces.git/info/lfs", 429, "too many requests"),
        ("PUT /lfs", 500, "trouble of its own"),
        ("POST /api/models/ada/faces/commit", 401, "does not accept the token"),
        ("POST /api/models/ada/faces/commit", 409, "somebody else pushed"),
        ("POST /api/models/ada/faces/commit", 412, "somebody else pushed"),
        ("POST /api/models/ada/faces/commit", 503, "trouble of its own"),
        ("POST /api/repos/create", 403, "token does not allow this"),
    ],
)
def test_a_refusal_at_any_point_leaves_the_hub_as_it_was(hub, weights, request_, status, sentence):
    hub.fault(
        request_, status=status, times=99, headers={"X-Error-Message": "Invalid credentials in Authorization header"}
    )
    with pytest.raises(HubError, match=sentence):
        push(weights(), "ada/faces")
    assert not hub.repos or not commits(hub)
    hub.faults.clear()
    assert push(weights(), "ada/faces").version == "tiny-1"


def test_no_token_gets_into_a_commit(hub, weights):
    with pytest.raises(HubError, match="config.json would hold what looks like a token"):
        push(weights(trained_on=(f"mine, fetched with {ADA}",)), "ada/faces")
    assert not commits(hub)
    push(weights("clean"), "ada/faces")
    assert not any(ADA.encode() in content for content in hub.files(FACES).values())


def test_only_who_is_logged_in_can_push(hub, weights, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match="auth login"):
        push(weights(), "ada/faces")
    monkeypatch.setenv("HF_TOKEN", GRACE)
    with pytest.raises(HubError, match="token does not allow this on ada/faces"):
        push(weights(), "ada/faces")
    assert not hub.repos


def test_the_settle_prior_goes_with_the_weights_and_comes_back(hub, weights, tmp_path):
    folder = weights()
    save_settle_prior(SettlePrior(np.eye(30)), folder)
    push(folder, "ada/faces")
    back, _ = pull("ada/faces", folder=tmp_path / "back")
    for source in (back, "ada/faces"):
        prior = KeypointPredictor.from_pretrained(source, device="cpu").settle_prior
        assert np.array_equal(prior.covariance, np.eye(30))


def test_a_settle_prior_of_another_scheme_is_not_pushed(hub, weights):
    folder = weights()
    save_settle_prior(SettlePrior(np.eye(4)), folder)
    with pytest.raises(WeightsError, match="is for 2 points, not 15"):
        push(folder, "ada/faces")
    assert not hub.requests
