from __future__ import annotations

import yaml
from huggingface_hub import ModelCard

from fkd.model_card import model_card
from fkd.versions import UNLABELLED, Measured
from tests.hub_standin import front_matter_errors

CONFIG = {
    "scheme": "ibug68",
    "version": "mine-2",
    "parent": "mine-1",
    "trained_on": ["wild68 (HELEN train), 9/10 of the photos", "wild68 again", "corrections: 20 faces"],
    "metrics": {
        "wild68_held_out_nme_iod": 0.0412,
        "wild68_held_out_faces": 220,
        "wild68_held_out_detector_nme_iod": 0.042,
        "kaggle15_held_out_rmse_px": 1.84,
    },
}
BEFORE = CONFIG | {"version": "mine-1", "metrics": {"wild68_held_out_nme_iod": 0.0436}}


def metadata(**options) -> dict:
    return yaml.safe_load(model_card(CONFIG, "ada/faces", **options).split("---")[1])


def test_the_metadata_is_what_the_hub_reads():
    card = model_card(CONFIG, "ada/faces", before=BEFORE)
    assert front_matter_errors(card) == []
    data = ModelCard(card).data  # the client's own reader
    assert (data.license, data.license_name, data.license_link) == ("other", "research-only", "LICENSE.md")
    assert data.library_name == "fkd" and data.pipeline_tag == "keypoint-detection" and "ibug68" in data.tags
    assert data.metrics == ["nme", "rmse"] and data.datasets == ["wild68", "corrections"]
    values = {result.dataset_name: (result.metric_type, result.metric_value) for result in data.eval_results}
    assert values == {
        "wild68 held out": ("nme", 4.12),
        "wild68 held out detector": ("nme", 4.2),
        "kaggle15 held out": ("rmse", 1.84),
    }


def test_a_base_model_is_named_where_it_is_in_another_repository():
    assert "base_model" not in metadata() and "base_model" not in metadata(base_repo="ada/faces")
    assert metadata(base_repo="grace/faces")["base_model"] == "grace/faces"
    assert "fine-tuned from mine-1" in model_card(CONFIG, "ada/faces")


def test_the_corrections_are_named_first_among_the_data():
    assert metadata(corrections_repo="ada/corrections")["datasets"] == ["ada/corrections", "wild68", "corrections"]


def test_before_and_after_stand_side_by_side():
    on_same_faces = Measured(what="held-out corrections", faces_id="x", n=4, before=0.1, after=0.08)
    card = model_card(CONFIG, "ada/faces", before=BEFORE, measured=[on_same_faces])
    assert "| wild68 held out | NME, % | 4.36 | 4.12 |" in card
    assert "| kaggle15 held out | RMSE, px | – | 1.84 |" in card
    assert "| held-out corrections, 4 faces | NME, % | 10.00 | 8.00 |" in card
    moved = Measured(what=UNLABELLED, faces_id="u", n=7, before=0.0, after=0.0035)
    card = model_card(CONFIG, "ada/faces", measured=[moved])
    assert "| faces without labels, 7 faces | points moved, % of the eye distance | – | 0.35 |" in card


def test_weights_of_which_nothing_is_known_have_a_card_too():
    card = model_card({"scheme": "kaggle15", "version": "v1"}, "ada/faces")
    assert front_matter_errors(card) == [] and "Nothing was measured." in card and "- not said" in card
    assert "research use only" in card


def test_a_name_with_yaml_in_it_stays_a_name():
    config = CONFIG | {"trained_on": ["x:\n- y # z"], "metrics": {'a": {b\nc_nme_iod': 0.05}}
    assert front_matter_errors(model_card(config, "ada/faces")) == []
