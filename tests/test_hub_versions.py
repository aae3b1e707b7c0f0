from __future__ import annotations

from pathlib import Path

import pytest

from fkd import HubError
from fkd.hub_lineage import lineage_of, weights_to_push
from fkd.hub_versions import HubState, compare, default_repo, hub_log, read_state, write_state
from fkd.registry import Registry
from fkd.versions import Measured, Version
from tests.hub_fixtures import put_on_hub
from tests.nets import tiny_net

STATE = HubState("ada/faces", "c" * 40, "v1", "2026-11-21T10:00:00Z")


def weights(folder: Path, **config) -> Path:
    tiny_net(**config).save_pretrained(folder)
    return folder


@pytest.fixture
def faces(hub, tmp_path):
    put_on_hub(hub, weights(tmp_path / "v1", version="v1"), "v1")
    return put_on_hub(hub, weights(tmp_path / "v2", version="v2"), "v2")


def test_the_log_has_every_commit_newest_first_with_its_version(faces):
    log = hub_log("ada/faces")
    assert [(version.name, version.author) for version in log] == [("v2", "ada"), ("v1", "ada"), ("0" * 12, "system")]
    assert log[0].commit == faces.head.oid and log[0].time_utc == "2026-11-21T10:00:00Z"


def test_a_folder_remembers_where_it_stands_on_the_hub(tmp_path):
    assert read_state(tmp_path) is None
    write_state(tmp_path, STATE)
    assert read_state(tmp_path) == STATE
    for text in ("", "[]", '{"repo": "ada/faces"}'):
        (tmp_path / ".hub.json").write_text(text)
        assert read_state(tmp_path) is None


def test_the_repository_is_the_one_remembered_or_the_one_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("FKD_HUB_WEIGHTS", raising=False)
    with pytest.raises(HubError, match="Name it with --repo user/name, or in FKD_HUB_WEIGHTS"):
        default_repo(tmp_path)
    monkeypatch.setenv("FKD_HUB_WEIGHTS", "grace/faces")
    assert default_repo(tmp_path) == "grace/faces"
    write_state(tmp_path, STATE)
    assert default_repo(tmp_path) == "ada/faces"


def test_a_comparison_says_which_is_newer(faces, tmp_path):
    newest = "Newest on ada/faces is v2, by ada (2026-11-21T10:00:00Z)"
    assert compare(tmp_path / "v2", "ada/faces") == f"{newest}: that is v2 here."
    assert compare(tmp_path / "v1", "ada/faces") == f"{newest}; v1 here is 1 version older."
    assert compare(weights(tmp_path / "v3", version="v3"), "ada/faces") == f"{newest}; v3 here is not on the Hub."


# -- what the registry of versions knows


@pytest.fixture
def registry(tmp_path):
    """v1 → v2 → v3, each tuned from the one before; v1 and v2 were promoted, v1 is on the Hub."""
    registry = Registry(tmp_path / "runs")
    for number in (1, 2, 3):
        folder = weights(tmp_path / "runs" / f"v{number}", scheme="ibug68", version=f"v{number}")
        measured = (Measured(what="frozen test", faces_id="x", n=9, before=0.05, after=0.04),)
        registry.register(
            Version(version=f"v{number}", scheme="ibug68", parent=f"v{number - 1}", folder=str(folder), sha256="",
                    measured=measured, decision="passed")
        )  # fmt: skip
        if number < 3:
            registry.promote(f"v{number}", who="ada")
    write_state(tmp_path / "runs" / "v1", STATE)
    return registry


def test_what_serves_is_pushed_unless_another_is_named(registry, tmp_path):
    assert weights_to_push(registry, "ibug68", None) == tmp_path / "runs" / "v2"
    assert weights_to_push(registry, "ibug68", "v1") == tmp_path / "runs" / "v1"
    assert weights_to_push(registry, "kaggle15", None).name == "kaggle15"
    assert weights_to_push(registry, "ibug68", str(tmp_path / "runs" / "v3")) == tmp_path / "runs" / "v3"


def test_the_registry_knows_all_ancestors_and_what_was_measured(registry):
    lineage = lineage_of(registry, "v2")
    assert lineage.ancestors == ("v1", "v0") and lineage.base_repo == "ada/faces"
    assert lineage.measured[0].after == 0.04
    assert lineage_of(registry, "from elsewhere").ancestors == ()


def test_what_was_never_promoted_does_not_go_to_the_hub(registry):
    with pytest.raises(HubError, match="v3 was never promoted.*training promote v3"):
        lineage_of(registry, "v3")
