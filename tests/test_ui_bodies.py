"""What an event hands over, before Gradio looks at it."""

from __future__ import annotations

import json

import pytest

from fkd.ui.bodies import names_an_address, replayed
from tests.coroutines import run_async


@pytest.mark.parametrize(
    "event",
    [
        {"data": [{"path": "https://example.com/a.jpg", "meta": {"_type": "gradio.FileData"}}]},
        {"data": [[{"path": "/tmp/a.jpg"}, {"path": "http://example.com/a.jpg"}]]},
        {"data": [{"image": {"path": "\u0068ttps://example.com/a.jpg"}}]},
        [{"path": " HTTPS://example.com/a.jpg"}],
    ],
)
def test_a_file_by_its_address_is_found_wherever_it_is(event):
    assert names_an_address(json.dumps(event).encode())


@pytest.mark.parametrize(
    "event",
    [
        {"data": [{"path": "/tmp/gradio/a.jpg", "url": "https://app.example/gradio_api/file=/tmp/gradio/a.jpg"}]},
        {"data": ["https://example.com/is-my-name", None, 3]},
        {"data": [{"path": None}, {"path": ["https://example.com"]}]},
        "path",
    ],
)
def test_what_was_uploaded_and_plain_words_are_none(event):
    assert not names_an_address(json.dumps(event).encode())


def test_what_is_no_json_is_no_event_and_what_is_too_deep_is_not_trusted():
    assert not names_an_address(b"password=x") and not names_an_address(b"") and not names_an_address(b"\xff")
    assert names_an_address(b"[" * 200_000 + b"]" * 200_000)


def test_a_body_that_was_read_comes_again_and_then_what_follows():
    async def receive():
        return {"type": "http.disconnect"}

    async def read() -> list:
        again = replayed(b"body", receive)
        return [await again(), await again()]

    first, second = run_async(read)
    assert first == {"type": "http.request", "body": b"body", "more_body": False}
    assert second == {"type": "http.disconnect"}
