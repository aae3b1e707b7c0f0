"""The app over HTTP, as an annotator who came by a link and tries to reach what is not theirs."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import quote

import pytest

from fkd.ui.door import LINK_COOKIE, OWNER_COOKIE
from fkd.ui.limits import PHOTOS, SAVES, STRANGERS, UPLOADED_BYTES, Allowance
from fkd.ui.photos import OpenPhotos
from fkd.ui.rights import Right, Rules
from tests.pictures import PORTRAIT_PATH
from tests.served_app import Caller, served

KEY, PASSWORD = "k3y-of-the-link", "the owner's secret"
OWNERS = set(Right) - {Right.LOOK, Right.PREDICT, Right.FOLLOW, Right.SAVE}
PLENTY = Allowance(1000, 1000)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    rules = Rules(saving="link", public=True, owner_password=PASSWORD, link_key=KEY)
    allowances = STRANGERS | {PHOTOS: PLENTY, SAVES: PLENTY}
    with served(tmp_path_factory.mktemp("app"), rules, allowances=allowances) as running:
        yield running


@pytest.fixture
def stranger(app) -> Caller:
    return Caller(app.url, name=f"stranger-{time.monotonic_ns()}")


@pytest.fixture
def annotator(app, stranger) -> Caller:
    stranger.client.get(f"/?key={KEY}")
    return stranger


@pytest.fixture
def owner(app) -> Caller:
    caller = Caller(app.url, name=f"owner-{time.monotonic_ns()}")
    assert caller.client.post("/fkd-owner", data={"password": PASSWORD}).status_code == 303
    return caller


def posted(path: str) -> dict:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def open_portrait(caller: Caller) -> dict:
    """The portrait as `caller` got it from the API."""
    path = caller.upload(PORTRAIT_PATH).json()[0]
    return caller.call("predict", posted(path), "kaggle15")["output"]["data"][0]


def save(caller: Caller, found: dict, annotator: str = "") -> dict:
    face = found["faces"][0]
    face["points"][0][0] += 5.0
    return caller.call("save_correction", found["photo_id"], face["face_id"], face["points"], annotator)


def test_every_event_that_runs_here_asks_for_a_right(app):
    events = {number: event for number, event in app.page.fns.items() if event.fn is not None}
    without = [event.name for event in events.values() if not isinstance(getattr(event.fn, "right", None), Right)]
    assert without == ["load_example"] and len(events) > 20  # Gradio's own: it hands out the example


def test_no_event_of_an_owner_answers_to_an_annotator(app, annotator):
    tried = 0
    for number, event in app.page.fns.items():
        if getattr(event.fn, "right", None) in OWNERS:
            answer = annotator.call(number)
            assert not answer["success"] and "Only an owner of this app may" in str(answer), event.name
            tried += 1
    assert tried > 12


def test_annotators_save_and_strangers_do_not(app, annotator):
    found = open_portrait(annotator)
    said = save(annotator, found)["output"]["data"][0]
    assert "Saved face 1" in said and str(app.folder) not in said  # where it is kept is not theirs to know
    rows = len(list(app.store.read()))
    plain = Caller(app.url, name="plain")
    refused = save(plain, found)
    assert not refused["success"] and "Saving needs the link for annotators" in str(refused)
    assert len(list(app.store.read())) == rows


def test_the_key_is_taken_out_of_the_address(app, stranger):
    answer = stranger.client.get(f"/?__theme=dark&key={KEY}")
    assert (answer.status_code, answer.headers["location"]) == (303, "./?__theme=dark")
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(f"{LINK_COOKIE}={KEY}") and "httponly" in cookie and "samesite=lax" in cookie


def test_a_wrong_key_or_password_opens_nothing(app, stranger):
    stranger.client.get("/?key=guessed")
    assert not save(stranger, open_portrait(stranger))["success"]
    for password in ("guessed", "", "x" * 10_000):
        answer = stranger.client.post("/fkd-owner", data={"password": password})
        assert answer.status_code in (403, 413) and OWNER_COOKIE not in answer.headers.get("set-cookie", "")


def test_an_owner_sees_what_others_saved_and_an_annotator_does_not(app, annotator, owner):
    save(annotator, open_portrait(annotator), "tim-the-annotator")
    assert "tim-the-annotator" in str(owner.call("see_latest"))
    hidden = annotator.call("see_latest")
    assert hidden["success"] and "tim-the-annotator" not in str(hidden)
    assert owner.call("csv_snapshot")["success"] and not annotator.call("csv_snapshot")["success"]


def test_no_file_of_the_app_is_served(app, annotator):
    found = open_portrait(annotator)
    save(annotator, found)
    kept = next((app.folder / "annotations" / "images").iterdir())
    (opened,) = [photo.original for photo in open_photos(app.desk.photos) if photo.doc_id == found["photo_id"]]
    files = [
        app.store.path, kept, opened, app.folder / "weights" / "model.safetensors", Path(__file__),
        Path("/etc/passwd"), Path("/proc/self/environ"), Path("app.py").resolve(),
    ]  # fmt: skip
    cache = Path(annotator.upload(PORTRAIT_PATH).json()[0]).parent
    for file in files:
        assert file.is_file()
        for path in (str(file), f"{cache}/{'../' * 20}{file}", str(file.relative_to("/"))):
            for written in (path, quote(path, safe=""), quote(path, safe="").replace(".", "%2e")):
                for address in (f"/gradio_api/file={written}", f"/file={written}", f"/static/{written}"):
                    answer = annotator.client.get(address)
                    assert answer.status_code in (403, 404), address


def open_photos(photos: OpenPhotos) -> list:
    return list(photos._photos.values())


def test_a_strangers_camera_is_not_served(app, annotator):
    blocks = app.page.blocks.values()
    servers = {name for block in blocks for name in vars(block) if hasattr(vars(block)[name], "_is_server_fn")}
    assert servers == {"live_frame"}  # the only function that a browser reaches without an event
    components = annotator.client.get("/config").json()["components"]
    (camera,) = [one["id"] for one in components if one["props"].get("elem_id") == "fkd-camera"]
    frame = {"session": "s", "time_s": 0.0, "jpeg": ""}
    wanted = {"session_hash": "x", "component_id": camera, "fn_name": "live_frame", "data": frame}
    answer = annotator.client.post("/gradio_api/component_server", json=wanted)
    assert "Only an owner of this app may" in answer.text and "faces" not in answer.json()


def test_what_else_gradio_has_is_shut(app, annotator):
    for address in ("/monitoring", "/monitoring/summary", "/gradio_api/runs", "/gradio_api/run-history/records"):
        assert annotator.client.get(address).status_code >= 400, address
    inside = f"/gradio_api/proxy={app.url}/config"
    for address in (inside, "/gradio_api/vibe-code/", "/gradio_api/file=app.py"):
        assert annotator.client.get(address).status_code >= 400, address
    for address in ("/gradio_api/vibe-edit", "/gradio_api/dev/reload", "/gradio_api/run/csv_snapshot"):
        assert annotator.client.post(address, json={"data": []}).status_code >= 400, address


def test_the_app_fetches_no_address_inside_its_own_network(app, annotator):
    assert annotator.client.get(f"/gradio_api/file={app.url}/config").status_code >= 400
    assert not annotator.call("predict", posted(f"{app.url}/config"), "kaggle15")["success"]


def test_the_app_fetches_no_address_for_a_stranger(app, annotator):
    for path in ("https://example.com/huge.jpg", "HTTP://example.com/huge.jpg", " https://example.com/huge.jpg"):
        refused = annotator.call("predict", posted(path), "kaggle15")
        assert refused["status"] == 403 and "Upload the photo" in refused["output"], path
        refused = annotator.call("add", [[posted(path)]], "kaggle15", "", "")
        assert refused["status"] == 403, path
    deep = annotator.client.post("/gradio_api/queue/join", content=b"[" * 200_000 + b"]" * 200_000)
    assert deep.status_code == 403


def test_an_event_that_is_larger_than_any_is_refused(app):
    caller = Caller(app.url, headers={"X-Forwarded-For": "8.8.5.5"})
    assert caller.call("predict", "x" * 25_000_000, "kaggle15")["status"] == 413
    unknown = caller.client.post("/gradio_api/queue/join", content=iter([b"{}"]))  # of no known length
    assert unknown.status_code == 411


def test_a_picture_that_was_not_uploaded_is_not_opened(app, annotator):
    save(annotator, open_portrait(annotator))
    kept = str(next((app.folder / "annotations" / "images").iterdir()))
    for photo in (posted(kept), {"path": kept}, {"path": kept, "url": kept}, kept, {"path": None}, {}, None):
        for event, data in (("predict", (photo, "kaggle15")), ("open_photo", (photo, "kaggle15"))):
            answer = annotator.call(event, *data)
            assert "photo_id" not in str(answer) and "doc_id" not in str(answer), (event, photo)


def test_a_file_that_was_not_uploaded_does_not_get_into_the_queue(app, annotator):
    save(annotator, open_portrait(annotator))
    kept = str(next((app.folder / "annotations" / "images").iterdir()))
    for file in (posted(kept), {"path": kept}, {"path": kept, "url": kept, "orig_name": "x.jpg"}, kept):
        for files in ([file], file):
            answer = annotator.call("add", files, "kaggle15", "", "")
            assert "1 photo was added" not in str(answer), file


def test_nobody_saves_to_a_photo_by_guessing_its_id(app, annotator):
    open_portrait(Caller(app.url, name="somebody-else"))
    for guess in ("", "1", "../annotations", "f1", None):
        answer = annotator.call("save_correction", guess, "f1", [[1.0, 1.0]] * 15, "")
        assert not answer["success"], guess


def test_the_page_tells_strangers_no_secret_and_no_folder(app, stranger):
    for address in ("/", "/config", "/gradio_api/info", "/gradio_api/openapi.json", "/theme.css"):
        said = stranger.client.get(address).text
        assert not [secret for secret in (KEY, PASSWORD, str(app.folder)) if secret in said], address


def test_no_cell_of_the_file_starts_a_formula(app, annotator):
    save(annotator, open_portrait(annotator), '=HYPERLINK("http://evil.example","x")')
    assert app.store.tail(1)[0].annotator.startswith("=HYPERLINK")
    last = app.store.path.read_text(encoding="utf-8").splitlines()[-1]
    assert "HYPERLINK" in last and ",=" not in last and ',"=' not in last


def test_an_upload_that_is_too_large_or_one_of_too_many_is_refused(app, tmp_path):
    caller = Caller(app.url, headers={"X-Forwarded-For": "8.8.4.4"})
    large = tmp_path / "large.jpg"
    large.write_bytes(b"\0" * 17_000_000)
    assert caller.upload(large).status_code == 413
    large.write_bytes(b"\0" * 15_000_000)
    statuses = [caller.upload(large).status_code for _ in range(8)]
    assert statuses[0] == 200 and statuses[-1] == 429
    assert STRANGERS[UPLOADED_BYTES].at_once / 15e6 >= statuses.count(200) > 3


def test_too_many_photos_in_a_short_time(tmp_path):
    with served(tmp_path, Rules(public=True), allowances=STRANGERS | {PHOTOS: Allowance(1, 1)}) as app:
        caller = Caller(app.url)
        photo = posted(caller.upload(PORTRAIT_PATH).json()[0])
        assert caller.call("predict", photo, "kaggle15")["success"]
        refused = caller.call("predict", photo, "kaggle15")
        assert not refused["success"] and "too many photos" in str(refused)


def test_owners_who_log_in_by_name_have_no_limits_and_names_cannot_be_tried_for_long(tmp_path):
    rules = Rules(public=True, owners=frozenset({"ada"}))
    allowances = STRANGERS | {UPLOADED_BYTES: Allowance(1.5 * PORTRAIT_PATH.stat().st_size, 1)}
    with served(tmp_path, rules, auth=[("ada", "right"), ("tim", "too")], allowances=allowances) as app:
        statuses = {}
        for name, password in (("ada", "right"), ("tim", "too")):
            caller = Caller(app.url)
            assert caller.client.post("/login", data={"username": name, "password": password}).status_code == 200
            statuses[name] = [caller.upload(PORTRAIT_PATH).status_code for _ in range(2)]
        assert statuses == {"ada": [200, 200], "tim": [200, 429]}
        guesses = [Caller(app.url).client.post("/login", data={"username": "ada"}).status_code for _ in range(20)]
        assert guesses[0] != 429 and guesses[-1] == 429


def test_another_sites_page_is_no_owner_of_a_local_app(tmp_path):
    with served(tmp_path) as app:
        assert "There is nothing to download yet" in str(Caller(app.url).call("csv_snapshot"))
        for headers in ({"Origin": "https://evil.example"}, {"X-Forwarded-For": "9.9.9.9"}, {"Host": "evil.example"}):
            refused = Caller(app.url, headers).call("csv_snapshot")
            assert "Only an owner of this app may" in str(refused), headers
