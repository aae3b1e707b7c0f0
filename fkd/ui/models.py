"""The predictors that the app serves: one a scheme, loaded when first asked for, switched by a promotion."""

from __future__ import annotations

import threading
from pathlib import Path

from fkd import hub
from fkd.errors import FkdError, SchemeError, WeightsError
from fkd.predictor import KeypointPredictor
from fkd.registry import Registry
from fkd.schemes import load_scheme, scheme_names
from fkd.ui.zero_gpu import predictor_class
from fkd.versions import Version

__all__ = ["ServedModels"]


class ServedModels:
    """Weights by scheme: what the registry says, else `weights` in the place of those of its scheme, else the shipped.

    Weights that were named win over what was promoted before the start; a promotion or roll back after it counts.

    Args:
        weights: a shipped name, a folder or a Hub id; None serves the shipped weights and what was promoted.
        device: as for :class:`~fkd.predictor.KeypointPredictor`.
        runs: folder of the registry of versions; None if there is none.

    Raises:
        WeightsError: if `weights` cannot be loaded: better at the start than at the first photo.
        RegistryError: if the registry cannot be read.
    """

    def __init__(self, weights: str | Path | None = None, device: str = "auto", runs: str | Path | None = None):
        self.device = device
        self.registry = None if runs is None else Registry(runs)
        self._loaded: dict[str, KeypointPredictor] = {}
        self._own: dict[str, KeypointPredictor] = {}  # those of `weights`, or from the Hub
        self._served: dict[str, Version | None] = {}  # what `_loaded` are; None for what the app brings along
        self._notices: dict[str, str] = {}
        self._seen = self._stamp()
        self._lock = threading.RLock()  # held for no longer than it takes to look up or to swap, but for first loads
        self._switching = threading.Lock()  # held while a newly promoted version loads
        self.default_scheme = "ibug68"
        self._own_sources: dict[str, str | Path] = {}
        self._changes_before: dict[str, int] = {}  # in the registry, when `_own` came
        if weights is not None:
            predictor = predictor_class().from_pretrained(weights, device=device)
            self.default_scheme = predictor.scheme.name
            self.take(predictor, weights)

    def take(self, predictor: KeypointPredictor, source: str | Path) -> None:
        """Serve `predictor` for its scheme from now on; what is promoted or rolled back after this counts again.

        Args:
            source: where it was loaded from.

        Raises:
            RegistryError: if the registry cannot be read.
        """
        scheme = predictor.scheme.name
        with self._switching:
            changes = 0 if self.registry is None else self.registry.serving(scheme).changes
            with self._lock:
                self._own[scheme] = self._loaded[scheme] = predictor
                self._own_sources[scheme], self._served[scheme], self._notices[scheme] = source, None, ""
                self._changes_before[scheme] = changes

    @property
    def schemes(self) -> list[str]:
        """Names of the schemes that can be predicted."""
        promoted = self.registry.schemes() if self.registry else set()
        return sorted({*hub.shipped_names()} & {*scheme_names()} | {*self._own, *promoted})

    def predictor(self, scheme: str) -> KeypointPredictor:
        """The predictor of `scheme`; the caller may go on using it when another takes its place.

        Raises:
            SchemeError: if there is no such scheme, or no weights for it.
        """
        self.refresh()
        with self._lock:
            if scheme not in self._loaded:
                load_scheme(scheme)
                self._load_first(scheme)
            return self._loaded[scheme]

    def refresh(self) -> None:
        """Switch to what was promoted or rolled back since the last look; costs next to nothing if nothing was.

        What cannot be used is told by `notice`, and what served before serves on. While one thread loads the new
        weights, the others go on with the old ones.
        """
        stamp = self._stamp()
        if stamp == self._seen or not self._switching.acquire(blocking=False):
            return
        try:
            for scheme in list(self._loaded):
                self._switch(scheme)
            self._seen = stamp
        finally:
            self._switching.release()

    def look_again(self, scheme: str) -> None:
        """Switch to what the registry says serves `scheme`, although it says what it said before: weights that are
        served may have been damaged since, and the next start would pass them over.

        Raises:
            SchemeError: as for `predictor`.
        """
        self.predictor(scheme)
        with self._switching:
            self._switch(scheme)

    def notice(self, scheme: str) -> str:
        """What is wrong with promoted weights of `scheme` or with the registry; "" if all is well."""
        found = self.registry.notices if self.registry else []
        return " ".join(sentence for sentence in (self._notices.get(scheme, ""), *found) if sentence)

    def source(self, scheme: str) -> str | Path:
        """What serves `scheme` now, as :meth:`~fkd.predictor.KeypointPredictor.from_pretrained` takes it.

        Raises:
            SchemeError: as for `predictor`.
        """
        self.predictor(scheme)
        with self._lock:
            version = self._served[scheme]
        if version is not None:
            return self.registry.weights_of(version)
        return self._own_sources.get(scheme, scheme)

    def _switch(self, scheme: str) -> None:
        """Load what the registry says serves, and put it in place."""
        try:
            version, notice = self._to_serve(scheme)
            if version != self._served[scheme]:
                predictor = self._load(scheme, version)
                with self._lock:
                    self._loaded[scheme], self._served[scheme] = predictor, version
        except FkdError as error:
            notice = str(error)
        self._notices[scheme] = notice

    def _load_first(self, scheme: str) -> None:
        version, notice = self._to_serve(scheme)
        try:
            predictor = self._load(scheme, version)
        except WeightsError as error:
            if version is None:
                raise
            version, notice = None, str(error)
            predictor = self._load(scheme, None)
        self._served[scheme], self._notices[scheme] = version, notice
        self._loaded[scheme] = predictor  # last, for `refresh` looks at what is loaded

    def _to_serve(self, scheme: str) -> tuple[Version | None, str]:
        """The version that is to serve (None for what the app brings along), and a sentence about those passed over."""
        if self.registry is None:
            return None, ""
        serving = self.registry.serving(scheme)
        if serving.changes == self._changes_before.get(scheme):
            return None, ""
        return serving.version, " ".join(serving.problems)

    def _load(self, scheme: str, version: Version | None) -> KeypointPredictor:
        if version is not None:
            return predictor_class().from_pretrained(self.registry.weights_of(version), device=self.device)
        if scheme in self._own:
            return self._own[scheme]
        if scheme not in hub.shipped_names():
            raise SchemeError(f"There are no weights for “{scheme}” yet. Train some, or choose another scheme.")
        return predictor_class().from_pretrained(scheme, device=self.device)

    def _stamp(self) -> tuple[int, int] | None:
        """Changes whenever the registry does."""
        try:
            status = self.registry.path.stat() if self.registry else None
        except OSError:  # no registry yet
            return None
        return status and (status.st_mtime_ns, status.st_size)
