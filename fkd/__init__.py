"""fkd: facial keypoints that a person can correct.

>>> from fkd import KeypointPredictor
>>> faces = KeypointPredictor.from_pretrained("ibug68")("photo.jpg")
"""

from fkd.errors import CorrectionsError, DataError, FkdError, ImageError, SchemeError, WeightsError
from fkd.model import KeypointNet
from fkd.predictor import Face, KeypointPredictor
from fkd.schemes import Scheme, load_scheme
from fkd.version import __version__

__all__ = [
    "CorrectionsError",
    "DataError",
    "Face",
    "FkdError",
    "ImageError",
    "KeypointNet",
    "KeypointPredictor",
    "Scheme",
    "SchemeError",
    "WeightsError",
    "__version__",
    "load_scheme",
]
