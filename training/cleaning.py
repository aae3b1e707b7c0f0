"""What is wrong with labelled faces, found before anything is learned from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from fkd.formats import LabelledFace
from fkd.images import upright_size
from fkd.schemes import Scheme
from training.dataset import face_crop
from training.duplicates import copies_of_held_out, exact_copies, near_copies
from training.shapes import FEWEST_FACES_A_POINT, FEWEST_POINTS, shape_oddity

__all__ = ["ODD", "Cleaning", "clean", "face_name"]

# From so many robust standard deviations on, a shape is an outlier. On 5,376 hand- and machine-labelled faces that is
# one in 490: slipped jaws and eyes, points of another face; also a grimace or two.
ODD = 6.0
# Labels of files that count pixels from 1 stand up to a pixel beyond the border.
BORDER_PX = 1.0
# Of the points that lack labels, the lines for people name so much; cleaning.json has each of them.
MOST_SHARES = 3
MOST_RUNS = 4  # of each share


@dataclass(frozen=True, eq=False)
class Cleaning:
    """What was found in N faces, each array with one entry a face.

    Attributes:
        scheme: of the points.
        faces: the faces themselves.
        held_out: (N,) bool.
        unlabelled: (N, K) bool.
        outside: (N, K) bool, labels that are not in the picture.
        exact_copy_of: (N,) int64, the first face that is the same face of the same picture; -1 for none.
        near_copy_of: (N,) int64, the most alike face of those before it, if it looks the same; -1 for none.
        copied: (N,) bool, training faces that are held out too, under another name.
        oddity: (N,) float64, see :func:`training.shapes.shape_oddity`.
    """

    scheme: Scheme
    faces: Sequence[LabelledFace]
    held_out: np.ndarray
    unlabelled: np.ndarray
    outside: np.ndarray
    exact_copy_of: np.ndarray
    near_copy_of: np.ndarray
    copied: np.ndarray
    oddity: np.ndarray

    @property
    def odd(self) -> np.ndarray:
        """(N,) bool, outliers by shape."""
        return np.nan_to_num(self.oddity) > ODD

    @property
    def judged(self) -> np.ndarray:
        """(N,) bool, faces whose shape could be judged; the others are no outliers, however they look."""
        return np.isfinite(self.oddity)

    @property
    def too_small(self) -> dict[str, int]:
        """The sources with too few faces to judge any of them by shape, and how many they have."""
        judged = {face.source for face, known in zip(self.faces, self.judged, strict=True) if known}
        return {source: count for source, count in self._rows().items() if source not in judged}

    def dropped(self, outliers: bool) -> np.ndarray:
        """(N,) bool, faces that must not train: copies of held-out ones, and if so wished outliers by shape.

        A held-out face is never dropped: errors are measured on all of them.
        """
        return (self.copied | (self.odd & outliers)) & ~self.held_out

    def worst(self, most: int) -> np.ndarray:
        """Indices of the faces with the oddest shapes, the oddest first."""
        order = np.argsort(-np.nan_to_num(self.oddity, nan=-np.inf), kind="stable")[:most]
        return order[self.judged[order]]

    def lines(self) -> list[str]:
        """The report in a few lines, for people."""
        rows = ", ".join(f"{name} {count}" for name, count in self._rows().items())
        gaps = self.unlabelled.any(axis=1).sum()
        beyond = self.outside.any(axis=1).sum()
        near = ((self.near_copy_of >= 0) & (self.exact_copy_of < 0)).sum()
        across = self.copied.sum()
        return [
            f"{len(self.faces)} rows: {rows}",
            f"missing labels: {self.unlabelled.sum()} points of {gaps} faces",
            *([f"missing by point: {_points_text(self.unlabelled, self.scheme)}"] if gaps else []),
            f"labels outside the picture: {self.outside.sum()} points of {beyond} faces",
            f"duplicates: {(self.exact_copy_of >= 0).sum()} exact, {near} near; {across} training faces are held out "
            "under another name and do not train",
            *self._shape_lines(),
        ]

    def as_json(self) -> dict:
        """All that was found, by the faces' names."""
        names = [face_name(face) for face in self.faces]
        return {
            "rows": self._rows(),
            "held_out": int(self.held_out.sum()),
            "missing_by_point": _by_point(self.unlabelled, self.scheme),
            "outside_by_point": _by_point(self.outside, self.scheme),
            "outside": [names[i] for i in np.flatnonzero(self.outside.any(axis=1))],
            "exact_duplicates": self._copies(self.exact_copy_of, names),
            "near_duplicates": self._copies(np.where(self.exact_copy_of < 0, self.near_copy_of, -1), names),
            "held_out_under_another_name": [names[i] for i in np.flatnonzero(self.copied)],
            "judged_by_shape": int(self.judged.sum()),
            "too_few_faces_to_judge": self.too_small,
            "fewest_faces_to_judge": self._fewest(),
            "too_few_labels_to_judge": [names[i] for i in np.flatnonzero(self._too_few_labels())],
            "outlier_threshold": ODD,
            "outliers": [
                {"face": names[i], "oddity": round(float(self.oddity[i]), 2), "held_out": bool(self.held_out[i])}
                for i in self.worst(len(names))
                if self.odd[i]
            ],
        }

    def _rows(self) -> dict[str, int]:
        return dict(Counter(face.source for face in self.faces))

    def _shape_lines(self) -> list[str]:
        judged, few = self.judged.sum(), self._too_few_labels().sum()
        if judged:
            train = (self.odd & ~self.held_out).sum()
            lines = [f"outliers by shape: {self.odd.sum()} of {judged} faces judged, of which {train} would train"]
        else:
            lines = ["outliers by shape: nobody knows, for no face could be judged"]
        if judged < len(self.faces):
            named = ", ".join(f"{source} {count}" for source, count in self.too_small.items())
            small = f"sources of fewer than {self._fewest()} faces with {FEWEST_POINTS} labels: {named}"
            why = [small] * bool(named) + [f"too few labels: {few}"] * bool(few)
            lines.append(
                f"not judged by shape, and so never left out as outliers: {len(self.faces) - judged} of "
                f"{len(self.faces)} faces ({'; '.join(why)})"
            )
        return lines

    def _fewest(self) -> int:
        return FEWEST_FACES_A_POINT * self.scheme.n_points

    def _too_few_labels(self) -> np.ndarray:
        """(N,) bool, faces that could not be judged although their source has enough others."""
        small = self.too_small
        return ~self.judged & np.array([face.source not in small for face in self.faces], dtype=bool)

    @staticmethod
    def _copies(copy_of: np.ndarray, names: Sequence[str]) -> list[list[str]]:
        return [[names[copy_of[i]], names[i]] for i in np.flatnonzero(copy_of >= 0)]


