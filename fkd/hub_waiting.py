"""Corrections that are not on the Hub yet, by name: what would be lost with this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fkd.correction_file import CorrectionFile
from fkd.correction_rows import decode_line, from_row, links_of
from fkd.corrections import Correction, Undo
from fkd.hub_client import without_tokens
from fkd.hub_shards import rows_on_hub

__all__ = ["rows_not_on_hub", "waiting_in_words"]

_NAMED = 10


def rows_not_on_hub(repo: str, folder: Path) -> list[Correction | Undo]:
    """The rows of the ``corrections.csv`` in `folder` that a dataset repository does not have, oldest first.

    Raises:
        HubError: if the Hub cannot be reached, or refuses.
        CorrectionsError: if the file is no corrections file.
    """
    there = rows_on_hub(repo)
    lines = (line for _, line in CorrectionFile(folder / "corrections.csv").forwards())
    return [from_row(decode_line(line)) for line in lines if links_of(line).id not in there]


def waiting_in_words(repo: str, rows: Sequence[Correction | Undo]) -> str:
    """What is not on the Hub yet, a line each; one sentence if everything is."""
    if not rows:
        return f"All corrections are on {repo}."
    count = "1 correction is" if len(rows) == 1 else f"{len(rows)} corrections are"
    more = [f"… and {len(rows) - _NAMED} more"] if len(rows) > _NAMED else []
    return "\n".join([f"{count} not on {repo} yet:", *map(_in_words, rows[:_NAMED]), *more])


def _in_words(row: Correction | Undo) -> str:
    what = "a save taken back" if isinstance(row, Undo) else f"a face of {row.image}"
    return without_tokens(f"{row.time_utc}: {what}, by {row.annotator or 'somebody'} (row {row.id})")
