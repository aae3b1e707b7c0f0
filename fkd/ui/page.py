"""The page: its tabs and its looks."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from fkd.ui.actions import Desk
from fkd.ui.api import add_api
from fkd.ui.correct_tab import build_correct_tab
from fkd.ui.door import Door
from fkd.ui.hub_sync import HubSync
from fkd.ui.owner_bar import build_owner_bar
from fkd.ui.rights import Right
from fkd.ui.tune_tab import build_tune_tab
from fkd.ui.tuning import Tuning
from fkd.ui.video_tab import CORRECT_TAB, build_video_tab

__all__ = ["CSS", "build_page", "theme"]

CSS = "".join((Path(__file__).parent / name).read_text(encoding="utf-8") for name in ("page.css", "tune.css"))


def theme() -> gr.themes.Base:
    """Neutral colours that leave the photo alone, in light and dark."""
    return gr.themes.Soft(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="slate",
        radius_size="md",
        font=["ui-sans-serif", "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        # Quiet labels: the photo is what there is to look at.
        background_fill_primary="*neutral_50",  # Soft's own; `set` would forget it
        block_border_width="1px",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_800",
        block_label_background_fill="*block_background_fill",
        block_label_background_fill_dark="*block_background_fill",
        block_label_text_color="*body_text_color_subdued",
        block_label_text_color_dark="*body_text_color_subdued",
        block_title_background_fill="none",
        block_title_text_color="*body_text_color_subdued",
        block_title_text_weight="500",
        block_title_padding="0",
        checkbox_label_text_size="*text_sm",
    )


def build_page(desk: Desk, tuning: Tuning, hub: HubSync, door: Door, scheme: str) -> gr.Blocks:
    """The Blocks app. `theme()` and `CSS` go to its `launch()`.

    Args:
        door: decides with every event whether the person may do that.
        scheme: the scheme that is chosen at first.
    """
    # An open tab keeps its photo in Gradio's cache for a day; fkd's own copies are bounded in `OpenPhotos`.
    with gr.Blocks(title="fkd: facial keypoints you can correct", delete_cache=(3600, 86400)) as page:
        gr.HTML('<header id="fkd-title"><h1>fkd</h1><p>facial keypoints you can correct</p></header>')
        build_owner_bar(page, hub, door)
        with gr.Tabs() as tabs:
            with gr.Tab("Correct", id=CORRECT_TAB):
                queue_events = build_correct_tab(page, desk, door, scheme)
            with gr.Tab("Video"):
                build_video_tab(desk.models, queue_events, tabs, door, scheme)
            with gr.Tab("Fine-tune", visible=not door.rules.public) as tune_tab:
                build_tune_tab(tune_tab, tuning, door, scheme)

        def show_tabs(request: gr.Request):
            return gr.Tab(visible=door.may(Right.TUNE, request))

        page.load(door.guard(Right.LOOK, show_tabs), None, tune_tab, api_visibility="private", show_progress="hidden")
        add_api(desk, queue_events.queue, door)
    return page.queue(max_size=100)
