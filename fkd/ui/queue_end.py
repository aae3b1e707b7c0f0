"""What is said when the queue has no other photo for a window."""

from __future__ import annotations

from collections.abc import Mapping

from fkd.review_seat import Seat

__all__ = ["nothing_left"]


def nothing_left(place: Seat, counts: Mapping[str, int], back: bool) -> str:
    """A sentence about why nothing was opened, and what to do.

    Args:
        place: where the window is.
        counts: how many photos pass each filter, and how many are “waiting”, see :class:`fkd.review_queue.ReviewQueue`.
        back: whether the person went back.
    """
    if back:
        return "This is the first photo that you opened."
    if counts["waiting"]:
        return "The next photos are being predicted. Try again in a moment."
    if place.shown == "unlabelled" and counts["all"] and not counts["unlabelled"]:
        faceless = counts["all"] - counts["corrected"]
        where = " Photos without a face that was found are in “Uncertain”: draw their boxes." if faceless else ""
        return f"Every photo with a face is labelled.{where}"
    if counts[place.shown] > 1 or (counts[place.shown] == 1 and place.current is None):
        return "The photos that are left here are open in other windows."
    return "There is no other photo here. Choose another list above, or add photos."
