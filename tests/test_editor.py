"""The Python side of the keypoint editor: documents, the component, and what the browser may post."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from gradio.data_classes import FileData
from pydantic import ValidationError

import fkd.ui.editor as editor
from fkd.corrections import STATES
from fkd.errors import CorrectionsError
from fkd.ui.editor import (
    EditorDocument,
    EditorFace,
    KeypointEditor,
    parse_box,
    parse_face_edit,
    parse_save_undo,
    point_lists,
)

FOLDER = Path(editor.__file__).parent
WIDTH, HEIGHT = 512, 600


def save_payload(**changes) -> dict:
    payload = {
        "doc_id": "photo",
        "face_id": "face",
        "rev": 3,
        "points": [[10.5, 20], None, [-4.0, 640.25]],
        "states": ["moved", "absent", "occluded"],
    }
    return payload | changes


def a_face(**changes) -> EditorFace:
    fields = {
        "face_id": "face",
        "box_xyxy": [0, 0, 100, 100],
        "predicted": [[1, 2], None],
        "points": [[1, 2], None],
        "confidence": [0.5, 0],
        "states": ["untouched", "absent"],
    }
    return EditorFace(**(fields | changes))


def test_a_saved_face_becomes_an_array_with_nan_where_absent():
    edit = parse_face_edit(save_payload(), 3, WIDTH, HEIGHT)

    assert (edit.doc_id, edit.face_id, edit.rev) == ("photo", "face", 3)
    assert edit.points.dtype == np.float64
    np.testing.assert_array_equal(edit.points, [[10.5, 20], [np.nan, np.nan], [-4.0, 640.25]])
    assert edit.states == ("moved", "absent", "occluded")


@pytest.mark.parametrize("number", ["nan", "inf", "12", math.nan, math.inf, -math.inf, True, None, [1], 10**400, {}])
def test_a_coordinate_must_be_a_finite_number(number):
    for point in ([number, 20], [10, number]):
        with pytest.raises(CorrectionsError, match="of point 0"):
            parse_face_edit(save_payload(points=[point, None, [1, 1]]), 3, WIDTH, HEIGHT)


def test_an_overflowing_number_in_json_is_refused():
    points = json.loads("[[1e999, 1], null, [1, 1]]")
    with pytest.raises(CorrectionsError, match="x of point 0"):
        parse_face_edit(save_payload(points=points), 3, WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("point", "allowed"),
    [
        ([-WIDTH, -HEIGHT], True),
        ([2 * WIDTH, 2 * HEIGHT], True),
        ([-WIDTH - 1, 0], False),
        ([2 * WIDTH + 1, 0], False),
        ([0, -HEIGHT - 1], False),
        ([0, 2 * HEIGHT + 1], False),
    ],
)
def test_points_may_leave_the_photo_by_one_photo_size(point, allowed):
    payload = save_payload(points=[point, None, [1, 1]])
    if allowed:
        np.testing.assert_array_equal(parse_face_edit(payload, 3, WIDTH, HEIGHT).points[0], point)
    else:
        with pytest.raises(CorrectionsError, match="too far outside"):
            parse_face_edit(payload, 3, WIDTH, HEIGHT)


@pytest.mark.parametrize(
    "changes",
    [
        {"points": [[1, 1], None]},
        {"points": [[1, 1], None, [1, 1], [1, 1]]},
        {"points": "abc"},
        {"points": None},
        {"points": [[1, 1, 1], None, [1, 1]]},
        {"points": ["11", None, [1, 1]]},
        {"states": ["moved", "absent"]},
        {"states": ["moved", "absent", "deleted"]},
        {"states": ["moved", "absent", ["moved"]]},
        {"states": ["absent", "absent", "moved"]},
        {"states": ["moved", "moved", "moved"]},
        {"doc_id": ""},
        {"doc_id": 7},
        {"doc_id": "x" * 201},
        {"face_id": None},
        {"rev": -1},
        {"rev": True},
        {"rev": 1.5},
    ],
)
def test_anything_else_than_the_editor_sends_is_refused(changes):
    with pytest.raises(CorrectionsError):
        parse_face_edit(save_payload(**changes), 3, WIDTH, HEIGHT)


@pytest.mark.parametrize("payload", [None, [], "save", 3])
def test_a_payload_must_be_an_object(payload):
    with pytest.raises(CorrectionsError, match="no correction"):
        parse_face_edit(payload, 3, WIDTH, HEIGHT)
    with pytest.raises(CorrectionsError, match="no correction"):
        parse_box(payload, WIDTH, HEIGHT)


def test_an_undone_save_names_its_face():
    undone = parse_save_undo({"doc_id": "photo", "face_id": "face", "rev": 4})
    assert (undone.doc_id, undone.face_id, undone.rev, undone.gone) == ("photo", "face", 4, False)
    assert parse_save_undo({"doc_id": "photo", "face_id": "face", "rev": 4, "gone": True}).gone
    assert not parse_save_undo({"doc_id": "photo", "face_id": "face", "rev": 4, "gone": "yes"}).gone
    for payload in (None, {"doc_id": "photo"}, {"face_id": "face"}, {"doc_id": "photo", "face_id": 7}):
        with pytest.raises(CorrectionsError):
            parse_save_undo(payload)


def test_a_drawn_box_is_clipped_to_the_photo():
    box = parse_box({"doc_id": "photo", "rev": 2, "box_xyxy": [-20, 10, 60, 700]}, WIDTH, HEIGHT)

    assert (box.doc_id, box.rev) == ("photo", 2)
    np.testing.assert_array_equal(box.box_xyxy, [0, 10, 60, HEIGHT - 1])


@pytest.mark.parametrize(
    "box",
    [
        [10, 10, 17.9, 100],
        [10, 10, 100, 17.9],
        [100, 10, 10, 100],
        [-100, 10, 5, 100],
        [10, 10, 100],
        [10, 10, "100", 100],
        [10, 10, math.nan, 100],
        [10, 10, math.inf, 100],
        None,
    ],
)
def test_a_box_without_a_face_sized_area_is_refused(box):
    with pytest.raises(CorrectionsError):
        parse_box({"doc_id": "photo", "box_xyxy": box}, WIDTH, HEIGHT)


def test_the_smallest_box_passes():
    np.testing.assert_array_equal(
        parse_box({"doc_id": "photo", "box_xyxy": [10, 10, 18, 18]}, WIDTH, HEIGHT).box_xyxy, [10, 10, 18, 18]
    )


def test_missing_points_become_none():
    points = np.array([[1, 2], [np.nan, np.nan], [3, np.nan]], dtype=np.float32)
    assert point_lists(points) == [[1.0, 2.0], None, None]
    assert a_face(predicted=point_lists(points)).predicted == [[1.0, 2.0], None, None]


@pytest.mark.parametrize("number", ["nan", "1", math.nan, math.inf, True])
def test_a_document_holds_only_finite_numbers(number):
    with pytest.raises(ValidationError):
        a_face(points=[[number, 1], None])


def test_a_document_survives_the_way_to_the_browser_and_back():
    document = EditorDocument(
        image=FileData(path="photo.jpg"), width=WIDTH, height=HEIGHT, doc_id="photo", scheme="two points",
        names=["left eye", "right eye"], edges=[(0, 1)], faces=[a_face()],
    )  # fmt: skip
    assert EditorDocument.from_json(json.loads(document.model_dump_json())) == document


def test_python_and_the_browser_know_the_same_states():
    script = (FOLDER / "model.js").read_text(encoding="utf-8")
    in_browser = re.search(r"^const STATES = \[(.*)\];$", script, flags=re.MULTILINE).group(1)
    assert tuple(re.findall(r"'(\w+)'", in_browser)) == STATES
    assert a_face(predicted=[None] * 5, points=[None] * 5, confidence=[0] * 5, states=list(STATES)).states == [*STATES]
    with pytest.raises(ValidationError):
        a_face(states=["untouched", "deleted"])


def test_the_component_offers_its_events():
    with gr.Blocks() as demo:
        component = KeypointEditor()
        for listen in (component.edit, component.save, component.undo_save, component.add_face, component.keep):
            listen(lambda: None, None, None)
    assert [dependency["targets"][0][1] for dependency in demo.config["dependencies"]] == [
        "edit", "save", "undo_save", "add_face", "keep",
    ]  # fmt: skip
    assert component.postprocess(None) is None
    assert component.preprocess(None) is None


@pytest.mark.parametrize("name", ["editor.html", "editor.css"])
def test_templates_are_static(name):
    # Gradio runs both through Handlebars and a JavaScript template literal.
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"\{\{|\$\{|`|\\", text)


def test_every_script_is_part_of_the_component():
    scripts = KeypointEditor(render=False).js_on_load
    for path in FOLDER.glob("*.js"):
        assert path.read_text(encoding="utf-8") in scripts
    for unsafe in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert unsafe not in scripts


def test_every_button_has_an_action_and_a_name():
    html = (FOLDER / "editor.html").read_text(encoding="utf-8")
    script = (FOLDER / "toolbar.js").read_text(encoding="utf-8")
    table = script[script.index("BUTTON_ACTIONS = {") : script.index("};")]
    handled = set(re.findall(r"^ +'?([a-z-]+)'?: ", table, flags=re.MULTILINE))
    assert set(re.findall(r'data-action="([^"]+)"', html)) == handled
    for tag in re.findall(r"<button[^>]*>", html):
        assert 'title="' in tag
