"""The photos that wait to be corrected, in the order in which a person's time does most good.

Least certain first: a photo is as certain as its least certain face, by the mean confidence of the face's points;
among equals, the one comes first whose answers differ more from those for its mirror image. Photos in which no face
was found come last.

Whose photos: those of the operator's folder belong to nobody (owner "") and are shared by everybody who can open the
app. What a visitor adds belongs to that visitor, and nobody else is ever shown it, nor told that it is there.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fkd.predictor import Face, KeypointPredictor

__all__ = ["FILTERS", "UNCERTAIN", "Estimate", "QueuedPhoto", "ReviewQueue"]

# Below this mean confidence, the model itself expects four in ten points of a face to be off by more than 5 % of the
# distance between the eyes.
UNCERTAIN = 0.6
MAX_PROBLEMS = 200  # sentences kept a visitor


@dataclass(frozen=True, eq=False)
class Estimate:
    """What `predictor` made of a photo.

    Attributes:
        faces: in reading order.
        disagreement: the largest :meth:`~fkd.predictor.KeypointPredictor.mirror_disagreement` of a face; 0 without one.
    """

    predictor: KeypointPredictor
    faces: tuple[Face, ...]
    disagreement: float = 0.0

    @property
    def certainty(self) -> float | None:
        """Mean confidence of the least certain face, 0 to 1; None without a face."""
        return min((float(face.confidence.mean()) for face in self.faces), default=None)


@dataclass(eq=False)
class QueuedPhoto:
    """A photo in the queue.

    Attributes:
        owner: the visitor who added it; "" if it is shared.
        image: what rows of corrections call it; "" until it was read.
        estimates: by scheme; empty until it was read.
        correctors: by scheme, the names of those whose corrections of it are in force.
    """

    photo_id: str
    path: Path
    owner: str = ""
    image: str = ""
    stamp: tuple[int, int] = (0, 0)
    flagged: bool = False
    estimates: dict[str, Estimate] = field(default_factory=dict)
    correctors: dict[str, frozenset[str]] = field(default_factory=dict)

    def order(self, scheme: str) -> tuple:
        """Sorts photos by how much they need a person."""
        estimate = self.estimates[scheme]
        certainty = estimate.certainty
        # Differences beyond the second decimal mean nothing: such photos count as equally certain.
        known = 2.0 if certainty is None else round(certainty, 2)
        return known, -estimate.disagreement, int(self.photo_id)

    def is_uncertain(self, scheme: str) -> bool:
        """Whether the model is not sure of a face, or found none."""
        certainty = self.estimates[scheme].certainty
        return certainty is None or certainty < UNCERTAIN


# What a person may want to see: whether a photo is shown for a scheme, to an annotator of that name.
FILTERS: dict[str, Callable[[QueuedPhoto, str, str], bool]] = {
    "unlabelled": lambda photo, scheme, _: bool(photo.estimates[scheme].faces) and not photo.correctors.get(scheme),
    "uncertain": lambda photo, scheme, _: photo.is_uncertain(scheme),
    "corrected": lambda photo, scheme, _: bool(photo.correctors.get(scheme)),
    "flagged": lambda photo, scheme, _: photo.flagged,
    "mine": lambda photo, scheme, name: name in photo.correctors.get(scheme, ()),
    "all": lambda photo, scheme, _: True,
}


class ReviewQueue:
    """All photos that wait, of all visitors, for any number of threads."""

    def __init__(self):
        self._photos: dict[str, QueuedPhoto] = {}
        self._problems: dict[str, list[str]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, path: Path, owner: str = "") -> QueuedPhoto:
        """Put a photo at the end of those that wait to be read."""
        with self._lock:
            photo = QueuedPhoto(str(next(self._numbers)), path, owner)
            self._photos[photo.photo_id] = photo
        return photo

    def refuse(self, owner: str, problem: str) -> None:
        """Remember a sentence about a file that could not be used; the newest of very many are dropped."""
        with self._lock:
            problems = self._problems.setdefault(owner, [])
            if len(problems) < MAX_PROBLEMS and problem not in problems:
                problems.append(problem)

    def drop(self, photo: QueuedPhoto, problem: str) -> None:
        """Take out a photo that cannot be read, and remember why."""
        with self._lock:
            self._photos.pop(photo.photo_id, None)
        self.refuse(photo.owner, problem)

    def get(self, photo_id: str) -> QueuedPhoto | None:
        """The photo of that id, whoever may see it; None if it was taken out."""
        with self._lock:
            return self._photos.get(photo_id)

    def copies(self, image: str) -> list[QueuedPhoto]:
        """All photos that rows of corrections call `image`, whoever may see them."""
        with self._lock:
            return [photo for photo in self._photos.values() if photo.image == image]

    def of(self, visitor: str) -> list[QueuedPhoto]:
        """The photos that a visitor may see, in the order in which they were added."""
        with self._lock:
            return [photo for photo in self._photos.values() if photo.owner in ("", visitor)]

    def problems(self, visitor: str) -> list[str]:
        """Sentences about files that a visitor may know of and that could not be used."""
        with self._lock:
            return [*self._problems.get("", []), *(self._problems.get(visitor, []) if visitor else [])]

    def ordered(self, visitor: str, scheme: str, shown: str, name: str) -> list[QueuedPhoto]:
        """The photos that were read and pass the filter `shown`, those first that need a person most.

        Args:
            name: the annotator's, for the filter “mine”.
        """
        passes = FILTERS[shown]
        ready = [photo for photo in self.of(visitor) if scheme in photo.estimates and passes(photo, scheme, name)]
        return sorted(ready, key=lambda photo: photo.order(scheme))

    def counts(self, visitor: str, scheme: str, name: str) -> Counter[str]:
        """How many photos pass each filter, and how many are still to be read (“waiting”)."""
        photos = self.of(visitor)
        ready = [photo for photo in photos if scheme in photo.estimates]
        counts = Counter({shown: sum(passes(p, scheme, name) for p in ready) for shown, passes in FILTERS.items()})
        counts["waiting"] = len(photos) - len(ready)
        return counts

    def hand_over(self, old: str, new: str) -> None:
        """A visitor turned out to be another one: what was theirs is that one's."""
        with self._lock:
            for photo in self._photos.values():
                if photo.owner == old:
                    photo.owner = new
            if old in self._problems:
                self._problems.setdefault(new, []).extend(self._problems.pop(old))

    def take_out(self, owners: Iterable[str]) -> list[QueuedPhoto]:
        """Remove everything of visitors who are gone, and return their photos."""
        gone = set(owners) - {""}
        with self._lock:
            photos = [photo for photo in self._photos.values() if photo.owner in gone]
            for photo in photos:
                del self._photos[photo.photo_id]
            for owner in gone:
                self._problems.pop(owner, None)
        return photos
