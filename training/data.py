"""What a training is given: faces from any number of places, and which of them are held out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fkd.errors import DataError
from fkd.formats import LabelledFace
from fkd.schemes import Scheme
from training.dataset import is_held_out
from training.framing import read_framed
from training.merge import read_corrections

__all__ = ["TrainingData", "convention_of", "is_corrections", "read_sides", "read_training_data"]

CORRECTIONS_FILE = "corrections.csv"
CORRECTIONS = "corrections"  # the convention of corrections that stand alone


@dataclass(frozen=True)
class TrainingData:
    """Faces to learn from and faces to measure on.

    Attributes:
        training: N faces to learn from.
        weights: how often each is drawn, relative to the others, N numbers.
        held_out: faces to measure on, all of the first path and the first source.
        sources: the labelling conventions; the network learns to speak the first one.
        apart: held-out faces of the other sources: they are neither learned from nor measured on.
    """

    training: list[LabelledFace]
    weights: list[float]
    held_out: list[LabelledFace]
    sources: tuple[str, ...]
    apart: list[LabelledFace]

    def without(self, dropped: np.ndarray) -> TrainingData:
        """The same data, but the training faces that are told (N,) bool are never drawn.

        Raises:
            DataError: if none is left.
        """
        weights = [0.0 if drop else weight for drop, weight in zip(dropped, self.weights, strict=True)]
        if not any(weights):
            raise DataError("Every face to learn from is held out too, or odd: see cleaning.json, and name other data.")
        return replace(self, weights=weights)

    def fingerprint(self) -> str:
        """32 hexadecimal digits that change with any face's labels, name, weight or side of the split.

        Pictures in files count by their size in bytes: they are not read for this.
        """
        digest = hashlib.sha256()
        for faces, weights in ((self.training, self.weights), (self.held_out, [0.0] * len(self.held_out))):
            for face, weight in zip(faces, weights, strict=True):
                size = face.image.stat().st_size if isinstance(face.image, Path) else face.image.shape
                digest.update(f"{face.group}\0{face.source}\0{weight}\0{size}\0".encode())
                digest.update(face.points_xy.tobytes())
        return digest.hexdigest()[:32]


def read_training_data(named: Sequence[tuple[str, float]], scheme: Scheme) -> TrainingData:
    """As `read_sides`, but there must be faces to learn from and faces to measure on.

    Raises:
        DataError, CorrectionsError: as `read_sides` does, or if there are too few faces.
    """
    data = read_sides(named, scheme)
    if not data.training or not data.held_out:
        raise DataError(
            f"{len(data.training)} faces to learn from and {len(data.held_out)} to measure on are too few: name more "
            "data. A tenth of the first one's photos is held out by name."
        )
    return data


def read_sides(named: Sequence[tuple[str, float]], scheme: Scheme) -> TrainingData:
    """Read labelled faces in the layouts of :mod:`fkd.formats`, and corrections, and part what is held out.

    Args:
        named: paths, and how often to draw the faces of each. The first one's convention is what the network learns to
            speak, and its held-out faces are measured on; of several conventions it is that of the fullest face.
            Corrections have that of the first path that holds something else.

    Raises:
        DataError: if a path holds nothing that fkd reads, or two of them are called alike.
        CorrectionsError: if a corrections file is damaged, or holds nothing to learn from.
    """
    paths = [path for path, _ in named]
    faces = {path: read_framed(path, scheme) for path in paths if not is_corrections(path)}
    refuse_one_name_for_two(faces)
    learn = {path: [face for face in faces[path] if not is_held_out(face)] for path in faces}
    measure = {path: [face for face in faces[path] if is_held_out(face)] for path in faces}
    # People correct what a network shows them: they go on in its convention, that of the faces that they stand beside.
    first = convention_of([face for path in list(faces)[:1] for face in faces[path]]) or CORRECTIONS
    for path in filter(is_corrections, paths):
        # Told the base, it holds out what the base holds out, and says which base faces give way to a correction.
        merged = read_corrections(path, scheme, [face for path in faces for face in faces[path]])
        stay = {id(face) for face in merged.base}
        learn |= {path: [face for face in learn[path] if id(face) in stay] for path in faces}
        learn[path] = [replace(face, source=first) for face in merged.training]
        measure[path] = [replace(face, source=first) for face in merged.held_out]
    training = [face for path in paths for face in learn[path]]
    weights = [weight for path, weight in named for _ in learn[path]]
    held_out = [face for path in paths[:1] for face in measure[path] if face.source == first]
    measured = {id(face) for face in held_out}
    apart = [face for path in paths for face in measure[path] if id(face) not in measured]
    sources = tuple(dict.fromkeys([first, *(face.source for face in training)]))
    return TrainingData(training, weights, held_out, sources, apart)


def refuse_one_name_for_two(faces: dict[str, list[LabelledFace]]) -> None:
    """Two places must not share the name that tells their photos, and their labelling conventions, apart.

    Raises:
        DataError: naming both.
    """
    place_of: dict[str, Path] = {}
    for path in faces:
        place = Path(path).resolve()
        # Kaggle's rows are called after their file, which in a folder is training.zip.
        name = place.stem if place.is_file() else place.name if (place / "keypoints.csv").is_file() else "training"
        if not any(face.group.startswith(f"{name}/") for face in faces[path]):
            continue  # what was merged keeps the names that it had
        if place_of.setdefault(name, place) != place:
            raise DataError(
                f"“{place_of[name]}” and “{place}” are both called “{name}”: rename one. The name tells their photos "
                "and their labelling conventions apart."
            )


def convention_of(faces: Sequence[LabelledFace]) -> str:
    """The source of the face with the most labels; "" without any face."""
    fullest = max(faces, key=n_labels, default=None)
    return fullest.source if fullest else ""


def n_labels(face: LabelledFace) -> int:
    return int(np.isfinite(face.points_xy).all(axis=1).sum())


def is_corrections(path: str | Path) -> bool:
    return Path(path).name == CORRECTIONS_FILE or (Path(path) / CORRECTIONS_FILE).is_file()
