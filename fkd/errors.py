"""The errors that fkd raises on purpose.

Each message is one or two sentences for the person at the keyboard: what is wrong, and what to do about it. The page
and the command line show the message as it is; anything that is *not* a :class:`FkdError` is a defect and shows up as
a traceback.
"""

__all__ = ["CorrectionsError", "DataError", "FkdError", "ImageError", "SchemeError", "WeightsError"]


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
