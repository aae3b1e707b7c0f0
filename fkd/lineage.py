"""The versions of a scheme side by side: where each comes from, how well it does, what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from fkd.registry import Registry
from fkd.versions import FROZEN, HELD_OUT, OVERRIDDEN, PROMOTED, Measured, Version

__all__ = ["LineageRow", "lineage"]


@dataclass(frozen=True)
class LineageRow:
    """One version, or weights that versions were tuned from without being one.

    Attributes:
        version, parent, who, time_utc: as in :class:`fkd.versions.Version`.
        corrections: how many it learnt from.
        frozen_error: its mean error on the newest version's frozen test; None if it was measured on other faces.
        held_out: what was measured on held-out corrections, if there were any; other faces for each version.
        status: ``serves``, ``served before``, ``damaged`` where it was promoted and its weights are not whole,
            ``rolled back``, ``refused``, ``not promoted``, or ``origin`` of weights that came from elsewhere.
        reason: why the gate was overridden, where it was.
    """

    version: str
    parent: str
    corrections: int
    frozen_error: float | None
    held_out: Measured | None
    status: str
    reason: str = ""
    who: str = ""
    time_utc: str = ""


def lineage(registry: Registry, scheme: str, serving: str | None = None) -> list[LineageRow]:
    """The versions of a scheme, oldest first, each origin before what was tuned from it.

    Args:
        serving: the version that serves, where whoever asks knows better than the registry: an app may have been told
            to serve other weights.

    Raises:
        RegistryError: if the registry cannot be read.
    """
    versions = [version for version in registry.versions().values() if version.scheme == scheme]
    tests = [frozen.faces_id for version in versions if (frozen := version.on(FROZEN))]
    newest_test = tests[-1] if tests else ""
    if serving is None:
        version = registry.serving(scheme).version
        serving = version.version if version else ""
    pile = registry.pile(scheme)
    promoted = {e.version: e.reason for e in registry.history() if e.event in (PROMOTED, OVERRIDDEN)}
    rows: list[LineageRow] = []
    for version in versions:
        if version.parent not in {row.version for row in rows}:
            error = error_on(newest_test, version.parent, versions)
            rows.append(LineageRow(version.parent, "", 0, error, None, "origin"))
        if version.version == serving:
            status = "serves"
        elif version.version in pile:
            status = "damaged" if registry.problem_with(version) else "served before"
        elif version.version in promoted:
            status = "rolled back"
        else:
            status = "refused" if version.decision == "refused" else "not promoted"
        rows.append(
            LineageRow(
                version.version, version.parent, len(version.corrections),
                error_on(newest_test, version.version, versions), version.on(HELD_OUT), status,
                promoted.get(version.version, ""), version.who, version.time_utc,
            )
        )  # fmt: skip
    return rows


def error_on(test: str, name: str, versions: list[Version]) -> float | None:
    """The error of weights on a frozen test: their own, or that of what one of `versions` was tuned from."""
    for version in versions:
        frozen = version.on(FROZEN)
        if frozen and frozen.faces_id == test and name in (version.version, version.parent):
            return frozen.after if name == version.version else frozen.before
    return None
