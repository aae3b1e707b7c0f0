"""How well faces are found and read in photos that lie: ``python -m tests.turned_faces PATH WEIGHTS…``.

Every held-out face's photo is turned about its centre, as a whole, and goes through the detector as in the app. No
test: it measures.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from fkd import KeypointPredictor, load_scheme
from fkd.formats import LabelledFace
from fkd.images import read_image
from tests.pictures import rotated
from training.data import read_sides
from training.evaluate import evaluate

TURNS_DEG = (0, 45, 90, 180)


def main(path: str, weights: list[str]) -> None:
    """A line a turn: each weights' NME, and how many faces the detector missed."""
    faces = read_sides([(path, 1.0)], load_scheme("ibug68")).held_out
    predictors = [KeypointPredictor.from_pretrained(name) for name in weights]
    print(f"{len(faces)} faces; NME in % of {', '.join(weights)}; missed")
    for turn_deg in TURNS_DEG:
        found = []
        for predictor in predictors:
            origin_px = predictor.net.config.label_origin_px
            found.append(evaluate(predictor, [turned(face, turn_deg, origin_px) for face in faces], "detector"))
        errors = [100 * each.nme[~each.missed].mean() for each in found]
        print(f"{turn_deg:4d}°", *(f"{error:6.2f}" for error in errors), found[0].missed.sum(), flush=True)


def turned(face: LabelledFace, clockwise_deg: float, origin_px: float) -> LabelledFace:
    """The face in its photo turned about the centre, which stays the centre of a larger one.

    origin_px: where the labels' files count pixels from. It is to the right and down in every photo, turned or not.
    """
    image = read_image(face.image)
    picture = rotated(image, clockwise_deg)
    c, s = np.cos(np.radians(clockwise_deg)), np.sin(np.radians(clockwise_deg))
    centre, moved = (np.array(each.shape[1::-1]) / 2 - 0.5 for each in (image, picture))
    points_xy = (face.points_xy - origin_px - centre) @ np.array([[c, s], [-s, c]]) + moved
    return replace(face, image=picture, points_xy=points_xy + origin_px)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
