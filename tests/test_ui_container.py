"""The app as in a container that comes and goes: what it is told by its environment, SIGTERM, and an empty disk."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from fkd.correction_store import CorrectionStore
from fkd.predictor import KeypointPredictor
from tests.browser.apps import free_port
from tests.hub_fixtures import environment, put_on_hub
from tests.hub_standin import ADA
from tests.nets import tiny_net
from tests.pictures import PORTRAIT_PATH
from tests.served_app import Caller

APP = Path(__file__).parent.parent / "app.py"
SETTINGS = {"FKD_HUB_WEIGHTS": "ada/faces", "FKD_HUB_CORRECTIONS": "ada/corrections", "FKD_SAVING": "open"}
SHARDS = "datasets/ada/corrections"


@pytest.fixture
def container(hub, tmp_path):
    """Starts the app on an empty disk, where the environment names the repositories; SIGTERM ends it."""
    tiny_net(version="v1").save_pretrained(tmp_path / "v1")
    put_on_hub(hub, tmp_path / "v1")
    settings = environment(hub, tmp_path / "home") | SETTINGS

    @contextmanager
    def start(disk: Path, said: list[str]):
        disk.mkdir()
        options = ["--port", str(free_port()), "--scheme", "kaggle15", "--device", "cpu"]
        process = subprocess.Popen(
            [sys.executable, str(APP), *options], cwd=disk, env=settings, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            for line in process.stdout:
                said.append(line)
                if line.startswith("Open "):
                    break
            assert process.poll() is None, "".join(said)
            yield Caller(said[-1].split()[1].rstrip("/"))
        finally:
            process.terminate()
            said += process.stdout
            process.wait()
            print("".join(said))  # for whoever looks into a failure

    return start


def predicted(caller: Caller) -> dict:
    """The portrait, as the app predicts it."""
    photo = {"path": caller.upload(PORTRAIT_PATH).json()[0], "meta": {"_type": "gradio.FileData"}}
    answer = caller.call("predict", photo, "kaggle15")
    assert answer["success"], answer
    (found,) = answer["output"]["data"]
    assert found["version"] == "v1"
    return found


def test_what_one_container_was_given_the_next_one_has(hub, container, tmp_path):
    said: list[str] = []
    with container(tmp_path / "one", said) as caller:
        found = predicted(caller)
        moved = [[x + 2.5, y] for x, y in found["faces"][0]["points"]]
        assert caller.call("save_correction", found["photo_id"], "f1", moved, "ada")["success"]
    (row,) = CorrectionStore(tmp_path / "one" / "annotations").read()
    (shard,) = [path for path in hub.files(SHARDS) if path.startswith("corrections/")]
    assert row.id.encode() in hub.files(SHARDS)[shard]  # what was saved a moment before the end
    told = "".join(said)
    assert "Serving v1, newest of ada/faces on the Hub" in told and ADA not in told and "Not pushed" not in told

    before = dict(hub.files(SHARDS))
    with container(tmp_path / "two", said) as caller:
        again = predicted(caller)
        store = CorrectionStore(tmp_path / "two" / "annotations")
        for _ in range(500):  # corrections are brought here in the background
            if rows := list(store.read()):
                break
            caller.call("versions")
        assert rows == [row] and (store.folder / row.image).is_file()
    assert again["faces"] == found["faces"] and hub.files(SHARDS) == before
    expected = KeypointPredictor.from_pretrained(tmp_path / "v1", device="cpu")(PORTRAIT_PATH)[0]
    np.testing.assert_allclose(again["faces"][0]["points"], expected.points, atol=0.01)
