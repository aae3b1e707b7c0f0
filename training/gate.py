"""Whether a version may serve: better on corrections that it did not see, and no worse on the frozen test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fkd.versions import FROZEN, HELD_OUT, UNLABELLED, Measured
from training.bootstrap import FEWEST_GROUPS

__all__ = ["GateConfig", "Verdict", "decide"]


@dataclass(frozen=True)
class GateConfig:
    """What the gate asks for.

    Attributes:
        most_loss: the mean error on the frozen test may rise by this share of its value.
    """

    most_loss: float = 0.01


@dataclass(frozen=True)
class Verdict:
    """What the gate says.

    Attributes:
        decision: ``passed``, ``refused`` or, where it cannot tell, ``undecided``: then a person decides.
        reasons: a sentence for each thing that it looked at.
    """

    decision: str
    reasons: tuple[str, ...]


def decide(measured: Sequence[Measured], config: GateConfig) -> Verdict:
    """Refused if one thing is refused, else undecided if one is undecided, else passed."""
    on = {one.what: one for one in measured}
    answers = [
        gain_on_corrections(on.get(HELD_OUT)),
        no_loss_on_frozen(on.get(FROZEN), on.get(UNLABELLED), config),
    ]
    decisions = [decision for decision, _ in answers]
    worst = next((word for word in ("refused", "undecided") if word in decisions), "passed")
    return Verdict(worst, tuple(sentence for _, sentence in answers))


def gain_on_corrections(held_out: Measured | None) -> tuple[str, str]:
    """The whole interval must lie below zero; there is no other way, since it is too narrow for few faces already."""
    if held_out is None:
        return "undecided", "No corrected face is held out, so nothing tells whether it gained."
    if held_out.high is None:  # the faces of a photo err alike: they count once
        faces = "1 corrected face is" if held_out.n == 1 else f"{held_out.n} corrected faces are"
        too_few = f"{faces} held out, of fewer than the {FEWEST_GROUPS} photos that would tell whether it gained."
        return "undecided", too_few
    n, before, after = held_out.n, f"{held_out.before:.2%}", f"{held_out.after:.2%}"
    if held_out.high < 0:
        return "passed", f"It gained on {n} held-out corrections: {before} to {after}."
    if held_out.after < held_out.before:
        return "refused", f"The gain on {n} held-out corrections, {before} to {after}, may be luck."
    return "refused", f"It did not gain on {n} held-out corrections: {before} to {after}."


def no_loss_on_frozen(frozen: Measured | None, unlabelled: Measured | None, config: GateConfig) -> tuple[str, str]:
    """The mean error may rise by no more than the share allowed; within that, luck does not matter."""
    if frozen is None and unlabelled is not None:
        return "undecided", (
            f"There is no frozen test with labels. In its stead: on {unlabelled.n} faces without labels the points "
            f"moved by {unlabelled.after:.2%} of the distance between the eyes. Look whether they still fit."
        )
    if frozen is None:
        return "undecided", (
            "There is no frozen test (--frozen or --base), nor photos without labels (--unlabelled), so nothing tells "
            "what it has forgotten."
        )
    change = frozen.after / frozen.before - 1.0 if frozen.before > 0 else 0.0 if frozen.after == 0 else math.inf
    moved = f"{frozen.before:.2%} to {frozen.after:.2%} ({change:+.1%} of its value)"
    if change <= config.most_loss + 1e-9:  # a quotient of floats is not exact
        return "passed", f"The error on the frozen test went from {moved}, within the {config.most_loss:.1%} allowed."
    return "refused", f"The error on the frozen test went from {moved}, more than the {config.most_loss:.1%} allowed."
