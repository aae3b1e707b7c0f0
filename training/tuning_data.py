"""What a fine-tune reads before it begins: corrections, data to remember by, and the frozen test."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fkd.formats import LabelledFace
from fkd.schemes import Scheme
from training.data import convention_of
from training.dataset import face_crop, is_held_out
from training.duplicates import exact_copies
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
    foreign: Collection[str] = (),
) -> TuningData:
    """Read all that is named, and keep apart what trains and what measures.

    Args:
        corrections: ``corrections.csv`` or its folder.
        base: data in any layout of :mod:`fkd.formats`, to replay; may be empty.
        frozen: data for the frozen test; if there is none, it is the held-out tenth of `base`.
        seed: draws the base faces, where there are more than are needed.
        foreign: sources that the network knows to place points otherwise than it does
            (:attr:`fkd.model_config.ModelConfig.conventions`): their faces would pull it away from what it speaks, and
            that would look like a gain on a frozen test of them. They are left out, as are base faces of any other
            convention than the fullest one's.

    Raises:
        CorrectionsError, DataError: if something cannot be used.
    """
    named, tests = ([face for path in paths for face in read_framed(path, scheme)] for paths in (base, frozen))
    spoken = [face for face in named if face.source not in foreign]
    first = convention_of(spoken)
    same = [face for face in spoken if face.source == first]
    tested = [face for face in tests if face.source not in foreign]
    merged = read_corrections(corrections, scheme, same, tested)
    groups = {face.group for face in tested}
    tested = tested or [face for face in same if is_held_out(face)]
    free = [face for face in merged.base if not is_held_out(face) and face.group not in groups]
    copied = exact_copies([*tested, *free], [face_crop(face, scheme) for face in (*tested, *free)])[len(tested) :]
    free = [face for face, first in zip(free, copied, strict=True) if not 0 <= first < len(tested)]
    replayed, kept = some(free, MOST_BASE_FACES, seed), some(tested, MOST_FROZEN_FACES, FROZEN_SEED)
    said = [f"{len(replayed)} base faces are replayed; {len(kept)} are the frozen test."]
    others = len(named) - len(same) + sum(face.source in foreign for face in tests)
    if others:
        said.append(f"{others} faces are labelled by another convention than the weights speak: they are left out.")
    return TuningData(
        merged.training, merged.report.training, merged.held_out, replayed, kept,
        merged.report, [*merged.report.sentences(), *said],
    )  # fmt: skip


def some(faces: list[LabelledFace], most: int, seed: int) -> list[LabelledFace]:
    """At most `most` of the faces, the same ones for the same seed, in their order."""
    if len(faces) <= most:
        return faces
    return [faces[i] for i in sorted(np.random.default_rng(seed).permutation(len(faces))[:most])]
