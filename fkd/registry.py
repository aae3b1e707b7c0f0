"""The registry of versions on disk: which one serves, and the way back.

``registry.jsonl`` in the folder of the runs has a line for everything that happened to a version, and is only ever
appended to. What serves follows from it: promotions pile up, a roll back takes from the pile, and of what is left the
topmost version whose weights are whole serves. So a promotion is one appended line: it has happened or it has not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from fkd import hub
from fkd.errors import RegistryError, WeightsError
from fkd.json_lines import JsonLines
from fkd.versions import (
    CANCELLED,
    OVERRIDDEN,
    PROMOTED,
    REFUSED,
    ROLLED_BACK,
    Event,
    Serving,
    Version,
    one_line,
    version_of_row,
)  # fmt: skip

__all__ = ["Registry"]

_OWN = "the weights that the app brings along"


class Registry:
    """The versions in one folder. Any number of programs may use it at a time.

    Every method raises RegistryError if the registry cannot be read or written.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self._lines = JsonLines(self.folder / "registry.jsonl")

    @property
    def path(self) -> Path:
        return self._lines.path

    @property
    def notices(self) -> list[str]:
        """Sentences about what was found and mended on the way (an incomplete last line)."""
        return self._lines.notices

    def versions(self) -> dict[str, Version]:
        """Every registered version by its name, oldest first."""
        return self._read()[0]

    def history(self) -> list[Event]:
        """Everything that happened to versions, oldest first."""
        return self._read()[1]

    def weights_of(self, version: Version) -> Path:
        """The folder of its weights."""
        return self.folder / version.folder

    def register(self, version: Version) -> Version:
        """Add a version whose weights are in place; returns it with their hash.

        Args:
            version: its `folder` may be any path to it, its `sha256` is not looked at.

        Raises:
            RegistryError: if there is one of that name.
            WeightsError: if its weights are not there.
        """
        folder = Path(version.folder).resolve()
        sha256 = hash_of_weights(folder)
        home = self.folder.resolve()
        stored = folder.relative_to(home).as_posix() if folder.is_relative_to(home) else str(folder)
        version = replace(version, folder=stored, sha256=sha256, who=one_line(version.who))
        with self._lines.locked():
            if version.version in self.versions():
                raise RegistryError(f"There is a version {version.version} already; a version is never changed.")
            self._lines.append({"event": "registered"} | asdict(version))
        return version

    def promote(self, name: str, who: str, override: str = "") -> str:
        """Let a version serve from now on; returns a sentence.

        Args:
            override: the reason to promote it although the gate refused.

        Raises:
            RegistryError: if there is no such version, it serves already, its weights are damaged, or the gate refused
                it and nobody overrides that. The last is recorded.
        """
        override = one_line(override)
        with self._lines.locked():
            versions, history = self._read()
            version = self._named(name, versions)
            if problem := self.problem_with(version):
                raise RegistryError(f"{problem} It was not promoted.")
            serving = self._serving(_pile(history, version.scheme), versions)
            if serving is version:
                raise RegistryError(f"{name} serves {version.scheme} already.")
            if version.decision == "refused" and not override:
                self._happened(REFUSED, version, who, " ".join(version.reasons))
                raise RegistryError(
                    f"The gate refused {name}: {' '.join(version.reasons)} "
                    "To promote it all the same, give a reason (--override)."
                )
            against = version.decision == "refused"
            self._happened(OVERRIDDEN if against else PROMOTED, version, who, override)
        overridden = f" The gate was overridden: {override}" if against else ""
        replaced = serving.version if serving else _OWN
        return f"{name} serves {version.scheme} now, in the place of {replaced}.{overridden}"

    def before(self, scheme: str) -> str:
        """What a roll back would let serve, by its name; "" if there is nothing to roll back."""
        versions, history = self._read()
        pile = _pile(history, scheme)
        return self._before(pile, versions) if pile else ""

    def rollback(
        self, scheme: str, who: str, to: str | None = None, reason: str = "", expected: str | None = None
    ) -> str:
        """Let what served before serve again; returns a sentence.

        Args:
            to: one of the versions that served before, or what the first of them was tuned from; else the newest of
                those before the one that serves whose weights are whole.
            expected: what the person was told that this lets serve, see `before`; None if nothing was told.

        Raises:
            RegistryError: if nothing was promoted for the scheme, `to` did not serve before or is damaged, or what
                would serve is not what was expected any more.
        """
        with self._lines.locked():
            versions, history = self._read()
            pile = _pile(history, scheme)
            if not pile:
                raise RegistryError(f"There is nothing to roll back: {_OWN} serve {scheme}.")
            before = self._before(pile, versions)
            if expected is not None and expected != before:
                raise RegistryError(
                    f"Nothing was rolled back: something else was promoted or rolled back meanwhile, and {before} "
                    "would serve now. Look at the versions, and click again if that is meant."
                )
            origin = _origin(pile, versions)
            to = before if to is None else to
            if to not in [origin, *pile[:-1]]:
                served = ", ".join(dict.fromkeys([origin, *pile[:-1]]))
                raise RegistryError(f"“{to}” did not serve before {pile[-1]}. These did: {served}.")
            name = to if to in pile[:-1] else ""
            if name and (problem := self._problem(name, versions)):
                raise RegistryError(f"{problem} Nothing was rolled back.")
            serving = self._serving(pile, versions)
            self._append(Event(event=ROLLED_BACK, version=name, scheme=scheme, who=who, reason=reason))
        taken = serving.version if serving and serving.version != to else pile[-1]
        return f"{taken} no longer serves {scheme}: {name or _OWN} {'does' if name else 'do'} again."

    def cancelled(self, name: str, scheme: str, who: str, reason: str) -> None:
        """Record that a fine-tune was stopped before there was a version."""
        self._append(Event(event=CANCELLED, version=name, scheme=scheme, who=who, reason=reason))

    def serving(self, scheme: str) -> Serving:
        """What serves a scheme: the newest promoted version that was not rolled back and whose weights are whole."""
        versions, history = self._read()
        pile = _pile(history, scheme)
        found, problems = self._serving(pile, versions), []
        for name in reversed(pile):
            if found and name == found.version:
                break
            problems.append(f"{self._problem(name, versions)} What served before it serves on.")
        return Serving(found, tuple(dict.fromkeys(problems)), len(_changes(history, scheme)))

    def schemes(self) -> set[str]:
        """The schemes that a promoted version serves."""
        history = self.history()
        return {event.scheme for event in history if _pile(history, event.scheme)}

    def pile(self, scheme: str) -> list[str]:
        """The versions that were promoted and not rolled back, the newest last: it serves if its weights are whole."""
        return _pile(self.history(), scheme)

    def problem_with(self, version: Version) -> str:
        """A sentence about what is wrong with a version's weights; "" if they are what was registered."""
        try:
            digest = hash_of_weights(self.weights_of(version))
        except WeightsError as error:
            return f"The weights of {version.version} cannot be used: {error}"
        if digest != version.sha256:
            return f"The weights of {version.version} are damaged: they are not what was registered."
        return ""

    def _problem(self, name: str, versions: Mapping[str, Version]) -> str:
        """As `problem_with`, for a version that was promoted."""
        if name not in versions:
            return f"{name} was promoted, but {self.path.name} has no line any more that says what it is."
        return self.problem_with(versions[name])

    def _serving(self, pile: Sequence[str], versions: Mapping[str, Version]) -> Version | None:
        return next((versions[name] for name in reversed(pile) if not self._problem(name, versions)), None)

    def _before(self, pile: Sequence[str], versions: Mapping[str, Version]) -> str:
        """What is left when the version that serves and all above it are taken off, by its name."""
        serving = self._serving(pile, versions)
        top = len(pile) - 1 - pile[::-1].index(serving.version) if serving else 0
        below = self._serving(pile[:top], versions)
        return below.version if below else _origin(pile, versions)

    def _named(self, name: str, versions: dict[str, Version]) -> Version:
        if name not in versions:
            raise RegistryError(f"{self.path} has no version “{name}”. “python -m training versions” lists them.")
        return versions[name]

    def _happened(self, what: str, version: Version, who: str, reason: str) -> None:
        self._append(Event(event=what, version=version.version, scheme=version.scheme, who=who, reason=reason))

    def _append(self, event: Event) -> None:
        self._lines.append(asdict(replace(event, who=one_line(event.who), reason=one_line(event.reason))))

    def _read(self) -> tuple[dict[str, Version], list[Event]]:
        versions, history = {}, []
        for row in self._lines.read():
            try:
                if row.get("event") == "registered":
                    version = version_of_row({key: value for key, value in row.items() if key != "event"})
                    versions[version.version] = version
                else:
                    history.append(Event(**row))
            except (KeyError, TypeError) as error:
                raise RegistryError(f"{self.path} has a line that this fkd does not read ({error!r}).") from error
        return versions, history


