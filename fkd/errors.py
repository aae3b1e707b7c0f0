"""The errors that fkd raises on purpose.

Each message is one or two sentences for the person at the keyboard: what is wrong, and what to do about it. The page
and the command line show the message as it is; anything that is *not* a :class:`FkdError` is a defect and shows up as
a traceback.
"""

from __future__ import annotations

__all__ = [
    "CancelledError",
    "CorrectionsError",
    "DataError",
    "FkdError",
    "HubError",
    "ImageError",
    "RegistryError",
    "RightsError",
    "SchemeError",
    "WeightsError",
]


class FkdError(Exception):
    """Base of every error that fkd raises on purpose."""


class ImageError(FkdError):
    """A picture that cannot be used: unreadable, empty, too large, or not a picture."""


class SchemeError(FkdError):
    """A keypoint scheme that does not exist, or whose file contradicts itself."""


class WeightsError(FkdError):
    """Weights that cannot be found, read or trusted, or that belong to another scheme."""


class CorrectionsError(FkdError):
    """A corrections file or a correction that cannot be read or written."""


class DataError(FkdError):
    """Training or evaluation data in a layout that fkd does not know, or that contradicts itself."""


class RegistryError(FkdError):
    """A registry of versions that cannot be read or written, or a version that cannot be promoted or rolled back."""


class RightsError(FkdError):
    """Somebody asked the app for what they may not do, or for more than a stranger may at once."""


class CancelledError(FkdError):
    """A training that was told to stop: nothing went wrong, and nothing was changed."""


class HubError(FkdError):
    """The Hugging Face Hub cannot be reached, or refuses.

    Attributes:
        status: the HTTP status of the refusal; None if there was no answer.
        retry_after_s: how long the Hub asks to wait, where it says so.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after_s: float | None = None):
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
