"""The tab where corrections become better weights: what stands where, and which button does what."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from fkd.errors import CorrectionsError
from fkd.schemes import load_scheme
from fkd.ui.door import Door
from fkd.ui.messages import say, told
from fkd.ui.rights import Right
from fkd.ui.tune_views import lineage_view, nothing_to_learn, preview, progress, verdict
from fkd.ui.tuning import PACES, Tuning

__all__ = ["build_tune_tab"]

_LOOK_SECONDS = 1.0
_INTRO = "Corrections become better weights: learn from them, see before and after, and decide what serves."


def build_tune_tab(tab: gr.Tab, tuning: Tuning, door: Door, scheme: str) -> None:
    """Lay the tab out where it is called, inside `tab`. Whatever it does goes through a method of `tuning`.

    Args:
        door: lets owners only do, or see, anything here.
        scheme: the scheme that is chosen at first.
    """
    schemes = [(load_scheme(name).title, name) for name in tuning.models.schemes]
    paces = [(pace.title, name) for name, pace in PACES.items()]
    with gr.Row(elem_id="fkd-tune"):
        with gr.Column(scale=1, min_width=280):
            chosen = gr.Radio(schemes, value=scheme, label="Keypoints")
            pace = gr.Radio(paces, value="thorough", label="How long")
            who = gr.Textbox(
                label="Your name", placeholder="optional, goes with the version", max_lines=1, max_length=80
            )
            at_once = gr.Checkbox(True, label="Let the result serve at once if the gate lets it pass")
            start = gr.Button("Start the fine-tune", variant="primary", elem_id="fkd-tune-start")
            cancel = gr.Button("Cancel", interactive=False, elem_id="fkd-tune-cancel")
        with gr.Column(scale=3, min_width=320):
            status = gr.HTML(say(_INTRO), elem_id="fkd-tune-status")
            running = gr.HTML(visible=False, elem_id="fkd-tune-progress")
            learnt = gr.HTML(elem_id="fkd-tune-preview")
    with gr.Column(visible=False, elem_id="fkd-tune-result") as result:
        version = gr.Dropdown([], label="Version", elem_id="fkd-tune-version")
        compared = gr.HTML()
        with gr.Row(equal_height=True):
            reason = gr.Textbox(label="Why it is to serve although the gate refused it", max_lines=1, scale=3)
            promote = gr.Button("Let it serve", scale=1, min_width=160, elem_id="fkd-tune-promote")
        picture = gr.Image(
            show_label=False,
            interactive=False,
            buttons=["fullscreen"],
            elem_id="fkd-tune-picture",
            alt_text="The faces that changed most: before, after, and what their labels say",
        )
    versions = gr.HTML(elem_id="fkd-tune-versions")
    roll_back = gr.Button("Roll back", visible=False, elem_id="fkd-tune-rollback")
    clock = gr.Timer(_LOOK_SECONDS, active=False)
    seen = gr.State("")  # the run whose end was shown
    offered = gr.State("")  # what the button says that it lets serve

    def let(action: Callable, right: Right = Right.TUNE) -> Callable:
        return told(door.guard(right, action))

    def name_of(typed: str, request: gr.Request) -> str:
        return door.person(request).name or typed.strip()

    def show_preview(scheme: str):
        try:
            data = tuning.preview(scheme)
        except CorrectionsError as error:  # nothing to learn from yet: no failure, but what there is to say
            return nothing_to_learn(str(error))
        return preview(data, tuning.missing(scheme, data))

    def follow():
        state = tuning.state()
        return (
            gr.HTML(progress(state), visible=state.phase != "idle"),
            gr.Timer(active=state.going_on),
            gr.Button(interactive=not state.going_on),
            gr.Button(interactive=state.going_on),
            state.key,
        )

    def show_versions(scheme: str, kept: str | None = None):
        rows, before = tuning.lineage(scheme), tuning.before(scheme)
        made = [(f"{row.version}: {row.status}", row.version) for row in reversed(rows) if row.status != "origin"]
        names = [name for _, name in made]
        name = kept if kept in names else next(iter(names), None)
        return (
            gr.Column(visible=bool(made)),
            gr.Dropdown(made, value=name),
            lineage_view(rows, tuning.about_serving(scheme)),
            gr.Button(f"Roll back to {before}", visible=bool(before)),
            before,
            *version_view(name, any(row.version == name and row.status == "serves" for row in rows)),
        )

    def show_version(name: str | None, scheme: str):
        return version_view(name, tuning.serving(scheme) == name)

    def version_view(name: str | None, serves: bool):
        if not name:
            return "", None, gr.Textbox(visible=False), gr.Button(visible=False)
        one = tuning.version(name)
        picture = tuning.changed_most(one)
        return (
            verdict(one, serves), None if picture is None else str(picture),
            gr.Textbox(value="", visible=one.decision == "refused" and not serves),
            gr.Button(visible=not serves),
        )  # fmt: skip

    def start_run(scheme: str, pace: str, typed: str, at_once: bool, request: gr.Request):
        return say(tuning.start(scheme, pace, name_of(typed, request), at_once))

    def cancel_run():
        return say(tuning.cancel())

    def promote_version(name: str, typed: str, reason: str, request: gr.Request):
        return say(tuning.promote(name, name_of(typed, request), reason))

    def roll_back_version(scheme: str, typed: str, expected: str, request: gr.Request):
        return say(tuning.roll_back(scheme, name_of(typed, request), expected))

    def over():
        # What was said when it started, or was told to stop, holds no longer.
        return gr.skip() if tuning.state().going_on else say(_INTRO)

    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    followed = [running, clock, start, cancel, seen]
    shown = [compared, picture, reason, promote]
    # In one answer: what came after would be sent a version that is no longer among the choices.
    listed = [result, version, versions, roll_back, offered, *shown]
    for event in (tab.select, chosen.change):
        event(let(show_preview), chosen, learnt, **quiet)
        event(let(show_versions), chosen, listed, **quiet)
    tab.select(let(follow), None, followed, **quiet)
    clock.tick(let(follow), None, followed, **quiet)
    seen.change(let(show_versions), chosen, listed, **quiet)
    seen.change(let(over), None, status, **quiet)
    version.input(let(show_version), [version, chosen], shown, **quiet)
    start.click(let(start_run), [chosen, pace, who, at_once], status, **quiet).success(
        let(follow), None, followed, **quiet
    )
    cancel.click(let(cancel_run), None, status, **quiet)
    for button, act, right, inputs in (
        (promote, promote_version, Right.PROMOTE, [version, who, reason]),
        (roll_back, roll_back_version, Right.ROLL_BACK, [chosen, who, offered]),
    ):
        # Also where it was refused: somebody did something meanwhile, and the page does not know it yet.
        done = button.click(let(act, right), inputs, status, **quiet)
        for event in (done.success, done.failure):
            event(let(show_versions), [chosen, version], listed, **quiet)