def _changes(history: Sequence[Event], scheme: str) -> list[Event]:
    return [e for e in history if e.scheme == scheme and e.event in (PROMOTED, OVERRIDDEN, ROLLED_BACK)]


def _origin(pile: Sequence[str], versions: Mapping[str, Version]) -> str:
    """What serves when all versions of a pile are taken off: the weights that the first was tuned from, by their name
    where it is theirs."""
    parent = versions[pile[0]].parent if pile[0] in versions else _OWN
    return _OWN if parent in versions else parent


def _pile(history: Sequence[Event], scheme: str) -> list[str]:
    """The versions that serve or would serve again, the one that serves last."""
    pile: list[str] = []
    for event in _changes(history, scheme):
        if event.event != ROLLED_BACK:
            pile.append(event.version)
            continue
        pile = pile[:-1]
        while pile and pile[-1] != event.version:
            pile.pop()
    return pile


def hash_of_weights(folder: Path) -> str:
    """The SHA-256 of the weights in a folder.

    Raises:
        WeightsError: if they are not there or cannot be read.
    """
    hub.read_config(folder)
    file = folder / "model.safetensors"
    try:
        return hub.sha256_of(file)
    except OSError as error:
        raise WeightsError(f"“{file}” cannot be read ({error.strerror or error}).") from error
