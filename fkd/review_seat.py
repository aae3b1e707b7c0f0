"""One person's way through the queue, in one window: where they are, where they were, and what comes next."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["Seat", "Seats"]

KEPT_DOCUMENTS = 20
KEPT_SEATS = 1000


@dataclass(eq=False)
class Seat:
    """A window's place in the queue. Photos are named by their ids.

    Attributes:
        shown: the filter that was chosen, of :data:`~fkd.review_queue.FILTERS`.
        visits: the photos that were opened, in this order; back and forward go along it, as in a browser.
        at: which of `visits` is open; -1 before the first.
        offered: the photo that the window has at hand to show next; "" if it has none.
        in_editor: whether the open photo is of the queue, and not one that was opened on its own.
        alone: the document of the photo that was opened on its own last; "" if there is none.
        documents: the photos of the documents that the editor was given, the last few.
        told: the last few documents that the window showed before it was answered, and whether that was right.
        step: the number of the step that was answered last.
        lock: held while a step is made: what a window repeats can come in with the first.
    """

    shown: str = "unlabelled"
    visits: list[str] = field(default_factory=list)
    at: int = -1
    offered: str = ""
    in_editor: bool = False
    alone: str = ""
    documents: OrderedDict[str, str] = field(default_factory=OrderedDict)
    told: OrderedDict[str, bool] = field(default_factory=OrderedDict)
    step: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    _seen: set[str] = field(default_factory=set)

    @property
    def current(self) -> str | None:
        """The photo of the queue that the editor shows."""
        return self.visits[self.at] if self.in_editor else None

    def show(self, shown: str) -> None:
        """Choose a filter: what comes next starts anew with the one that needs a person most."""
        self.shown, self.offered = shown, ""
        del self.visits[self.at + 1 :]
        self._seen = set(self.visits[-1:])

    def ahead(self, ordered: Sequence[str]) -> Iterator[str]:
        """What to try next: forward along `visits`, then what was not seen yet, then `ordered` round from here."""
        here = ordered.index(self.current) if self.current in ordered else 0
        unseen = (photo for photo in ordered if photo not in self._seen)
        tried = (*self.visits[self.at + 1 :], *unseen, *ordered[here:], *ordered[:here])
        return (photo for photo in dict.fromkeys(tried) if photo != self.current)

    def behind(self) -> Iterator[str]:
        """What to try when the person goes back."""
        return reversed(self.visits[: self._before])

    def sit(self, photo: str, back: bool = False) -> None:
        """The photo was opened: one of `behind` if the person went back, else one of `ahead`."""
        if back:
            self.at = self._before - 1 - self.visits[: self._before][::-1].index(photo)
        elif photo in self.visits[self.at + 1 :]:
            self.at = self.visits.index(photo, self.at + 1)
        else:
            self.visits[self.at + 1 :] = [photo]
            self.at += 1
        self.in_editor, self.offered = True, ""
        self._seen.add(photo)

    @property
    def _before(self) -> int:
        """How many of `visits` lie behind: a photo that was opened on its own lies after the last one."""
        return self.at if self.in_editor else self.at + 1

    def gave(self, doc_id: str, photo: str) -> None:
        """The editor was given the photo as a document of that id."""
        self.documents[doc_id] = photo
        while len(self.documents) > KEPT_DOCUMENTS:
            self.documents.popitem(last=False)

    def tell(self, doc_id: str, is_right: bool) -> None:
        """The window said that it shows this document, and was answered whether that is what it is to show."""
        self.told[doc_id] = is_right
        while len(self.told) > KEPT_DOCUMENTS:
            self.told.popitem(last=False)

    def open_alone(self, doc_id: str) -> None:
        """A photo was opened on its own; or none is open, with ""."""
        self.in_editor, self.alone = False, doc_id

    def stay(self, doc_id: str) -> None:
        """The person stays with an earlier document although another one was opened."""
        photo = self.documents.get(doc_id)
        if photo not in self.visits:
            self.open_alone(doc_id)
            return
        self.in_editor = True
        self.at = len(self.visits) - 1 - self.visits[::-1].index(photo)

    def held(self) -> set[str]:
        """What stays leased: the open photo, and the one before it, whose unsaved points the editor may ask about."""
        return set(self.visits[max(self.at - 1, 0) : self.at + 2])


class Seats(defaultdict[str, Seat]):
    """The places of windows, by what the windows are called. The last `KEPT_SEATS` that were left are kept."""

    def __init__(self) -> None:
        super().__init__(Seat)
        self._left: OrderedDict[str, None] = OrderedDict()

    def leave(self, name: str) -> None:
        """The window was closed, or only cut off for a while: then it goes on where it was."""
        if name not in self:
            return
        self[name].offered = ""
        self._left[name] = None
        self._left.move_to_end(name)
        while len(self._left) > KEPT_SEATS:
            self.pop(self._left.popitem(last=False)[0], None)
