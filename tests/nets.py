"""Tiny networks and a handful of faces, for tests that need some but do not care how good they are."""

from __future__ import annotations

import numpy as np
import torch

from fkd import KeypointNet
from fkd.formats import LabelledFace
from fkd.model import ModelConfig
from fkd.schemes import load_scheme

TINY = {"input_px": 64, "stem_width": 4, "widths": (8, 8, 16, 16), "head_width": 8}


def tiny_config(**changes) -> ModelConfig:
    return ModelConfig(**(TINY | {"scheme": "kaggle15", "version": "tiny-1"} | changes))


def tiny_net(seed: int = 0, **changes) -> KeypointNet:
    """A freshly initialised network that is ready to predict; the same one for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return KeypointNet(tiny_config(**changes)).eval()


def dotted_faces(n: int, scheme_name: str = "kaggle15", side_px: int = 80) -> list[LabelledFace]:
    """N drawn "faces": noise with a bright square wherever a point is, each picture a group of its own."""
    scheme, random = load_scheme(scheme_name), np.random.default_rng(0)
    faces = []
    for i in range(n):
        image = random.integers(0, 60, (side_px, side_px, 3), dtype=np.uint8)
        points = random.uniform(0.2 * side_px, 0.8 * side_px, (scheme.n_points, 2)).round()
        for x, y in points.astype(int):
            image[y - 1 : y + 2, x - 1 : x + 2] = 255
        faces.append(LabelledFace(image, points, group=f"drawn/{i}", source="drawn"))
    return faces
