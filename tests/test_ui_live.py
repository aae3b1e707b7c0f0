"""What a camera on the page sends, and what comes back."""

from __future__ import annotations

import base64
import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from fkd.errors import FkdError, ImageError
from fkd.schemes import load_scheme
from fkd.ui.door import Door
from fkd.ui.live import LiveView
from fkd.ui.live import sessions as live
from fkd.ui.live.sessions import LiveSessions
from fkd.ui.rights import Rules
from tests.clips import face_at


@pytest.fixture
def sessions(predictor):
    return LiveSessions(SimpleNamespace(predictor=lambda scheme: predictor))


def payload(image: np.ndarray, time_s: float = 0.0, session: str = "a") -> dict:
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=90)
    return {"session": session, "time_s": time_s, "jpeg": base64.b64encode(content.getvalue()).decode()}


def test_a_face_is_followed_and_calmed(sessions):
    answers = [sessions.frame(payload(face_at(100 + 2 * i, 40), i / 20), "ibug68") for i in range(4)]
    assert [[face["id"] for face in answer["faces"]] for answer in answers] == [[1]] * 4
    first, last = (np.array(answer["faces"][0]["points"]) for answer in (answers[0], answers[-1]))
    assert first.shape == (68, 2) and len(answers[0]["faces"][0]["confidence"]) == 68
    moved = (last - first).mean(axis=0)
    assert 3.5 < moved[0] < 6.5 and abs(moved[1]) < 1.5  # 6 px, and the filter a little behind
    assert answers[0]["took_ms"] > 0


def test_a_face_that_is_gone_is_not_drawn_until_the_detector_says_so(sessions):
    sessions.frame(payload(face_at(100, 40)), "ibug68")
    empty = np.full((240, 320, 3), 90, np.uint8)
    answer = sessions.frame(payload(empty, 0.05), "ibug68")
    assert answer["faces"] == [] and sessions._cameras["a"].tracker._tracks  # it may be back in the next frame
    back = sessions.frame(payload(face_at(100, 40), 0.1), "ibug68")
    assert [face["id"] for face in back["faces"]] == [1]


def test_every_camera_has_faces_of_its_own_and_only_so_many_are_remembered(sessions, monkeypatch):
    monkeypatch.setattr(live, "MOST_CAMERAS", 2)
    for session in ("a", "b", "c"):
        sessions.frame(payload(np.full((48, 64, 3), 90, np.uint8), session=session), "ibug68")
    assert list(sessions._cameras) == ["b", "c"]


GOOD = payload(face_at(0, 0))


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "text",
        {},
        GOOD | {"session": 7},
        GOOD | {"session": "x" * 101},
        GOOD | {"time_s": float("nan")},
        GOOD | {"time_s": True},
        GOOD | {"jpeg": "no base64!"},
        GOOD | {"jpeg": base64.b64encode(b"no picture").decode()},
        GOOD | {"jpeg": "A" * 2_000_001},
    ],
)
def test_anything_else_is_refused(sessions, bad):
    with pytest.raises(ImageError):
        sessions.frame(bad, "ibug68")
    assert not sessions._cameras


def test_on_a_public_app_strangers_get_a_sentence_instead(sessions):
    request = SimpleNamespace(client=SimpleNamespace(host="8.8.8.8"), headers={}, cookies={}, scope={"session": {}})
    view = LiveView(sessions, Door(Rules(public=True)), "ibug68")
    assert "Only an owner" in view.live_frame(GOOD, request)["error"] and not sessions._cameras
    assert view.value == {"edges": [list(edge) for edge in load_scheme("ibug68").edges]}
    broken = LiveView(sessions, Door(Rules()), "ibug68").live_frame({}, request)
    assert broken == {"error": "The page sent something that is no frame. Reload the page and try again."}
    assert issubclass(ImageError, FkdError)
