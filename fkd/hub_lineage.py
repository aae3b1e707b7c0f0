"""What the registry of versions on disk knows of weights that are to go to the Hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fkd.errors import HubError
from fkd.hub import weights_folder
from fkd.hub_versions import read_state
from fkd.registry import Registry
from fkd.versions import OVERRIDDEN, PROMOTED, Measured

__all__ = ["Lineage", "lineage_of", "weights_to_push"]


@dataclass(frozen=True)
class Lineage:
    """Where a version comes from.

    Attributes:
        ancestors: the versions that it descends from, its parent first.
        measured: before and after on the same faces, as its fine-tune measured them.
        base_repo: the repository on the Hub that its parent was pulled from or pushed to, if it was.
    """

    ancestors: tuple[str, ...] = ()
    measured: tuple[Measured, ...] = ()
    base_repo: str | None = None


def weights_to_push(registry: Registry, scheme: str, name: str | None) -> Path:
    """The folder of the weights of that name: a registered version, a shipped name or a folder; without, what serves.

    Raises:
        WeightsError: if there are none of that name.
    """
    if name is None:
        serving = registry.serving(scheme).version
        return registry.weights_of(serving) if serving else weights_folder(scheme)
    version = registry.versions().get(name)
    return registry.weights_of(version) if version else weights_folder(name)


def lineage_of(registry: Registry, version: str) -> Lineage:
    """What the registry knows of a version; nothing of one that was trained from the start, or elsewhere.

    Raises:
        HubError: if it knows it and it was never promoted: what is newest on the Hub is what apps begin to use.
    """
    versions = registry.versions()
    this = versions.get(version)
    if this is None:
        return Lineage()
    if not any(event.version == version and event.event in (PROMOTED, OVERRIDDEN) for event in registry.history()):
        raise HubError(
            f"{version} was never promoted, and what is newest on the Hub is what apps begin to use. Promote it first: "
            f"`python -m training promote {version}`."
        )
    ancestors, parent = [this.parent], versions.get(this.parent)
    state = read_state(registry.weights_of(parent)) if parent else None
    while parent is not None and parent.parent not in ancestors:
        ancestors.append(parent.parent)
        parent = versions.get(parent.parent)
    return Lineage(tuple(ancestors), this.measured, state.repo if state else None)
