"""The whole app on a port of this process, with a tiny network, and requests to it as anybody may send them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx

from fkd.ui.actions import Desk
from fkd.ui.door import Door
from fkd.ui.hub_sync import HubSync
from fkd.ui.limits import Limits
from fkd.ui.models import ServedModels
from fkd.ui.page import build_page
from fkd.ui.rights import Rules
from fkd.ui.serve import open_port
from fkd.ui.tuning import Tuning
from tests.nets import tiny_net

__all__ = ["Caller", "served"]


@contextmanager
def served(
    folder: Path, rules: Rules | None = None, auth=None, photos: Path | None = None, **limits
) -> Iterator[SimpleNamespace]:
    """Serve the app with a tiny kaggle15 network; ``url`` has no slash at its end."""
    tiny_net(version="tiny-1").save_pretrained(folder / "weights")
    models = ServedModels(folder / "weights", device="cpu", runs=folder / "runs")
    desk, door = Desk(models, folder / "annotations", photos), Door(rules or Rules(), Limits(**limits))
    tuning = Tuning(models, desk.store)
    page = build_page(desk, tuning, HubSync(models, "kaggle15"), door, "kaggle15")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url, _ = open_port(page, door, "127.0.0.1", port, auth=auth)
    try:
        yield SimpleNamespace(url=url.rstrip("/"), desk=desk, door=door, page=page, folder=folder, store=desk.store)
    finally:
        tuning.close()
        page.close(verbose=False)


class Caller:
    """Somebody who sends requests to an app, with cookies and headers of their own. `name` stands for their session."""

    def __init__(self, url: str, headers: dict[str, str] | None = None, name: str = "caller"):
        self.client = httpx.Client(base_url=url, headers=headers, timeout=60)
        self.session = name
        config = self.client.get("/config").json()
        self.events = config.get("dependencies", [])

    def upload(self, path: Path) -> httpx.Response:
        return self.client.post("/gradio_api/upload", files={"files": (path.name, path.read_bytes())})

    def event(self, name: str) -> int:
        """The number of the event whose function is called `name`."""
        return next(event["id"] for event in self.events if event["api_name"] == name)

    def call(self, event: int | str, *data: Any, event_data: Any = None) -> dict:
        """Send an event as a browser does; return how it ended, ``{"success": …, "output": …}``.

        Inputs that `data` does not reach to are null.
        """
        number = self.event(event) if isinstance(event, str) else event
        wanted = next(len(known["inputs"]) for known in self.events if known["id"] == number)
        data = (*data, *[None] * (wanted - len(data)))
        body = {"data": list(data), "fn_index": number, "session_hash": self.session, "event_data": event_data}
        joined = self.client.post("/gradio_api/queue/join", json=body)
        if joined.status_code != 200:
            return {"success": False, "status": joined.status_code, "output": joined.text}
        with self.client.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                said = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if said.get("msg") == "process_completed":
                    return said
        raise AssertionError("the app closed the stream without an answer")
