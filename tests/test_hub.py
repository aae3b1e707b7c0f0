"""Where weights come from. Nothing here reaches the network: the Hub's client is stood in for."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

from fkd import WeightsError
from fkd.hub import read_config, shipped_names, weights_folder
from fkd.model import load_net
from tests.nets import tiny_config, tiny_net


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hub with one repository, ``ada/faces``; the list of what was asked of it."""
    asked = []
    tiny_net().save_pretrained(tmp_path / "downloaded")

    def snapshot_download(repo_id: str, **options) -> str:
        asked.append((repo_id, options))
        if repo_id != "ada/faces":
            raise LocalEntryNotFoundError("no network")
        return str(tmp_path / "downloaded")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return asked


def test_a_shipped_name():
    assert "ibug68" in shipped_names()
    assert {"config.json", "model.safetensors"} <= {path.name for path in weights_folder("ibug68").iterdir()}
    assert read_config(weights_folder("ibug68"))["scheme"] == "ibug68"


def test_a_folder_with_or_without_a_slash_in_its_name(tmp_path, monkeypatch, hub):
    tiny_net().save_pretrained(tmp_path / "runs" / "mine")
    monkeypatch.chdir(tmp_path)
    for source in (tmp_path / "runs" / "mine", "runs/mine"):
        assert load_net(weights_folder(source)).config == tiny_config()
    assert not hub  # a folder is meant whenever one of that name exists


def test_the_home_folder_may_be_abbreviated(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine").mkdir()
    assert weights_folder("~/mine") == tmp_path / "mine"


def test_a_hub_id_is_downloaded_and_only_what_is_needed(hub):
    assert load_net(weights_folder("ada/faces", "v2", token="secret")).config == tiny_config()
    ((repo_id, options),) = hub
    assert repo_id == "ada/faces" and options["revision"] == "v2" and options["token"] == "secret"
    assert set(options["allow_patterns"]) == {"config.json", "model.safetensors"}


def test_a_hub_id_that_cannot_be_fetched_says_what_to_check(hub):
    with pytest.raises(WeightsError, match="“ada/nothing” are no folder here and could not be fetched"):
        weights_folder("ada/nothing")


def test_a_name_that_the_hub_refuses_is_refused_with_its_reason(monkeypatch):
    def refuse(repo_id, **_):
        raise HFValidationError("must not end with '.git'")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(WeightsError, match="neither a folder nor a Hub id: must not end with"):
        weights_folder("ada/faces.git")


@pytest.mark.parametrize("name", ["nothing", "/nothing/here/at/all", "a b/c", "../nothing/x"])
def test_a_name_of_nothing_lists_what_there_is(hub, name):
    with pytest.raises(WeightsError, match=r"no weights “.*Give a shipped name \(ibug68"):
        weights_folder(name)
    assert not hub


def test_a_folder_without_weights_says_what_is_missing(tmp_path):
    with pytest.raises(WeightsError, match=r"lacks config.json and model.safetensors"):
        read_config(tmp_path)
    (tmp_path / "model.safetensors").touch()
    for text, message in (("{", "is not JSON"), ("[]", "is not a JSON object")):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(WeightsError, match=message):
            read_config(Path(tmp_path))
