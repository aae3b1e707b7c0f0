"""Corrections for tests to write and read: four points, one of each way a point can end up."""

import numpy as np

from fkd.corrections import Correction

NAN = np.nan


def a_correction(**changes) -> Correction:
    values = {
        "image": "images/3f00e1.jpg",
        "image_width": 512,
        "image_height": 600,
        "scheme": "ibug68",
        "box_xyxy": [141.0, 80.25, 380.5, 399.0],
        "predicted_xy": [[200.123, 180.5], [290.0, 181.0], [-3.5, 240.0], [NAN, NAN]],
        "corrected_xy": [[200.123, 180.5], [291.37, 182.62], [NAN, NAN], [246.0, 300.5]],
        "confidence": [0.97, 0.31415, 0.05, NAN],
        "states": ("untouched", "moved", "absent", "occluded"),
        "model_version": "fkd68-0.1.0",
        "annotator": "Grace Hopper",
    }
    return Correction(**(values | changes))
