"""A predictor for tests of what is done with predictions: quick, and sure of itself as the picture tells it to be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from fkd.predictor import Face
from fkd.schemes import load_scheme

__all__ = ["SureModels", "SurePredictor", "grey_picture"]


class SurePredictor:
    """Finds one face in every picture that is not black; its confidence is the picture's grey value over 250."""

    version, settle_prior = "sure-1", None

    def __init__(self, scheme: str = "kaggle15"):
        self.scheme = load_scheme(scheme)

    def __call__(self, pixels: np.ndarray) -> list[Face]:
        confidence = pixels[0, 0, 0] / 250
        if confidence == 0:
            return []
        grid = np.stack(np.meshgrid(np.arange(5.0), np.arange(3.0)), axis=-1).reshape(-1, 2)
        return [Face(np.array([5.0, 5, 45, 45]), 0.9, 10 + 6 * grid, np.full(15, confidence))]

    def in_box(self, picture: Path, box_xyxy: Sequence[float]) -> Face:
        face = SurePredictor()(np.full((1, 1, 1), 200))[0]
        return Face(np.asarray(box_xyxy, float), float("nan"), face.points, face.confidence)

    def mirror_disagreement(self, pixels: np.ndarray, faces: Sequence[Face]) -> np.ndarray:
        return np.zeros(len(faces))


class SureModels:
    """Serves one `SurePredictor`, until another one takes its place."""

    schemes, default_scheme = ["kaggle15"], "kaggle15"

    def __init__(self):
        self.served = SurePredictor()

    def predictor(self, scheme: str) -> SurePredictor:
        return self.served

    def refresh(self) -> None:
        pass

    def notice(self, scheme: str) -> str:
        return ""


def grey_picture(path: Path, grey: int, dot: int = 0) -> Path:
    """A picture of which a `SurePredictor` is as sure as `grey` says; `dot` tells pictures of one grey apart."""
    pixels = np.full((60, 60, 3), grey, np.uint8)
    pixels[-1, :dot] = 255
    Image.fromarray(pixels).save(path)
    return path
