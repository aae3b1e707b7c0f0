"""The line above the tabs: who one is, how things stand with the Hub, and what an owner may press."""

from __future__ import annotations

import gradio as gr

from fkd.hub_versions import HubVersion
from fkd.ui.door import Door, logs_in_with_hub
from fkd.ui.doorway import owner_form
from fkd.ui.hub_sync import HubSync
from fkd.ui.messages import say, told
from fkd.ui.rights import Right

__all__ = ["build_owner_bar"]

_LOOK_SECONDS = 8.0


def build_owner_bar(page: gr.Blocks, hub: HubSync, door: Door) -> None:
    """Lay the bar out where it is called, inside `page`."""
    asks_password = door.rules.public and bool(door.rules.owner_password)
    with gr.Row(elem_id="fkd-people", visible=False) as bar:
        with gr.Column(scale=3, min_width=280):
            status = gr.HTML(elem_id="fkd-hub-status", padding=False)
        with gr.Column(scale=1, min_width=220):
            if logs_in_with_hub():
                gr.LoginButton(size="sm")
            with gr.Accordion("For the owner", open=False, visible=asks_password) as entrance:
                gr.HTML(owner_form(), padding=False)
    with gr.Accordion("Hugging Face Hub", open=False, visible=False, elem_id="fkd-hub") as owners:
        with gr.Row(visible=bool(hub.weights_repo)):
            push = gr.Button("Push what serves", size="sm", elem_id="fkd-push")
            pull = gr.Button("Look for newer weights", size="sm", elem_id="fkd-pull")
            log = gr.Button("Show the versions", size="sm", elem_id="fkd-log")
        pushed = gr.HTML(elem_id="fkd-pushed", padding=False)
        waiting = gr.HTML(elem_id="fkd-waiting", padding=False)

    def sentences(request: gr.Request) -> list[str]:
        person = door.person(request)
        said = [f"You are {person.name}."] if person.name else []
        if not door.rules.may(person, Right.SAVE):
            said.append(door.rules.refusal(Right.SAVE).replace(" Nothing was saved.", ""))
        return [*said, *hub.status()]

    def show(request: gr.Request):
        said, owns = sentences(request), door.may(Right.PUSH, request)
        asked = asks_password and not owns
        return (
            gr.Row(visible=bool(said) or asked or logs_in_with_hub()), "".join(map(say, said)),
            gr.Accordion(visible=owns and bool(hub.weights_repo or hub.corrections)), gr.Accordion(visible=asked),
        )  # fmt: skip

    def look(request: gr.Request):
        rows = hub.waiting() if door.may(Right.SEE_ALL, request) else []  # they name people
        return "".join(map(say, sentences(request))), "".join(map(say, rows))

    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    stands = [status, waiting]
    page.load(told(door.guard(Right.LOOK, show)), None, [bar, status, owners, entrance], **quiet).then(
        told(door.guard(Right.LOOK, look)), None, stands, **quiet
    )
    for button, act in (
        (push, lambda: say(hub.push())),
        (pull, lambda: say(hub.look())),
        (log, lambda: "".join(map(say, map(line_of, hub.log())))),
    ):
        pressed = button.click(told(door.guard(Right.PUSH, act)), None, pushed, **quiet | {"show_progress": "minimal"})
        pressed.then(told(door.guard(Right.LOOK, look)), None, stands, **quiet)
    if hub.weights_repo or hub.corrections:
        gr.Timer(_LOOK_SECONDS).tick(told(door.guard(Right.LOOK, look)), None, stands, **quiet)


def line_of(version: HubVersion) -> str:
    """A version on the Hub in a line."""
    return f"{version.time_utc}  {version.name}  by {version.author}: {version.title}"
