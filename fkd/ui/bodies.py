"""The body of an event, read before Gradio reads it."""

from __future__ import annotations

import json

from starlette.types import Message, Receive

__all__ = ["names_an_address", "replayed"]


def names_an_address(body: bytes) -> bool:
    """Whether an event hands over a file by its address on the network, or is nested too deep to tell.

    What is no JSON is none of Gradio's events.
    """
    try:
        left = [json.loads(body)]
    except RecursionError:
        return True
    except ValueError:
        return False
    while left:
        value = left.pop()
        if isinstance(value, dict):
            path = value.get("path")
            if isinstance(path, str) and path.strip().lower().startswith(("http:", "https:")):
                return True
            left += value.values()
        elif isinstance(value, list):
            left += value
    return False


def replayed(body: bytes, receive: Receive) -> Receive:
    """What an app receives of a request whose body was read already."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again
