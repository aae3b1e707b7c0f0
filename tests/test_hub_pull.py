"""Weights from the Hub into a folder: whole and trusted, or not at all."""

from __future__ import annotations

import io
import pickle
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from fkd import HubError, WeightsError
from fkd.hub_pull import newest_weights, pull
from fkd.hub_versions import newer_revision, read_state
from fkd.model import load_net
from tests.hub_fixtures import put_on_hub
from tests.nets import tiny_net

WEIGHTS = "model.safetensors"


@pytest.fixture
def faces(hub, tmp_path, monkeypatch):
    """A Hub with one version of ada/faces; the current folder is empty."""
    tiny_net().save_pretrained(tmp_path / "uploaded")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return put_on_hub(hub, tmp_path / "uploaded")


def second_version(hub, tmp_path):
    tiny_net(seed=1, version="tiny-2").save_pretrained(tmp_path / "second")
    return put_on_hub(hub, tmp_path / "second", "v2")


def left() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


def test_the_newest_version_comes_into_a_folder_of_its_commit(hub, faces):
    folder, state = pull("ada/faces")
    assert folder == Path("runs/hub/ada--faces") / faces.head.oid[:12]
    assert (state.repo, state.commit, state.version) == ("ada/faces", faces.head.oid, "tiny-1")
    assert {path.name for path in folder.iterdir()} == {"config.json", WEIGHTS, ".hub.json"}
    assert (folder / WEIGHTS).read_bytes() == faces.head.files[WEIGHTS]


def test_a_second_pull_fetches_nothing(hub, faces):
    first = pull("ada/faces")
    asked = len(hub.requests)
    assert pull("ada/faces") == first
    assert hub.requests[asked:] == ["GET /api/models/ada/faces"]


def test_an_older_version_by_its_name(hub, faces, tmp_path):
    second_version(hub, tmp_path)
    folder, state = pull("ada/faces", "v1", Path("theirs"))
    assert load_net(folder).config.version == state.version == "tiny-1"


def test_a_folder_in_use_is_never_changed(hub, faces, tmp_path):
    folder, _ = pull("ada/faces", folder=Path("theirs"))
    before = (folder / WEIGHTS).read_bytes()
    second_version(hub, tmp_path)
    with pytest.raises(WeightsError, match="“theirs” is in use and holds something else"):
        pull("ada/faces", folder=Path("theirs"))
    assert (folder / WEIGHTS).read_bytes() == before


def flipped(files):
    return {WEIGHTS: files[WEIGHTS][:-1] + bytes([files[WEIGHTS][-1] ^ 1])}


def a_pickle(_):
    buffer = io.BytesIO()
    torch.save({"weight": torch.zeros(3)}, buffer)
    return {WEIGHTS: buffer.getvalue()}


def with_nan(files):
    tensors = load(files[WEIGHTS])
    tensors["heat.bias"][0] = torch.nan
    return {WEIGHTS: save(tensors)}


def of_another_shape(files):
    return {"config.json": files["config.json"].replace(b'"input_px": 64', b'"stem_width": 5, "input_px": 64')}


