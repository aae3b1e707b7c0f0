"""Two sets of weights side by side: every figure, its interval, and the sentence that says which is better."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.evaluations import an_evaluation
from training.bootstrap import Difference
from training.compare import Measure, compare
from training.summary import summary
from training.tables import comparison_text, verdict

ERRORS = np.random.default_rng(0).uniform(2, 12, 40)


def by_name(measures: list[Measure]) -> dict[str, Measure]:
    return {one.name: one for one in measures}


def test_the_figures_are_those_of_evaluate():
    first = an_evaluation(ERRORS, np.linspace(0.9, 0.2, 40))
    second = an_evaluation(ERRORS * 0.8, np.linspace(0.9, 0.2, 40))
    found = by_name(compare(first, second))
    for evaluation, side in ((first, "first"), (second, "second")):
        figures = summary(evaluation)
        same = ["nme_iod", "median", "auc_10", "failure_8", "failure_10", "nme_offset_free", "rmse_px"]
        for name in [*same, "uncertainty_spearman"]:
            assert getattr(found[name], side) == pytest.approx(figures[name]), name
        assert getattr(found["mouth"], side) == pytest.approx(figures["regions"]["mouth"]["nme"])


def test_regions_are_those_of_evaluate_where_labels_are_missing_too():
    first, second = an_evaluation(ERRORS), an_evaluation(ERRORS * 0.8)
    for evaluation in (first, second):
        evaluation.labelled_xy[::3, 10:] = np.nan
        evaluation.eye_distance[::4] = np.nan
    found = by_name(compare(first, second))
    assert found["mouth"].first == pytest.approx(summary(first)["regions"]["mouth"]["nme"])
    assert found["mouth"].second == pytest.approx(summary(second)["regions"]["mouth"]["nme"])


def test_less_error_wins_and_more_area_wins():
    found = by_name(compare(an_evaluation(ERRORS), an_evaluation(ERRORS * 0.8)))
    for name in ("nme_iod", "median", "rmse_px", "auc_10", "eyes"):
        assert found[name].winner == "second", name
    assert found["nme_iod"].change.difference < 0 < found["auc_10"].change.difference
    back = by_name(compare(an_evaluation(ERRORS * 0.8), an_evaluation(ERRORS)))
    assert {back[name].winner for name in ("nme_iod", "rmse_px", "auc_10")} == {"first"}


def test_the_first_measure_decides_and_the_sentence_says_so():
    (nme, *_) = compare(an_evaluation([5.0] * 9 + [6.0]), an_evaluation([4.0] * 9 + [5.0]))
    assert nme.name == "nme_iod"
    sentence = verdict(nme, "old", "new")
    assert sentence.startswith("new is better than old: NME, mean 5.10% and 4.10%") and "−1.00% to −1.00%" in sentence


def test_a_difference_within_noise_is_called_that():
    swapped = ERRORS.reshape(20, 2)[:, ::-1].ravel()  # as much better on half of the faces as worse on the others
    (nme, *_) = compare(an_evaluation(ERRORS), an_evaluation(swapped))
    assert nme.winner == "neither"
    assert verdict(nme, "old", "new").startswith("The difference between old and new is within noise: NME, mean ")


def test_faces_of_one_person_do_not_tell():
    (nme, *_) = compare(*(an_evaluation([error] * 4, groups=["ada"] * 4) for error in (5.0, 4.0)))
    assert nme.winner == "neither" and "The faces are of fewer than 5 photos or people" in verdict(nme, "old", "new")
    assert nme.as_json()["low"] is None and json.dumps(nme.as_json(), allow_nan=False)


def test_without_eye_distances_the_rmse_decides():
    faces = [replace(an_evaluation(e), eye_distance=np.full(40, np.nan)) for e in (ERRORS, ERRORS * 0.8)]
    (rmse, *_) = compare(*faces)
    assert rmse.name == "rmse_px" and " px" in verdict(rmse, "old", "new")


def test_missed_faces_are_compared_too_and_have_no_distance():
    first, second = an_evaluation(ERRORS), an_evaluation(ERRORS)
    second.predicted_xy[:10] = second.confidence[:10] = np.nan
    found = by_name(compare(first, second))
    assert (found["missed_rate"].first, found["missed_rate"].second) == (0, 0.25)
    assert found["missed_rate"].winner == "first" and found["nme_iod"].winner == "first"
    assert found["rmse_px"].change.difference == 0, "over the faces that both found"
    assert "missed_rate" not in by_name(compare(first, first))


def test_a_figure_that_one_of_them_lacks_is_left_out():
    same_everywhere = an_evaluation(ERRORS, [0.5] * 40)
    assert "uncertainty_spearman" not in by_name(compare(same_everywhere, an_evaluation(ERRORS, ERRORS / 20)))


def test_a_measure_as_json():
    measure = Measure("auc_10", 0.5, 0.6, Difference(0.1, 0.05, 0.15), low_is_good=False)
    assert measure.as_json() == {
        "first": 0.5, "second": 0.6, "difference": 0.1, "low": 0.05, "high": 0.15, "winner": "second"
    }  # fmt: skip


def test_the_table_has_a_line_for_each_measure():
    measures = compare(an_evaluation(ERRORS), an_evaluation(ERRORS * 0.8))
    head, rule, *lines = comparison_text(measures, "old", "new").splitlines()
    assert head.split() == ["measure", "old", "new", "difference", "95", "%", "interval", "better"] and set(rule) == {
        "-"
    }
    assert len(lines) == len(measures) and len({len(line) for line in lines}) == 1
    assert lines[0].startswith("NME, mean  ") and lines[0].endswith("  new") and "−" in lines[0]
