"""The predictors that the app serves: one a scheme, loaded when first asked for."""

from __future__ import annotations

import threading
from pathlib import Path

from fkd import hub
from fkd.errors import SchemeError
from fkd.predictor import KeypointPredictor
from fkd.schemes import load_scheme

__all__ = ["ServedModels"]


class ServedModels:
    """Weights by scheme: the shipped ones, with `weights` in the place of those of its scheme.

    Args:
        weights: a shipped name, a folder or a Hub id; None serves the shipped weights only.
        device: as for :class:`~fkd.predictor.KeypointPredictor`.

    Raises:
        WeightsError: if `weights` cannot be loaded: better at the start than at the first photo.
    """

    def __init__(self, weights: str | Path | None = None, device: str = "auto"):
        self.device = device
        self._lock = threading.Lock()
        self._loaded: dict[str, KeypointPredictor] = {}
        self.default_scheme = "ibug68"
        if weights is not None:
            predictor = KeypointPredictor.from_pretrained(weights, device=device)
            self._loaded[predictor.scheme.name] = predictor
            self.default_scheme = predictor.scheme.name

    @property
    def schemes(self) -> list[str]:
        """Names of the schemes that can be predicted."""
        return sorted({*hub.shipped_names(), *self._loaded})

    def predictor(self, scheme: str) -> KeypointPredictor:
        """The predictor of `scheme`; the caller may go on using it when another takes its place.

        Raises:
            SchemeError: if there is no such scheme, or no weights for it.
        """
        with self._lock:
            if scheme not in self._loaded:
                load_scheme(scheme)
                if scheme not in hub.shipped_names():
                    raise SchemeError(f"There are no weights for “{scheme}” yet. Train some, or choose another scheme.")
                self._loaded[scheme] = KeypointPredictor.from_pretrained(scheme, device=self.device)
            return self._loaded[scheme]
