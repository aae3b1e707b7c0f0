"""The report of a merge, in sentences and as JSON."""

from __future__ import annotations

import json
import math

import pytest

from training.merge_report import Conflict, MergeReport


def a_conflict(distance_iod: float, number: int = 0, **people) -> Conflict:
    names = {"used_by": "Ada", "set_aside_by": "Tim"} | people
    return Conflict(f"images/{number}.png", f"cnew{number}abcdef", f"cold{number}abcdef", **names,
                    distance_iod=distance_iod)  # fmt: skip


def a_report(**changes) -> MergeReport:
    values = {
        "source": "annotations/corrections.csv",
        "scheme": "kaggle15",
        "rows": 9,
        "training": ("c1", "c2"),
        "held_out": ("c3",),
        "skipped": {"taken back": ("c4",), "superseded by a later save": ("c5abcdefghijk", "c6", "c7", "c8", "c9")},
        "points": {"moved": 20, "confirmed": 1},
        "conflicts": (),
        "missing": (),
        "base": 0,
        "replaced": 0,
    }
    return MergeReport(**(values | changes))


def test_the_sentences_count_rows_faces_and_points_and_give_each_reason():
    assert a_report().sentences() == [
        "9 rows in “annotations/corrections.csv”: 3 used for kaggle15, 6 left out.",
        "2 corrected faces to learn from with 21 points (1 confirmed, 20 moved), 1 held out to measure on.",
        "Left out, taken back: 1 row (c4).",
        "Left out, superseded by a later save: 5 rows (c5abcdefg, c6, c7 and 2 more).",
    ]


def test_missing_pictures_are_named_whole():
    name = "images/" + "0" * 32 + ".jpg"
    assert f"Missing pictures: {name}." in a_report(missing=(name,)).sentences()


def test_people_who_disagree_are_named_with_the_median_and_the_worst():
    swapped = a_conflict(0.05, 2, used_by="Tim", set_aside_by="Ada")
    conflicts = (a_conflict(0.01), a_conflict(0.2, 1), swapped, a_conflict(math.nan, 3, set_aside_by=""))
    nobody, pair = a_report(conflicts=conflicts).sentences()[-2:]
    assert nobody.startswith("somebody without a name and Ada both corrected 1 face")
    assert nobody.endswith("not known.")
    assert pair == (
        "Ada and Tim both corrected 3 faces, and the newer row counts; their points are 5.0% of the distance between "
        "the outer eye corners apart (median), 20.0% at worst, in images/1.png (cnew1abcd, cold1abcd)."
    )


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({"base": 1}, "1 base face."),
        ({"base": 10, "replaced": 3}, "10 base faces; 3 gave way to corrections of the same faces."),
    ],
)
def test_base_faces_are_counted(counts, sentence):
    assert a_report(**counts).sentences()[-1] == sentence


def test_json_holds_everything_and_no_nan():
    report = a_report(conflicts=(a_conflict(0.1), a_conflict(math.nan, 1)))
    values = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert [conflict["distance_iod"] for conflict in values["conflicts"]] == [0.1, None]
    assert values["skipped"]["taken back"] == ["c4"] and values["training"] == ["c1", "c2"]
