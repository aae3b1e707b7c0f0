"""Keypoint schemes: their files agree with themselves, and contradictions are refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest

import fkd.schemes
from fkd import SchemeError, load_scheme
from fkd.schemes import parse_scheme, scheme_names

FOLDER = Path(fkd.schemes.__file__).parent
ALL = ["ibug68", "kaggle15"]


def raw_scheme(name: str = "kaggle15") -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def test_the_shipped_schemes():
    assert scheme_names() == ALL
    assert [load_scheme(name).n_points for name in ALL] == [68, 15]
    assert [load_scheme(name).name for name in ALL] == ALL
    assert [load_scheme(name).grey for name in ALL] == [False, True]


@pytest.mark.parametrize("name", ALL)
def test_mirroring_twice_gives_the_same_order(name):
    order = load_scheme(name).flip_order
    np.testing.assert_array_equal(order[order], np.arange(len(order)))
    assert order.dtype == np.int64


@pytest.mark.parametrize("name", ALL)
def test_names_and_flip_pairs_agree(name):
    scheme = load_scheme(name)
    swapped = {"left": "right", "right": "left"}

    def mirrored(point: str) -> str:
        if point.startswith("jaw_"):
            return f"jaw_{16 - int(point[4:]):02}"
        return "_".join(swapped.get(word, word) for word in point.split("_"))

    assert [scheme.names[i] for i in scheme.flip_order] == [mirrored(point) for point in scheme.names]


@pytest.mark.parametrize("name", ALL)
def test_the_eye_on_the_image_left_is_the_persons_right(name):
    scheme = load_scheme(name)
    assert all("right_eye" in scheme.names[i] for i in scheme.image_left_eye)
    assert all("left_eye" in scheme.names[i] for i in scheme.image_right_eye)
    left, right = (scheme.names[i] for i in scheme.outer_eye_corners)
    assert "right_eye_outer" in left and "left_eye_outer" in right


@pytest.mark.parametrize("name", ALL)
def test_every_point_is_in_one_region_and_mirrors_into_the_same_one(name):
    scheme = load_scheme(name)
    assert sorted(index for part in scheme.regions.values() for index in part) == list(range(scheme.n_points))
    for part in scheme.regions.values():
        assert {int(scheme.flip_order[index]) for index in part} == set(part)


@pytest.mark.parametrize("name", ALL)
def test_lines_mirror_into_lines(name):
    scheme = load_scheme(name)
    lines = {frozenset(edge) for edge in scheme.edges}
    assert {frozenset(int(scheme.flip_order[index]) for index in edge) for edge in scheme.edges} == lines


def test_an_unknown_scheme_names_the_known_ones():
    with pytest.raises(SchemeError, match=r"no keypoint scheme “wflw98”.*ibug68, kaggle15"):
        load_scheme("wflw98")


CONTRADICTIONS = {
    "names a point twice": {"names": ["nose_tip"] * 15},
    "in two flip pairs": {"flip_pairs": [[0, 1], [1, 2]]},
    "two eyes are not each other's mirror": {"image_left_eye": [0, 4, 5]},
}


@pytest.mark.parametrize("sentence", CONTRADICTIONS)
def test_a_scheme_that_contradicts_itself_is_refused(sentence):
    with pytest.raises(SchemeError, match=sentence):
        parse_scheme(raw_scheme() | CONTRADICTIONS[sentence])


@pytest.mark.parametrize("index", [15, -1])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("flip_pairs", lambda i: [[0, i]]),
        ("edges", lambda i: [[0, i]]),
        ("regions", lambda i: {"nose": [i]}),
        ("image_left_eye", lambda i: [i]),
        ("image_right_eye", lambda i: [i]),
        ("outer_eye_corners", lambda i: [5, i]),
    ],
)
def test_an_index_that_no_point_has_is_refused(key, value, index):
    with pytest.raises(SchemeError, match="outside 0…14"):
        parse_scheme(raw_scheme() | {key: value(index)})


def test_an_index_that_is_no_whole_number_is_refused():
    with pytest.raises(SchemeError, match="outside 0…14"):
        parse_scheme(raw_scheme() | {"regions": {"nose": [1.5]}})


@pytest.mark.parametrize("key", sorted(raw_scheme()))
def test_every_key_is_needed(key):
    raw = raw_scheme()
    del raw[key]
    with pytest.raises(SchemeError, match=f"lacks or garbles '{key}'"):
        parse_scheme(raw)


@pytest.mark.parametrize(
    "garbled",
    [
        {"flip_pairs": [[0]]},
        {"edges": [["a", "b"]]},
        {"edges": 3},
        {"regions": [[0, 1]]},
        {"outer_eye_corners": [5]},
        {"crop_from_points": {"scale": 1.3}},
        {"crop_from_box": {"scale": "wide", "shift_xy": [0, 0]}},
        {"crop_from_box": {"scale": 1.3, "shift_xy": [0]}},
    ],
)
def test_a_garbled_value_is_refused(garbled):
    with pytest.raises(SchemeError, match="lacks or garbles"):
        parse_scheme(copy.deepcopy(raw_scheme()) | garbled)


def test_a_file_that_holds_no_object_is_refused():
    with pytest.raises(SchemeError, match="lacks or garbles"):
        parse_scheme([])
