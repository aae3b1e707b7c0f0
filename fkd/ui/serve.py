"""The page on a port: how it is served, and what the person at the terminal is told about it."""

from __future__ import annotations

import contextlib
import io
import os
from urllib.parse import quote

import gradio as gr
from starlette.middleware import Middleware

from fkd.ui.door import Door
from fkd.ui.doorway import Doorway
from fkd.ui.page import CSS, theme
from fkd.ui.rights import Rules

__all__ = ["addresses", "open_port"]

# Of one file: at home a zip of a whole folder, or a long clip, goes in; from strangers a photo.
MAX_UPLOAD, MAX_UPLOAD_WHERE_STRANGERS_ARE = "4gb", "16mb"


def open_port(
    page: gr.Blocks,
    door: Door,
    host: str,
    port: int,
    *,
    share: bool = False,
    auth: list[tuple[str, str]] | None = None,
) -> tuple[str, str | None]:
    """Serve `page` from now on, in the background; return its address here, and that of the public link, if any.

    Raises:
        OSError: if the port is taken.
    """
    with contextlib.redirect_stdout(io.StringIO()):  # it prints links of its own, quiet or not
        _, local_url, share_url = page.launch(
            server_name=host,
            server_port=port,
            share=share,
            auth=auth,
            theme=theme(),
            css=CSS,
            show_error=False,
            run_history=False,  # else browsers would keep the faces
            ssr_mode=False,
            max_file_size=MAX_UPLOAD_WHERE_STRANGERS_ARE if door.rules.public else MAX_UPLOAD,
            footer_links=["api", "gradio"],
            enable_monitoring=False,
            mcp_server=True,
            app_kwargs={"middleware": [Middleware(Doorway, door=door)]},
            prevent_thread_lock=True,
            quiet=True,
        )
    return local_url, share_url


def addresses(rules: Rules, local_url: str, share_url: str | None, *, share: bool = False) -> list[str]:
    """Where the app is, for whom, and how its owner gets in: a sentence each.

    Args:
        share: whether a public link was asked for.
    """
    if host := os.environ.get("SPACE_HOST"):  # what a Space is reached at, whatever it listens on
        local_url = f"https://{host}/"
    said = [f"Open {local_url}"]
    if share and not share_url:
        said.append("The public link could not be made: gradio.live cannot be reached. Check the network, start again.")
    key = f"?key={quote(rules.link_key)}" if rules.link_key else ""
    if share_url or key:
        saving = "whoever logs in may save" if rules.saving == "login" else "whoever has it may save"
        said.append(f"For annotators: {(share_url or local_url).rstrip('/')}/{key} ({saving}).")
    if rules.public and rules.owner_password:
        made_up = "" if os.environ.get("FKD_OWNER_PASSWORD") else f" {rules.owner_password}"
        said.append(
            f"Fine-tuning, promoting and seeing what others saved are for owners; the page asks for their "
            f"password{made_up}."
        )
    return said
