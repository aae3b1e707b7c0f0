"""Where weights come from: shipped, a folder, or the Hub."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fkd import KeypointNet, KeypointPredictor, WeightsError
from fkd.hub import read_config, shipped_names, weights_folder
from fkd.model import load_net
from tests.hub_fixtures import put_on_hub
from tests.nets import tiny_config, tiny_net


@pytest.fixture
def faces(hub, tmp_path):
    """A Hub with one repository, ada/faces, that has one version."""
    tiny_net().save_pretrained(tmp_path / "uploaded")
    return put_on_hub(hub, tmp_path / "uploaded")


def test_a_shipped_name():
    assert "ibug68" in shipped_names()
    assert {"config.json", "model.safetensors"} <= {path.name for path in weights_folder("ibug68").iterdir()}
    assert read_config(weights_folder("ibug68"))["scheme"] == "ibug68"


def test_a_folder_with_or_without_a_slash_in_its_name(tmp_path, monkeypatch, hub):
    tiny_net().save_pretrained(tmp_path / "runs" / "mine")
    monkeypatch.chdir(tmp_path)
    for source in (tmp_path / "runs" / "mine", "runs/mine"):
        assert load_net(weights_folder(source)).config == tiny_config()
    assert not hub.requests  # a folder is meant whenever one of that name exists


def test_the_home_folder_may_be_abbreviated(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine").mkdir()
    assert weights_folder("~/mine") == tmp_path / "mine"


def test_a_hub_id_is_downloaded_and_only_what_is_needed(hub, faces):
    assert load_net(weights_folder("ada/faces")).config == tiny_config()
    faces.commit("more", "ada", faces.head.files | {"huge.bin": b"x"})
    assert {path.name for path in weights_folder("ada/faces").iterdir()} == {"config.json", "model.safetensors"}


def test_the_predictor_and_the_mixin_take_a_hub_id_and_a_revision(hub, faces, tmp_path):
    tiny_net(seed=1, version="tiny-2").save_pretrained(tmp_path / "newer")
    put_on_hub(hub, tmp_path / "newer", "v2")
    assert KeypointPredictor.from_pretrained("ada/faces", device="cpu").version == "tiny-2"
    assert KeypointPredictor.from_pretrained("ada/faces", revision="v1", device="cpu").version == "tiny-1"
    from_folder, from_hub = load_net(tmp_path / "newer"), KeypointNet.from_pretrained("ada/faces", revision="v2")
    crops = torch.rand(1, 3, 64, 64) * 255
    assert torch.equal(from_folder(crops).points, from_hub(crops).points)


def test_what_was_fetched_once_is_there_without_the_hub(hub, faces):
    fetched = weights_folder("ada/faces")
    hub.fault("", times=99, status=503)
    assert weights_folder("ada/faces") == fetched


def test_a_file_that_does_not_have_its_hash_is_refused_and_fetched_anew_the_next_time(faces):
    whole = faces.head.files["model.safetensors"]
    faces.lies["model.safetensors"] = whole[:-1] + bytes([whole[-1] ^ 1])
    with pytest.raises(WeightsError, match="does not have the hash that the Hub names"):
        weights_folder("ada/faces")
    faces.lies.clear()
    assert load_net(weights_folder("ada/faces")).config == tiny_config()


def test_a_hub_id_that_cannot_be_fetched_says_why(hub):
    with pytest.raises(WeightsError, match="“ada/nothing” are no folder here.*There is no ada/nothing on the Hub"):
        weights_folder("ada/nothing")


def test_a_revision_that_is_not_there_is_named(faces):
    with pytest.raises(WeightsError, match="no such version or commit"):
        weights_folder("ada/faces", "v9")


def test_a_name_that_the_hub_refuses_is_refused_with_its_reason(hub):
    with pytest.raises(WeightsError, match="“ada/faces.git” is no repository of the Hub"):
        weights_folder("ada/faces.git")


@pytest.mark.parametrize("name", ["nothing", "/nothing/here/at/all", "a b/c", "../nothing/x"])
def test_a_name_of_nothing_lists_what_there_is(hub, name):
    with pytest.raises(WeightsError, match=r"no weights “.*Give a shipped name \(ibug68"):
        weights_folder(name)
    assert not hub.requests


def test_a_folder_without_weights_says_what_is_missing(tmp_path):
    with pytest.raises(WeightsError, match=r"lacks config.json and model.safetensors"):
        read_config(tmp_path)
    (tmp_path / "model.safetensors").touch()
    for text, message in (("{", "is not JSON"), ("[]", "is not a JSON object")):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(WeightsError, match=message):
            read_config(Path(tmp_path))