HOSTILE = {
    "cut short": (lambda files: {WEIGHTS: files[WEIGHTS][:1000]}, "missing or damaged"),
    "a pickle of the right name": (a_pickle, "missing or damaged"),
    "a bare pickle": (lambda _: {WEIGHTS: pickle.dumps(print)}, "missing or damaged"),
    "NaN": (with_nan, "hold NaN or infinity"),
    "an unknown scheme": (
        lambda files: {"config.json": files["config.json"].replace(b"kaggle15", b"../../etc")},
        "does not describe a fkd network",
    ),
    "a network that would fill the memory": (
        lambda files: {"config.json": files["config.json"].replace(b'"head_width": 8', b'"head_width": 90000')},
        "would fill the memory",
    ),
    "a config that is none": (lambda _: {"config.json": b"[]"}, "not a JSON object"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_cannot_be_trusted_is_refused_and_the_old_weights_stay(hub, faces, what):
    old, _ = pull("ada/faces")
    damage, message = HOSTILE[what]
    faces.commit(what, "mallory", faces.head.files | damage(faces.head.files))
    there = left()
    with pytest.raises(WeightsError, match=message):
        pull("ada/faces")
    assert left() == there
    again = newest_weights("ada/faces", "kaggle15", 30.0)
    assert again.folder == old and not again.from_hub and again.version == "tiny-1"


def test_bytes_that_do_not_have_the_hash_that_the_hub_names_are_refused(hub, faces):
    faces.lies |= flipped(faces.head.files)
    with pytest.raises(HubError, match="model.safetensors of ada/faces does not have the hash.*tampered"):
        pull("ada/faces")
    assert left() == []
    faces.lies = {"config.json": faces.head.files["config.json"].replace(b"tiny-1", b"tiny-9")}
    with pytest.raises(HubError, match=r"config.json of ada/faces does not have the hash"):
        pull("ada/faces")
    assert left() == []


def test_a_repository_with_a_pickle_only_is_refused_without_fetching_it(hub):
    hub.create("models/ada/faces").commit("x", "ada", {"config.json": b"{}", "pytorch_model.bin": b"\x80\x04."})
    with pytest.raises(WeightsError, match="lacks model.safetensors.*pytorch_model.bin, a pickle.*refused"):
        pull("ada/faces")
    assert not any("resolve" in request for request in hub.requests)


def test_nothing_but_what_is_of_use_is_fetched(hub, faces):
    extra = {"evil.pkl": b"x", "sub/config.json": b"x", ".hub.json": b"{}", "README.md": b"card"}
    faces.commit("more", "ada", faces.head.files | extra)
    folder, state = pull("ada/faces")
    assert {path.name for path in folder.iterdir()} == {"config.json", WEIGHTS, "README.md", ".hub.json"}
    assert read_state(folder) == state and state.commit == faces.head.oid


def test_weights_of_another_scheme_are_refused(hub, faces):
    with pytest.raises(WeightsError, match="are for kaggle15, not for ibug68"):
        pull("ada/faces", scheme="ibug68")
    assert left() == []


@pytest.mark.parametrize("cut_after", [0, 1, 5_000])
def test_a_connection_that_breaks_off_leaves_nothing_half(hub, faces, cut_after):
    hub.fault(f"GET /ada/faces/resolve/{faces.head.oid}/{WEIGHTS}", cut_after=cut_after, times=99)
    with pytest.raises(HubError, match="cannot be reached for ada/faces|transfer with ada/faces on the Hub failed"):
        pull("ada/faces")
    assert left() == []
    hub.faults.clear()
    assert pull("ada/faces")[1].version == "tiny-1"


def test_two_programs_may_pull_the_same_version_at_once(hub, faces):
    got = []
    threads = [threading.Thread(target=lambda: got.append(pull("ada/faces")[0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(got) == 4 and len(set(got)) == 1 and load_net(got[0]).config.version == "tiny-1"
    assert len([path for path in left() if path.endswith(WEIGHTS)]) == 1


# -- at the start of the app, and while it runs


def test_a_start_takes_the_newest_of_the_hub_and_says_so(hub, faces, tmp_path):
    second_version(hub, tmp_path)
    newest = newest_weights("ada/faces", "kaggle15", 30.0)
    assert newest.from_hub and newest.sentence == "tiny-2, newest of ada/faces on the Hub"
    assert newest.commit == faces.head.oid and load_net(newest.folder).config.version == "tiny-2"


def test_a_start_without_the_hub_takes_what_was_pulled_before(hub, faces, monkeypatch):
    pull("ada/faces")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    newest = newest_weights("ada/faces", "kaggle15", 30.0)
    assert not newest.from_hub and newest.version == "tiny-1"
    assert newest.sentence.startswith("tiny-1, pulled from ada/faces before. The Hub cannot be reached")


def test_a_start_without_the_hub_and_without_anything_says_so(hub):
    newest = newest_weights("ada/faces", "kaggle15", 30.0)
    assert newest.folder is None and newest.sentence.startswith("no weights of ada/faces. There is no ada/faces")


def test_a_hub_that_does_not_answer_is_given_up_in_time_and_the_download_goes_on(hub, faces):
    fault = hub.fault("GET /api/models/ada/faces", hold="before")
    newest = newest_weights("ada/faces", "kaggle15", 0.05)
    assert newest.folder is None and "did not give ada/faces within" in newest.sentence
    fault.release.set()
    (pulling,) = [thread for thread in threading.enumerate() if thread.name == "fkd-hub-pull"]
    pulling.join(30)
    assert len(list(Path("runs/hub/ada--faces").iterdir())) == 1


def test_damaged_weights_from_before_are_passed_over(hub, faces, tmp_path, monkeypatch):
    pull("ada/faces")
    second_version(hub, tmp_path)
    newer, _ = pull("ada/faces")
    (newer / WEIGHTS).write_bytes(b"rubbish")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    newest = newest_weights("ada/faces", "kaggle15", 30.0)
    assert newest.version == "tiny-1" and "missing or damaged" in newest.sentence


def test_a_running_app_learns_of_a_newer_version(hub, faces, tmp_path):
    running = faces.head.oid
    assert newer_revision("ada/faces", running) is None
    second_version(hub, tmp_path)
    assert newer_revision("ada/faces", running) == faces.head.oid != running
    hub.fault("GET", status=503)
    with pytest.raises(HubError, match="trouble of its own"):
        newer_revision("ada/faces", running)
