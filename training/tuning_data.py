"""What a fine-tune reads before it begins: corrections, data to remember by, and the frozen test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fkd.formats import LabelledFace
from fkd.schemes import Scheme
from training.dataset import is_held_out
from training.framing import read_framed
from training.merge import read_corrections
from training.merge_report import MergeReport

__all__ = ["TuningData", "read_tuning_data", "some"]

# Enough base faces to remember by; cutting out more costs longer than it helps.
MOST_BASE_FACES = 800
MOST_FROZEN_FACES = 200
# The frozen test is drawn the same way for every version, whatever the seed of its training.
FROZEN_SEED = 0


@dataclass(frozen=True)
class TuningData:
    """The faces of one fine-tune; no photo is in two of the lists.

    Attributes:
        training: corrected faces to learn from.
        corrections: ids of their rows.
        held_out: corrected faces to measure on.
        replayed: base faces to remember by.
        frozen: faces that no version ever learns from, to measure on.
        merged: what became of every row.
        report: a sentence a line on what became of everything.
    """

    training: list[LabelledFace]
    corrections: tuple[str, ...]
    held_out: list[LabelledFace]
    replayed: list[LabelledFace]
    frozen: list[LabelledFace]
    merged: MergeReport
    report: list[str]


def read_tuning_data(
    corrections: str | Path,
    base: Sequence[str | Path],
    frozen: Sequence[str | Path],
    scheme: Scheme,
    seed: int,
) -> TuningData:
    """Read all that is named, and keep apart what trains and what measures.

    Args:
        corrections: ``corrections.csv`` or its folder.
        base: data in any layout of :mod:`fkd.formats`, to replay; may be empty.
        frozen: data for the frozen test; if there is none, it is the held-out tenth of `base`.
        seed: draws the base faces, where there are more than are needed.

    Raises:
        CorrectionsError, DataError: if something cannot be used.
    """
    base_faces = [face for path in base for face in read_framed(path, scheme)]
    # Faces labelled by another convention than the first ones' would pull the network away from what it speaks.
    same = [face for face in base_faces if face.source == base_faces[0].source]
    tested = [face for path in frozen for face in read_framed(path, scheme)]
    merged = read_corrections(corrections, scheme, same, tested)
    groups = {face.group for face in tested}
    tested = some(tested or [face for face in same if is_held_out(face)], MOST_FROZEN_FACES, FROZEN_SEED)
    free = [face for face in merged.base if not is_held_out(face) and face.group not in groups]
    replayed = some(free, MOST_BASE_FACES, seed)
    others = len(base_faces) - len(same)
    summary = (
        f"{len(replayed)} base faces are replayed{f', {others} of other conventions are not' if others else ''}; "
        f"{len(tested)} are the frozen test."
    )
    return TuningData(
        merged.training, merged.report.training, merged.held_out, replayed, tested,
        merged.report, [*merged.report.sentences(), summary],
    )  # fmt: skip


def some(faces: list[LabelledFace], most: int, seed: int) -> list[LabelledFace]:
    """At most `most` of the faces, the same ones for the same seed, in their order."""
    if len(faces) <= most:
        return faces
    return [faces[i] for i in sorted(np.random.default_rng(seed).permutation(len(faces))[:most])]
