"""An app that lives with the Hub: which weights it starts with, what it picks up while it runs, what it tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from fkd.errors import HubError
from fkd.hub_corrections import CorrectionSync
from fkd.hub_pull import pull
from fkd.registry import Registry
from fkd.ui.hub_sync import HubSync
from fkd.ui.models import ServedModels
from tests.hub_fixtures import put_on_hub
from tests.hub_rows import save
from tests.nets import tiny_net
from tests.weights_folders import registered

REPO = "ada/faces"


@pytest.fixture
def models(tmp_path) -> ServedModels:
    return ServedModels(device="cpu", runs=tmp_path / "runs")


def made(folder: Path, version: str, **config) -> Path:
    tiny_net(seed=len(version) + ord(version[-1]), version=version, **config).save_pretrained(folder)
    return folder


def promoted(models: ServedModels, version: str, parent: str) -> None:
    registry: Registry = models.registry
    folder = made(registry.folder / version, version, parent=parent)
    registered(registry, version, scheme="kaggle15", folder=folder, parent=parent)
    registry.promote(version, "ada")


def serving(models: ServedModels) -> str:
    return models.predictor("kaggle15").version


def test_the_newest_of_the_hub_serves_and_the_app_says_so(hub, models, tmp_path):
    put_on_hub(hub, made(tmp_path / "v1", "v1"), "v1")
    said = HubSync(models, "kaggle15", REPO).serve_newest()
    assert said == "v1, newest of ada/faces on the Hub" and serving(models) == "v1"
    promoted(models, "mine", parent="v1")
    assert serving(models) == "mine"  # what happens after the start counts


def test_what_was_promoted_here_and_made_from_the_newest_stays(hub, models, tmp_path):
    put_on_hub(hub, made(tmp_path / "v1", "v1"), "v1")
    promoted(models, "v2", parent="v1")
    said = HubSync(models, "kaggle15", REPO).serve_newest()
    assert serving(models) == "v2" and said.startswith("v2, promoted here and not older than v1")


def test_what_was_promoted_here_from_something_else_yields_to_the_hub(hub, models, tmp_path):
    put_on_hub(hub, made(tmp_path / "v1", "v1"), "v1")
    promoted(models, "other", parent="elsewhere")
    HubSync(models, "kaggle15", REPO).serve_newest()
    assert serving(models) == "v1"


def test_without_the_hub_what_was_pulled_before_serves(hub, models, tmp_path):
    put_on_hub(hub, made(tmp_path / "v1", "v1"), "v1")
    pull(REPO, root=models.registry.folder / "hub")
    hub.fault("/api/models", times=100, status=503)
    said = HubSync(models, "kaggle15", REPO).serve_newest()
    assert serving(models) == "v1" and "pulled from ada/faces before" in said and "trouble of its own" in said


def test_without_the_hub_and_anything_pulled_the_newest_local_or_the_shipped_serves(hub, models):
    hub.fault("/api/models", times=100, status=503)
    sync = HubSync(models, "kaggle15", REPO)
    shipped = sync.serve_newest()
    assert shipped.startswith("kaggle15-") and "from this machine" in shipped and "trouble of its own" in shipped
    promoted(models, "local", parent="x")
    assert HubSync(models, "kaggle15", REPO).serve_newest().startswith("local, from this machine")


def test_a_hub_that_says_nothing_does_not_hold_up_the_start(hub, models, tmp_path):
    put_on_hub(hub, made(tmp_path / "v1", "v1"), "v1")
    fault = hub.fault("/api/models", hold="before")
    said = HubSync(models, "kaggle15", REPO).serve_newest(timeout_s=0.2)
    fault.release.set()
    assert "did not give ada/faces within" in said and serving(models).startswith("kaggle15-")


def test_a_newer_version_is_picked_up_while_it_runs(hub, models, tmp_path):
    put_on_hub(hub, made(tmp_path / "v1", "v1"), "v1")
    sync = HubSync(models, "kaggle15", REPO)
    sync.serve_newest()
    first = models.predictor("kaggle15")
    sync.look()
    assert models.predictor("kaggle15") is first
    put_on_hub(hub, made(tmp_path / "v2", "v2"), "v2")
    sync.look()
    assert serving(models) == "v2" and sync.status() == ["Weights: v2, newest of ada/faces on the Hub."]


def test_what_is_promoted_or_rolled_back_while_it_runs_is_told(hub, models, tmp_path):
    put_on_hub(hub, made(tmp_path / "v1", "v1"), "v1")
    sync = HubSync(models, "kaggle15", REPO)
    sync.serve_newest()
    promoted(models, "v2", parent="v1")
    assert sync.status() == ["Weights: v2, chosen here; owners can push it to ada/faces."]
    assert sync.push().startswith("v2 is on ada/faces now")
    assert sync.status() == ["Weights: v2, newest of ada/faces on the Hub."]
    assert [version.name for version in sync.log()] == ["v2", "v1", "0" * 12]


def test_a_child_of_what_somebody_pushes_serves_on(hub, models, tmp_path):
    put_on_hub(hub, made(tmp_path / "v1", "v1"), "v1")
    sync = HubSync(models, "kaggle15", REPO)
    sync.serve_newest()
    promoted(models, "v2", parent="v1")
    promoted(models, "v3", parent="v2")
    put_on_hub(hub, models.registry.folder / "v2", "v2")
    assert sync.look() == "v3, promoted here and not older than v2, newest of ada/faces on the Hub."
    assert serving(models) == "v3"


def test_the_poll_looks_by_itself(hub, models, tmp_path):
    put_on_hub(hub, made(tmp_path / "v1", "v1"), "v1")
    sync = HubSync(models, "kaggle15", REPO, poll_s=0.01)
    looked = hub.fault("/api/models/ada/faces", hold="after")
    with sync:
        assert looked.reached.wait(20)
        looked.release.set()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda repo, files: files.update({"model.safetensors": b"no weights"}), "damaged"),
        (lambda repo, files: files.pop("model.safetensors") and files.update({"model.bin": b"\x80"}), "a pickle"),
        (lambda repo, files: files.update({"config.json": b"[]"}), "refused"),
    ],
)
def test_newer_weights_that_cannot_be_trusted_are_refused_once(hub, models, tmp_path, damage, words):
    repo = put_on_hub(hub, made(tmp_path / "v1", "v1"), "v1")
    sync = HubSync(models, "kaggle15", REPO)
    sync.serve_newest()
    files = dict(repo.head.files)
    damage(repo, files)
    repo.commit("v2", "mallory", files)
    sync.look()
    said = " ".join(sync.status())
    assert serving(models) == "v1" and "were refused, and the old ones serve on" in said and words in said
    asked = len(hub.requests)
    sync.look()
    assert len(hub.requests) == asked + 1 and "refused" in " ".join(sync.status())  # told on, not fetched again


def test_weights_of_another_scheme_are_refused(hub, models, tmp_path):
    put_on_hub(hub, made(tmp_path / "v1", "v1", scheme="ibug68"), "v1")
    said = HubSync(models, "kaggle15", REPO).serve_newest()
    assert "for ibug68, not for kaggle15" in said and serving(models).startswith("kaggle15-")


def test_a_hub_that_is_away_for_a_while_is_told_of_and_asked_again(hub, models, tmp_path):
    put_on_hub(hub, made(tmp_path / "v1", "v1"), "v1")
    sync = HubSync(models, "kaggle15", REPO)
    sync.serve_newest()
    put_on_hub(hub, made(tmp_path / "v2", "v2"), "v2")
    hub.fault("/api/models", times=6, status=503)
    sync.look()
    assert serving(models) == "v1" and "trouble of its own" in " ".join(sync.status())
    hub.faults.clear()
    sync.look()
    assert serving(models) == "v2" and "trouble" not in " ".join(sync.status())


def test_an_owner_pushes_what_serves(hub, models):
    sync = HubSync(models, "kaggle15", REPO)
    promoted(models, "v2", parent="v1")
    assert sync.push().startswith("v2 is on ada/faces now")
    assert hub.repos["models/ada/faces"].tags["v2"] == hub.repos["models/ada/faces"].head.oid
    asked = len(hub.requests)
    sync.look()  # one's own push is nothing new
    assert len(hub.requests) == asked + 1 and serving(models) == "v2"


def test_without_a_repository_there_is_nothing_to_push_to(models):
    with pytest.raises(HubError, match="FKD_HUB_WEIGHTS=user/name"):
        HubSync(models, "kaggle15").push()


def test_rows_that_are_not_pushed_yet_are_told_and_pushed_at_the_end(hub, models, tmp_path):
    annotations = tmp_path / "annotations"
    sync = HubSync(models, "kaggle15", corrections=CorrectionSync(annotations, "ada/corrections", 3600.0))
    with sync:
        save(annotations, "1" * 32)
        assert sync.status() == ["1 correction is not on ada/corrections yet."]
        count, row = sync.waiting()
        assert count.endswith("not on ada/corrections yet:") and "1" * 32 in row and "a face of images/" in row
    assert any(path.startswith("corrections/") for path in hub.files("datasets/ada/corrections"))
    assert sync.waiting() == []


def test_an_app_without_the_hub_has_nothing_to_tell(models):
    with HubSync(models, "kaggle15") as sync:
        assert sync.serve_newest().endswith(", from this machine") and sync.status() == []
