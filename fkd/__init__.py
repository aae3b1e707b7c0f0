"""fkd: facial keypoints that a person can correct.

>>> from fkd import KeypointPredictor
>>> faces = KeypointPredictor.from_pretrained("ibug68")("photo.jpg")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from fkd.errors import (
    CancelledError,
    CorrectionsError,
    DataError,
    FkdError,
    HubError,
    ImageError,
    RegistryError,
    SchemeError,
    WeightsError,
)
from fkd.version import __version__

if TYPE_CHECKING:
    from fkd.model import KeypointNet
    from fkd.predictor import Face, KeypointPredictor
    from fkd.schemes import Scheme, load_scheme

__all__ = [
    "CancelledError",
    "CorrectionsError",
    "DataError",
    "Face",
    "FkdError",
    "HubError",
    "ImageError",
    "KeypointNet",
    "KeypointPredictor",
    "RegistryError",
    "Scheme",
    "SchemeError",
    "WeightsError",
    "__version__",
    "load_scheme",
]

# Loading torch takes seconds, and `--help` or the reading of a corrections file needs none of it.
_MODULE_BY_NAME = {
    "Face": "fkd.predictor",
    "KeypointNet": "fkd.model",
    "KeypointPredictor": "fkd.predictor",
    "Scheme": "fkd.schemes",
    "load_scheme": "fkd.schemes",
}


def __getattr__(name: str) -> object:
    """Import what is asked for when it is first asked for (PEP 562)."""
    if name not in _MODULE_BY_NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULE_BY_NAME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
