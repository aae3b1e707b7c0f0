"""The app as in a container that comes and goes: what it is told by its environment, SIGTERM, and an empty disk."""

from __future__ import annotations

import numpy as np
import pytest

from fkd.correction_store import CorrectionStore
from fkd.predictor import KeypointPredictor
from tests.browser.apps import running_app
from tests.hub_fixtures import environment, put_on_hub
from tests.hub_standin import ADA
from tests.nets import tiny_net
from tests.pictures import PORTRAIT_PATH
from tests.served_app import Caller

SETTINGS = {"FKD_HUB_WEIGHTS": "ada/faces", "FKD_HUB_CORRECTIONS": "ada/corrections", "FKD_SAVING": "open"}


@pytest.fixture
def container(hub, monkeypatch, tmp_path):
    """Starts the app with an empty folder of its own, where the environment names the repositories."""
    tiny_net(version="v1").save_pretrained(tmp_path / "v1")
    put_on_hub(hub, tmp_path / "v1")
    for name, value in (environment(hub, tmp_path / "home") | SETTINGS).items():
        monkeypatch.setenv(name, value)

    def start(name: str):
        (tmp_path / name).mkdir()
        return running_app(tmp_path / name, "--scheme", "kaggle15")

    return start


def predicted(url: str) -> dict:
    """The portrait, as the app predicts it."""
    caller = Caller(url)
    photo = {"path": caller.upload(PORTRAIT_PATH).json()[0], "meta": {"_type": "gradio.FileData"}}
    found = caller.call("predict", photo, "kaggle15")["output"]["data"][0]
    assert found["version"] == "v1"
    return found


def test_what_one_container_was_given_the_next_one_has(hub, container, tmp_path):
    with container("one") as app:
        found = predicted(app.url)
        face = found["faces"][0]
        face["points"][3][0] += 2.5
        saved = Caller(app.url).call("save_correction", found["photo_id"], "f1", face["points"], "ada")
        assert saved["success"], saved
    # SIGTERM has ended it; what was saved a moment before is on the Hub.
    (row,) = app.store.read()
    said = app.log.read_text()
    assert "Serving v1, newest of ada/faces on the Hub" in said and ADA not in said and "Not pushed" not in said
    (shard,) = [path for path in hub.files("datasets/ada/corrections") if path.startswith("corrections/")]
    assert row.id.encode() in hub.files("datasets/ada/corrections")[shard]

    with container("two") as app:
        again = predicted(app.url)
        for _ in range(2000):  # corrections are brought here in the background
            if rows := list(CorrectionStore(tmp_path / "two" / "annotations").read()):
                break
            Caller(app.url)
        assert rows == [row] and (tmp_path / "two" / "annotations" / row.image).is_file()
    np.testing.assert_array_equal(again["faces"][0]["confidence"], found["faces"][0]["confidence"])
    expected = KeypointPredictor.from_pretrained(tmp_path / "v1", device="cpu")(PORTRAIT_PATH)[0]
    np.testing.assert_allclose(again["faces"][0]["points"], expected.points, atol=0.01)
    assert len(hub.files("datasets/ada/corrections")) == 4  # nothing was pushed twice, or over what was there
