"""Pictures that a person flagged for somebody to look at, in `flags.jsonl` beside the corrections.

One JSON object a line, ``{"image", "flagged", "annotator", "time_utc"}``; the last line of a picture counts, and
nothing is ever rewritten.
"""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from fkd.json_lines import JsonLines

__all__ = ["Flags"]


class Flags:
    """The flags of one folder of corrections, read once and kept up to date with what is flagged through this object.

    Raises:
        RegistryError: if the file cannot be read.
    """

    def __init__(self, folder: Path):
        self._lines = JsonLines(folder / "flags.jsonl")
        newest = {row["image"]: row.get("flagged") for row in self._lines.read() if "image" in row}
        self._flagged = {image for image, flagged in newest.items() if flagged}

    def __contains__(self, image: str) -> bool:
        """Whether the picture that rows call `image` (``images/<hash>.<ext>``) is flagged."""
        return image in self._flagged

    def put(self, image: str, flagged: bool, annotator: str = "") -> None:
        """Flag a picture or take its flag down, by appending a line.

        Raises:
            RegistryError: if the line cannot be written; the flag is as before then.
        """
        time_utc = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        self._lines.append({"image": image, "flagged": flagged, "annotator": annotator, "time_utc": time_utc})
        (self._flagged.add if flagged else self._flagged.discard)(image)