def clean(faces: Sequence[LabelledFace], held_out: np.ndarray, sketched: torch.Tensor, scheme: Scheme) -> Cleaning:
    """Look through N faces.

    Args:
        held_out: (N,) bool, which of them do not train.
        sketched: (N, 256), see :func:`training.duplicates.sketches`.

    Raises:
        ImageError: if a picture cannot be read.
    """
    points = np.stack([face.points_xy for face in faces])  # (N, K, 2)
    exact = exact_copies(faces, [face_crop(face, scheme) for face in faces])
    sources = np.array([face.source for face in faces])
    oddity = np.full(len(faces), np.nan)
    for source in np.unique(sources):  # each convention has its own idea of a face
        oddity[sources == source] = shape_oddity(points[sources == source])
    return Cleaning(
        scheme, faces, held_out, np.isnan(points).any(axis=2), _outside(faces, points), exact, near_copies(sketched),
        copies_of_held_out(sketched, exact, held_out), oddity,
    )  # fmt: skip


def face_name(face: LabelledFace) -> str:
    """What a person finds a face by: the data and the file's name, or the data and the row."""
    return f"{face.source}/{face.image.name}" if isinstance(face.image, Path) else face.group


def _outside(faces: Sequence[LabelledFace], points: np.ndarray) -> np.ndarray:
    size_of = cache(upright_size)
    sizes = np.array([size_of(f.image) if isinstance(f.image, Path) else f.image.shape[1::-1] for f in faces])  # (N, 2)
    beyond = np.maximum(-0.5 - points, points - (sizes[:, None] - 0.5))  # (N, K, 2) px; NaN compares false
    return (beyond > BORDER_PX).any(axis=2)


def _by_point(flags: np.ndarray, scheme: Scheme) -> dict[str, int]:
    """How many faces have the flag (N, K), by the points' names; points of none are left out."""
    return {name: int(count) for name, count in zip(scheme.names, flags.sum(axis=0), strict=True) if count}


def _points_text(flags: np.ndarray, scheme: Scheme) -> str:
    """In how many faces (N, K) has a flag which points, those of most faces first.

    Points of as many faces, to a percent of all, stand together, and neighbours in the scheme as the first and the
    last.
    """
    counts = flags.sum(axis=0)
    percent = np.round(100 * counts / len(flags))
    shares = [np.flatnonzero((counts > 0) & (percent == each)) for each in np.unique(percent[counts > 0])[::-1]]
    parts = [f"{_names_text(points, scheme)}: {_range_text(counts[points])}" for points in shares[:MOST_SHARES]]
    if rest := [point for points in shares[MOST_SHARES:] for point in points]:
        parts.append(f"{len(rest)} more: {_range_text(counts[rest])}")
    return "; ".join(parts)


def _names_text(points: np.ndarray, scheme: Scheme) -> str:
    runs = np.split(points, np.flatnonzero(np.diff(points) > 1) + 1)
    texts = []
    for run in runs[:MOST_RUNS]:
        first, last = scheme.names[run[0]], scheme.names[run[-1]]
        texts.append(
            f"{first} … {last} ({len(run)} points)" if len(run) > 2 else ", ".join(scheme.names[i] for i in run)
        )
    more = sum(map(len, runs[MOST_RUNS:]))
    return ", ".join(texts) + (f" and {more} more" if more else "")


def _range_text(counts: np.ndarray) -> str:
    low, high = counts.min(), counts.max()
    if low < high:
        return f"{low} to {high} faces"
    return "1 face" if high == 1 else f"{high} faces"
