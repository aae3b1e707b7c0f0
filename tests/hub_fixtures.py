"""The fixture that connects the real client of the Hub to the stand-in."""

from __future__ import annotations

import os
import time
import types
from pathlib import Path

import huggingface_hub.constants
import huggingface_hub.file_download
import huggingface_hub.utils._http
import pytest

from tests.hub_standin import ADA, HubStandIn, Repo

_RESOLVE = "/{repo_id}/resolve/{revision}/{filename}"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hub of our own, empty, where we are logged in as Ada; nothing of the real one or of this machine is used."""
    with HubStandIn() as stand_in:
        monkeypatch.setenv("HF_ENDPOINT", stand_in.url)
        monkeypatch.setenv("HF_TOKEN", ADA)
        monkeypatch.delenv("FKD_HUB_WEIGHTS", raising=False)
        monkeypatch.delenv("FKD_HUB_CORRECTIONS", raising=False)
        constants = huggingface_hub.constants
        monkeypatch.setattr(constants, "ENDPOINT", stand_in.url)  # read once by the client, for the mixin's own calls
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", stand_in.url + _RESOLVE)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        # Where the client would wait before it tries again, it tries again.
        no_waiting = types.SimpleNamespace(**vars(time) | {"sleep": lambda seconds: None})
        for module in (huggingface_hub.utils._http, huggingface_hub.file_download):
            monkeypatch.setattr(module, "time", no_waiting)
        yield stand_in


def put_on_hub(hub: HubStandIn, folder: Path, version: str = "v1", name: str = "models/ada/faces") -> Repo:
    """The weights of `folder` as one commit with a tag, as they are: nothing is checked."""
    repo = hub.repos.get(name) or hub.create(name)
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".json", ".safetensors")}
    repo.tags[version] = repo.commit(version, "ada", repo.head.files | files).oid
    return repo


def environment(stand_in: HubStandIn, home: os.PathLike[str]) -> dict[str, str]:
    """The environment of a program of its own that is to talk to the stand-in."""
    settings = {"HF_ENDPOINT": stand_in.url, "HF_TOKEN": ADA, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    path = os.pathsep.join(part for part in [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH")] if part)
    return os.environ | settings | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
