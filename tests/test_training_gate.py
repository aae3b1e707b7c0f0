"""The gate: passes what is shown to be better and no worse, refuses what is not, and says when it cannot tell."""

from __future__ import annotations

from itertools import product

import pytest

from fkd.versions import FROZEN, HELD_OUT, LEARNT, UNLABELLED, Measured
from training.gate import GateConfig, decide

CONFIG = GateConfig(most_loss=0.01)


def held_out(before=0.10, after=0.08, low=-0.03, high=-0.01, n=6) -> Measured:
    return Measured(what=HELD_OUT, faces_id="h", n=n, before=before, after=after, low=low, high=high)


def frozen(before=0.0400, after=0.0402) -> Measured:
    return Measured(what=FROZEN, faces_id="f", n=200, before=before, after=after, low=-0.01, high=0.01)


def test_a_gain_without_a_loss_passes():
    verdict = decide([frozen(), held_out()], CONFIG)
    assert verdict.decision == "passed"
    assert verdict.reasons == (
        "It gained on 6 held-out corrections: 10.00% to 8.00%.",
        "The error on the frozen test went from 4.00% to 4.02% (+0.5% of its value), within the 1.0% allowed.",
    )


@pytest.mark.parametrize(
    ("after", "high", "words"),
    [(0.08, 0.001, "may be luck"), (0.08, 0.0, "may be luck"), (0.11, 0.02, "not gain")],
)
def test_a_gain_that_is_not_shown_is_refused(after, high, words):
    verdict = decide([frozen(), held_out(after=after, high=high)], CONFIG)
    assert verdict.decision == "refused" and words in verdict.reasons[0]


@pytest.mark.parametrize(("after", "decision"), [(0.0404, "passed"), (0.04041, "refused"), (0.03, "passed")])
def test_the_frozen_test_may_lose_one_part_in_a_hundred_of_its_value(after, decision):
    assert decide([frozen(after=after), held_out()], CONFIG).decision == decision


def test_a_looser_gate_lets_more_through():
    assert decide([frozen(after=0.0410), held_out()], GateConfig(most_loss=0.03)).decision == "passed"


@pytest.mark.parametrize(("n", "faces"), [(1, "1 corrected face is"), (9, "9 corrected faces are")])
@pytest.mark.parametrize("after", [0.08, 0.11])
def test_a_handful_of_held_out_photos_proves_nothing(n, faces, after):
    verdict = decide([frozen(), held_out(after=after, low=None, high=None, n=n)], CONFIG)
    assert verdict.decision == "undecided"
    assert verdict.reasons[0] == f"{faces} held out, of fewer than the 5 photos that would tell whether it gained."


def test_without_held_out_faces_or_frozen_test_a_person_decides():
    for measured in ([frozen()], [held_out()], [], [Measured(what=LEARNT, faces_id="l", n=9, before=0.1, after=0.01)]):
        assert decide(measured, CONFIG).decision == "undecided"
    assert "No corrected face is held out" in decide([], CONFIG).reasons[0]
    assert "nothing tells what it has forgotten" in decide([], CONFIG).reasons[1]


def test_faces_without_labels_stand_in_for_a_frozen_test_and_a_person_judges_them():
    moved = Measured(what=UNLABELLED, faces_id="u", n=12, before=0.0, after=0.0035)
    verdict = decide([held_out(), moved], CONFIG)
    assert verdict.decision == "undecided"
    assert "on 12 faces without labels the points moved by 0.35% of the distance" in verdict.reasons[1]
    assert decide([held_out(), moved, frozen()], CONFIG).decision == "passed"  # only where there is no frozen test


def test_one_refusal_outweighs_everything_else():
    gains = {"passed": held_out(), "undecided": held_out(low=None, high=None), "refused": held_out(high=0.1)}
    losses = {"passed": frozen(), "undecided": None, "refused": frozen(after=0.05)}
    for (gain, held), (loss, test) in product(gains.items(), losses.items()):
        worst = next(word for word in ("refused", "undecided", "passed") if word in (gain, loss))
        assert decide([one for one in (held, test) if one], CONFIG).decision == worst


def test_a_frozen_test_without_any_error_may_not_get_one():
    assert decide([frozen(before=0.0, after=0.0), held_out()], CONFIG).decision == "passed"
    assert decide([frozen(before=0.0, after=0.001), held_out()], CONFIG).decision == "refused"
