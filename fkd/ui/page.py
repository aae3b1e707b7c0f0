"""The page: its tabs and its looks."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from fkd.ui.actions import Desk
from fkd.ui.correct_tab import build_correct_tab

__all__ = ["CSS", "build_page", "theme"]

CSS = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")


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
        block_label_text_color="*body_text_color_subdued",
        block_title_background_fill="none",
        block_title_text_color="*body_text_color_subdued",
        block_title_text_weight="500",
        block_title_padding="0",
        checkbox_label_text_size="*text_sm",
    )


def build_page(desk: Desk, scheme: str) -> gr.Blocks:
    """The Blocks app. `theme()` and `CSS` go to its `launch()`.

    Args:
        scheme: the scheme that is chosen at first.
    """
    # An open tab keeps its photo in Gradio's cache for a day; fkd's own copies are bounded in `OpenPhotos`.
    with gr.Blocks(title="fkd: facial keypoints you can correct", delete_cache=(3600, 86400)) as page:
        gr.HTML('<header id="fkd-title"><h1>fkd</h1><p>facial keypoints you can correct</p></header>')
        build_correct_tab(page, desk, scheme)
    return page.queue(max_size=100)
