"""The app for agents: a real MCP client against the app on a port."""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Callable

import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from PIL import Image

from fkd.ui.door import LINK_COOKIE
from fkd.ui.rights import Rules
from tests.coroutines import run_async
from tests.pictures import PORTRAIT_PATH, portrait
from tests.served_app import served

KEY = "k3y-of-the-link"
PHOTO = "data:image/jpeg;base64," + base64.b64encode(PORTRAIT_PATH.read_bytes()).decode()


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mcp")
    (folder / "photos").mkdir()
    Image.fromarray(portrait()).save(folder / "photos" / "waiting.png")
    with served(folder, Rules(saving="link", public=True, link_key=KEY), photos=folder / "photos") as running:
        yield running


def as_agent(app, work: Callable, key: str = ""):
    """What `work` returns, an agent's doings with its session."""

    async def doing():
        headers = {LINK_COOKIE: key} if key else {}
        connection = streamablehttp_client(f"{app.url}/gradio_api/mcp/", headers=headers)
        async with connection as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            return await work(session)

    return run_async(doing)


async def call(session: ClientSession, tool: str, **arguments) -> tuple[bool, str]:
    """Whether it went well, and what was said."""
    result = await session.call_tool(tool, arguments)
    return not result.isError, result.content[0].text


def test_agents_get_four_tools_with_what_they_need_to_know(app):
    tools = {tool.name: tool for tool in as_agent(app, lambda session: session.list_tools()).tools}
    assert set(tools) == {"predict", "save_correction", "next_in_queue", "versions"}
    assert all("Example" in tool.description and "Returns" in tool.description for tool in tools.values())
    photo = tools["predict"].inputSchema["properties"]["photo"]
    assert photo["type"] == "string" and "data:image/jpeg;base64" in photo["description"]


def test_an_agent_with_the_link_predicts_and_saves(app):
    async def work(session):
        _, found = await call(session, "predict", photo=PHOTO, scheme="kaggle15")
        found = ast.literal_eval(found)
        face = found["faces"][0]
        face["points"][3][0] += 2.5
        return await call(
            session, "save_correction", photo_id=found["photo_id"], face_id=face["face_id"], points=face["points"],
            annotator="an agent",
        )  # fmt: skip

    well, said = as_agent(app, work, KEY)
    assert well and said.startswith("Saved face 1 with 1 point corrected")
    (row,) = app.store.tail(1)
    assert row.annotator == "an agent" and row.states[3] == "moved"
    rows = len(list(app.store.read()))
    well, said = as_agent(app, work)  # without the link
    assert not well and "Saving needs the link for annotators" in said and len(list(app.store.read())) == rows


def test_no_file_of_the_app_and_no_address_is_opened_for_an_agent(app):
    async def work(session):
        for photo in (str(app.store.path), "file:///etc/passwd", "https://example.com/a.jpg", f"{app.url}/config"):
            well, said = await call(session, "predict", photo=photo, scheme="kaggle15")
            assert not well and "photo_id" not in said, photo

    as_agent(app, work)


def test_an_agent_works_through_the_queue(app):
    async def work(session):
        for _ in range(500):  # it is predicted in the background
            _, said = await call(session, "next_in_queue", scheme="kaggle15", annotator="an agent")
            if "being predicted" not in said:
                break
        return said

    said = as_agent(app, work, KEY)
    address = re.search(r"http://[^'\s]+display\.jpg", said).group()
    assert "'faces': [{" in said and httpx.get(address).headers["content-type"] == "image/jpeg"


def test_agents_learn_what_serves(app):
    well, said = as_agent(app, lambda session: call(session, "versions"))
    assert well and "tiny-1" in said
