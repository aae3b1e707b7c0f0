"""The app for programs: the real gradio_client against the app on a port."""

from __future__ import annotations

import gradio_client
import numpy as np
import pytest
from PIL import Image

from fkd.ui.limits import PHOTOS, SAVES, STRANGERS, Allowance
from tests.pictures import PORTRAIT_PATH, portrait
from tests.served_app import Caller, served

PLENTY = Allowance(1000, 1000)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    photos = folder / "photos"
    photos.mkdir()
    Image.fromarray(portrait()).save(photos / "waiting.png")
    with served(folder, photos=photos, allowances=STRANGERS | {PHOTOS: PLENTY, SAVES: PLENTY}) as running:
        yield running


@pytest.fixture
def client(app, tmp_path) -> gradio_client.Client:
    return gradio_client.Client(app.url, verbose=False, download_files=tmp_path / "fetched")


@pytest.fixture
def found(client) -> dict:
    return client.predict(gradio_client.handle_file(PORTRAIT_PATH), "kaggle15", api_name="/predict")


def test_these_endpoints_are_for_programs_and_no_others(app):
    info = Caller(app.url).client.get("/gradio_api/info").json()["named_endpoints"]
    public = {name for name, endpoint in info.items() if endpoint["api_visibility"] == "public"}
    assert public == {"/predict", "/save_correction", "/next_in_queue", "/versions"}
    for name in public:
        assert "Example:" in info[name]["description"] and "client.predict(" in info[name]["description"], name


def test_versions_say_what_serves(client):
    served = {one["scheme"]: (one["serves"], one["points"]) for one in client.predict(api_name="/versions")}
    assert served["kaggle15"] == ("tiny-1", 15) and served["ibug68"][1] == 68


def test_predict_finds_what_the_predictor_finds(app, found):
    expected = app.desk.models.predictor("kaggle15")(PORTRAIT_PATH)
    assert (found["scheme"], found["version"], found["width"], found["height"]) == ("kaggle15", "tiny-1", 512, 600)
    assert len(found["faces"]) == len(expected) == 1
    np.testing.assert_allclose(found["faces"][0]["points"], expected[0].points, atol=0.01)
    np.testing.assert_allclose(found["faces"][0]["confidence"], expected[0].confidence, atol=0.001)


def test_a_correction_is_saved_with_what_moved(app, client, found):
    face = found["faces"][0]
    face["points"][3][0] += 2.5
    face["points"][4] = None
    said = client.predict(found["photo_id"], face["face_id"], face["points"], "a program", api_name="/save_correction")
    (row,) = app.store.tail(1)
    assert said.startswith("Saved face 1 with 2 points corrected") and row.annotator == "a program"
    assert row.states == tuple({3: "moved", 4: "absent"}.get(n, "untouched") for n in range(15))
    assert row.corrected_xy[3, 0] == pytest.approx(row.predicted_xy[3, 0] + 2.5, abs=0.01)
    assert np.isnan(row.corrected_xy[4]).all()


@pytest.mark.parametrize(
    "points",
    [[], [[1.0, 2.0]] * 14, [[1.0, 2.0]] * 16, [["1", "2"]] * 15, [[1.0]] * 15, [[1e9, 0.0]] * 15, [True] * 15],
)
def test_what_is_no_correction_is_refused_in_a_sentence(app, client, found, points):
    rows = len(list(app.store.read()))
    with pytest.raises(Exception, match=r"\.$"):
        client.predict(found["photo_id"], "f1", points, "", api_name="/save_correction")
    assert len(list(app.store.read())) == rows


def test_what_is_no_picture_or_no_scheme_is_refused_in_a_sentence(client, tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(Exception, match=r"text\.jpg"):
        client.predict(gradio_client.handle_file(tmp_path / "text.jpg"), "kaggle15", api_name="/predict")
    with pytest.raises(Exception, match="no keypoint scheme “wflw98”"):
        client.predict(gradio_client.handle_file(PORTRAIT_PATH), "wflw98", api_name="/predict")


def test_the_queue_hands_out_its_photos_one_at_a_time(app, client, tmp_path):
    for _ in range(500):  # it is predicted in the background
        first = client.predict("kaggle15", "ada", api_name="/next_in_queue")
        if "being predicted" not in first["message"]:
            break
    assert first["photo"], first["message"]
    face = first["photo"]["faces"][0]
    picture = first["picture"] if isinstance(first["picture"], str) else first["picture"]["path"]
    with Image.open(picture) as shown:
        assert shown.size == (first["photo"]["width"], first["photo"]["height"]) == (512, 600)
    other = gradio_client.Client(app.url, verbose=False)
    assert other.predict("kaggle15", "tim", api_name="/next_in_queue")["photo"] is None  # ada works on it
    client.predict(first["photo"]["photo_id"], face["face_id"], face["points"], "ada", api_name="/save_correction")
    after = client.predict("kaggle15", "ada", api_name="/next_in_queue")
    assert after["photo"] is None and "labelled" in after["message"]
