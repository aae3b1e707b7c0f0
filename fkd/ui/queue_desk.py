"""The queue at work: photos come in, are predicted in the background, and are handed out one at a time.

A window is known by Gradio's session (`seat`), a person by what :func:`fkd.ui.queue_events.visitor_of` makes of their
login or browser (`visitor`): two windows of one person share that person's photos, and never get the same one.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from fkd.background_jobs import BackgroundJobs
from fkd.errors import CorrectionsError, FkdError, ImageError
from fkd.flags import Flags
from fkd.image_store import stored_name
from fkd.images import read_image
from fkd.leases import Leases
from fkd.photo_files import MAX_TOTAL_BYTES, remove_copies, stamp_of, taken_files
from fkd.review_queue import Estimate, QueuedPhoto, ReviewQueue
from fkd.review_seat import Seat, Seats
from fkd.ui.actions import Desk
from fkd.ui.editor import EditorDocument
from fkd.ui.photos import MAX_OPEN, OpenPhoto
from fkd.ui.queue_end import nothing_left

__all__ = ["QueueDesk"]

LOOK_AHEAD = 2  # the next photo, and one more, for the next one may be taken by somebody else
MOST_PREPARED = 100
GONE_SECONDS = 24 * 3600.0  # a visitor's photos are removed when nothing was heard of them for so long


class QueueDesk:
    """The queue of one app and the windows that work on it.

    Raises:
        RegistryError: if the flags cannot be read.
    """

    def __init__(self, desk: Desk):
        self.desk = desk
        self.queue = ReviewQueue()
        self.leases = Leases()
        self.flags = Flags(desk.store.folder)
        self.jobs = BackgroundJobs(self._read)
        # Removed when the process ends, and the photos in it with it.
        self._temporary = tempfile.TemporaryDirectory(prefix="fkd-queue-")
        self._seats = Seats()
        self._prepared: dict[tuple[str, str], OpenPhoto] = {}
        self._lent: dict[str, str] = {}  # document → the photo of the queue that it shows; outlives the windows
        self._heard_of: dict[str, float] = {}
        self._lock = threading.RLock()
        for path in desk.shared_photos:
            self.queue.add(path)

    def seat(self, seat: str) -> Seat:
        """Where a window is."""
        return self._seats[seat]

    def add_files(self, paths: Iterable[str | Path], visitor: str, scheme: str) -> str:
        """Take in photos, zips and clips of a visitor's, and begin to predict them; a sentence about what was taken.

        The files are copied. Only that visitor sees them: see :mod:`fkd.review_queue`.
        """
        folder = Path(self._temporary.name)
        left = MAX_TOTAL_BYTES - sum(path.stat().st_size for path in folder.glob("*/*"))  # of all visitors together
        count = refused = 0
        for taken in taken_files(map(Path, paths), folder, left):
            if taken.path is None:
                self.queue.refuse(visitor, taken.problem)
                refused += 1
            else:
                self.queue.add(taken.path, visitor)
                count += 1
        self.want(visitor, scheme)
        added = {0: "No photo was added", 1: "1 photo was added"}.get(count, f"{count} photos were added")
        return f"{added}; {refused} could not be used, see below the queue." if refused else f"{added}."

    def want(self, visitor: str, scheme: str) -> None:
        """Predict what the visitor may see and what these weights have not seen yet, in the background.

        Raises:
            SchemeError: if there are no weights for the scheme.
        """
        self._forget_the_gone(visitor)
        predictor = self.desk.models.predictor(scheme)
        for photo in self.queue.of(visitor):
            estimate = photo.estimates.get(scheme)
            if estimate is None or estimate.predictor is not predictor:
                self.jobs.add((photo.photo_id, scheme))

    def step(
        self, seat: str, visitor: str, scheme: str, name: str, back: bool = False
    ) -> tuple[EditorDocument | None, str]:
        """Open the next photo, or the one before, that nobody else works on; with a sentence about it.

        Returns None for the document if there is none. A photo that cannot be opened any more is passed over.
        """
        place = self._seats[seat]
        while (photo := self._take(seat, visitor, scheme, name, back)) is not None:
            try:
                opened = self._open(photo, scheme)
            except ImageError as error:
                self._drop(photo, str(error))
                continue
            document, sentence = self._shown(opened)
            with self._lock:
                place.sit(photo.photo_id, back)
                self._gave(place, document.doc_id, photo.photo_id)
            self.leases.release(seat, keep=place.held())
            return document, sentence
        return None, nothing_left(place, self.queue.counts(visitor, scheme, name), back)

    def reopen(self, seat: str, scheme: str) -> tuple[EditorDocument, str] | None:
        """The photo that the window shows with the points of another scheme; None if it shows none of the queue."""
        place = self._seats[seat]
        photo = self.queue.get(place.current) if place.current else None
        if photo is None:
            return None
        document, sentence = self.desk.show(self._open(photo, scheme))
        self._gave(place, document.doc_id, photo.photo_id)
        return document, sentence

    def resume(self, seat: str, doc_id: str) -> bool:
        """A window was reloaded, and shows again what it showed; False if somebody else works on that by now.

        The window is another one for the app from then on: it takes over the lease of the one before it.
        """
        place, photo_id = self._seats[seat], self._lent.get(doc_id, "")
        if self.queue.get(photo_id) is None:
            place.open_alone(doc_id)
            return True
        with self._lock:
            for other, its_place in list(self._seats.items()):
                if doc_id in its_place.documents:
                    self.leases.hand_over(photo_id, other, seat)
        if not self.leases.take(photo_id, seat):
            return False
        place.sit(photo_id)
        self._gave(place, doc_id, photo_id)
        return True

    def look_ahead(self, seat: str, visitor: str, scheme: str, name: str) -> list[EditorDocument]:
        """Open what comes next before it is asked for; the window may show the first one as soon as it is.

        Others take that one last, but it is not leased before it is shown: `step` says who has it.
        """
        place, shown = self._seats[seat], []
        current = place.current
        for photo in self._candidates(seat, visitor, scheme, name, back=False):
            if len(shown) == LOOK_AHEAD:
                break
            if not self.leases.is_free(photo.photo_id, seat):
                continue
            try:
                opened = self._open(photo, scheme)
            except ImageError as error:
                self._drop(photo, str(error))
                continue
            with self._lock:
                self._prepared[photo.photo_id, scheme] = opened
                while len(self._prepared) > MOST_PREPARED:
                    del self._prepared[next(iter(self._prepared))]
                if not shown and place.current == current:
                    place.offered = photo.photo_id
            shown.append(self._shown(opened)[0])
        return shown

    def offered(self, seat: str, scheme: str) -> str:
        """The id of the document that the window may show next without asking; "" if there is none."""
        with self._lock:
            prepared = self._prepared.get((self._seats[seat].offered, scheme))
        return prepared.doc_id if prepared else ""

    def flag(self, seat: str, name: str) -> str:
        """Flag the open photo, or take its flag down.

        Raises:
            CorrectionsError: if no photo of the queue is open.
            RegistryError: if the flag cannot be written.
        """
        photo = self.current(seat)
        if photo is None:
            raise CorrectionsError("Only photos of the queue can be flagged. Open one with “Next”.")
        flagged = photo.image not in self.flags
        self.flags.put(photo.image, flagged, name)
        for copy in self.queue.copies(photo.image):
            copy.flagged = flagged
        self.leases.renew(seat)
        return f"{photo.path.name} is {'flagged' if flagged else 'not flagged any more'}."

    def current(self, seat: str) -> QueuedPhoto | None:
        """The photo of the queue that a window shows."""
        current = self._seats[seat].current
        return self.queue.get(current) if current else None

    def saved(self, doc_id: str) -> None:
        """Something was saved or taken back in a document: what is corrected, and by whom, is looked up anew."""
        photo = self.desk.photos.get(doc_id)
        for copy in self.queue.copies(photo.image):
            copy.correctors = self.desk.store.annotators_of(photo.image)

    def renew(self, seat: str) -> None:
        """Somebody works on the open photo: it stays theirs, and is theirs again if nobody else has it."""
        self.leases.renew(seat)
        current = self._seats[seat].current
        if current:
            self.leases.take(current, seat)

    def leave(self, seat: str) -> None:
        """The window was closed, or cut off: what it worked on is free for others."""
        self.leases.release(seat)
        with self._lock:
            self._seats.leave(seat)

    def _candidates(self, seat: str, visitor: str, scheme: str, name: str, back: bool) -> list[QueuedPhoto]:
        with self._lock:
            place = self._seats[seat]
            ordered = self.queue.ordered(visitor, scheme, place.shown, name)
            tried = list(place.behind() if back else place.ahead([photo.photo_id for photo in ordered]))
            others = {other.offered for other in list(self._seats.values()) if other is not place}
        if not back:
            tried.sort(key=lambda photo: (photo != place.offered, photo in others))
        return [photo for photo in map(self.queue.get, tried) if photo is not None]

    def _take(self, seat: str, visitor: str, scheme: str, name: str, back: bool) -> QueuedPhoto | None:
        candidates = self._candidates(seat, visitor, scheme, name, back)
        return next((photo for photo in candidates if self.leases.take(photo.photo_id, seat)), None)

    def _gave(self, place: Seat, doc_id: str, photo_id: str) -> None:
        place.gave(doc_id, photo_id)
        self._lent[doc_id] = photo_id
        while len(self._lent) > MAX_OPEN:
            del self._lent[next(iter(self._lent))]

    def _open(self, photo: QueuedPhoto, scheme: str) -> OpenPhoto:
        """The photo with its faces, opened before or now, and predicted now only if these weights have not seen it."""
        predictor = self.desk.models.predictor(scheme)
        stamp = stamp_of(photo.path)
        with self._lock:
            prepared = self._prepared.pop((photo.photo_id, scheme), None)
        if prepared and prepared.predictor is predictor and stamp == photo.stamp and prepared.display.exists():
            return prepared
        estimate = photo.estimates.get(scheme)
        if estimate and estimate.predictor is predictor and stamp == photo.stamp:
            return self.desk.photos.open(photo.path, predictor, estimate.faces, photo.image)
        with self.jobs.interactive():
            return self.desk.photos.open(photo.path, predictor)

    def _shown(self, photo: OpenPhoto) -> tuple[EditorDocument, str]:
        document, sentence = self.desk.show(photo)
        document.selected = photo.neediest_face()
        return document, sentence

    def _read(self, job: tuple[str, str]) -> None:
        """Predict a photo for a scheme: the background job."""
        photo_id, scheme = job
        photo = self.queue.get(photo_id)
        if photo is None:
            return
        try:
            self._estimate(photo, scheme)
        except ImageError as error:
            self._drop(photo, str(error))
        except FkdError as error:
            self.queue.refuse(photo.owner, str(error))

    def _estimate(self, photo: QueuedPhoto, scheme: str) -> None:
        predictor, stamp = self.desk.models.predictor(scheme), stamp_of(photo.path)
        pixels = read_image(photo.path)
        faces = predictor(pixels)
        disagreement = max(predictor.mirror_disagreement(pixels, faces), default=0.0)
        if stamp != photo.stamp:
            image = f"images/{stored_name(photo.path)}"
            twin = next((other for other in self.queue.copies(image) if other.owner in ("", photo.owner)), None)
            if twin not in (None, photo):
                problem = f"{photo.path.name} is the same picture as {twin.path.name}, which is in the queue already."
                self._drop(photo, problem)
                return
            photo.image, photo.stamp, photo.flagged = image, stamp, image in self.flags
            photo.correctors = self.desk.store.annotators_of(image)
        photo.estimates[scheme] = Estimate(predictor, tuple(faces), float(disagreement))

    def _drop(self, photo: QueuedPhoto, problem: str) -> None:
        self.queue.drop(photo, problem)
        if photo.owner:
            remove_copies([photo.path])

    def _forget_the_gone(self, visitor: str) -> None:
        """Remove the photos of visitors of whom nothing was heard for `GONE_SECONDS`."""
        now = time.monotonic()
        with self._lock:
            self._heard_of[visitor] = now
            gone = [known for known, heard in self._heard_of.items() if now - heard > GONE_SECONDS]
            for known in gone:
                del self._heard_of[known]
        remove_copies(photo.path for photo in self.queue.take_out(gone))
