"""Who may export everybody's corrections from the page, and import into them."""

from __future__ import annotations

import gradio as gr
import pytest

from fkd.correction_store import CorrectionStore
from fkd.ui.door import Door
from fkd.ui.exchange_panel import build_exchange_panel
from fkd.ui.rights import Rules
from tests.exchanged import corrected


def actions_of(store: CorrectionStore, rules: Rules) -> dict:
    """What the panel's buttons do, by name, for somebody of whom nothing is known."""
    with gr.Blocks() as page:
        build_exchange_panel(store, Door(rules), gr.Radio(["kaggle15"], value="kaggle15"))
    return {event.fn.__name__: event.fn for event in page.fns.values() if event.fn is not None}


def test_on_an_app_that_strangers_reach_only_its_owner_exports_and_imports(tmp_path):
    actions = actions_of(corrected(tmp_path), Rules(public=True))
    assert sorted(actions) == ["export", "take_in"]
    with pytest.raises(gr.Error, match="Only an owner of this app may see what others saved"):
        actions["export"]("coco", "kaggle15")
    with pytest.raises(gr.Error, match="Only an owner of this app may import labels"):
        actions["take_in"]([], "coco", "kaggle15", None)
