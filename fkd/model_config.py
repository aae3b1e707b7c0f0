"""What a weights folder's ``config.json`` says of its network. Light to import: the command line reads it too."""

import math
from dataclasses import dataclass, field

# No `from __future__ import annotations` here: the Hub's mixin reads the annotations, and they must be types.

__all__ = ["ARCHITECTURES", "ModelConfig"]

# The networks of fkd.model and fkd.baselines by name; the first is the one that ships.
ARCHITECTURES = ("flagship", "fully-connected", "plain-cnn")


@dataclass(frozen=True)
class ModelConfig:
    """What ``config.json`` holds: enough to build the network, and where its weights come from.

    Attributes:
        scheme: name of the keypoint scheme.
        architecture: one of `ARCHITECTURES`.
        input_px: side of the square crop that the network was trained for, a multiple of 32.
        stem_width: channels after the flagship's first convolution.
        widths: channels of the flagship's four stages (strides 4, 8, 16, 32).
        head_width: channels where the flagship's stages meet.
        mirror_averaged: whether an answer is the mean over the crop and its mirror image, in twice the time.
        label_origin_px: what the labels that the network learned call the centre of the top-left pixel: files made by
            tools that count from one say 1 where fkd says 0. A prediction is placed as the labels are: so much is added
            to the network's own x and y, in pixels of the original image.
        conventions: by the name of another labelling convention that was learned from, how it places each point
            (dx, dy) beside this network, in sides of an upright crop.
        scale_factor: what the network's Laplace scales are multiplied with before they become a confidence; fitted on
            held-out faces by ``python -m training calibrate``.
        version: name of this set of weights, e.g. ``ibug68-2026.11``.
        parent: version of the weights that the training began with, or "".
        trained_on: one line a data source.
        metrics: measured errors, by the name of the measure.
    """

    scheme: str = "ibug68"
    architecture: str = ARCHITECTURES[0]
    input_px: int = 128
    stem_width: int = 24
    widths: tuple[int, ...] = (48, 96, 192, 256)
    head_width: int = 128
    mirror_averaged: bool = True
    label_origin_px: float = 0.0
    scale_factor: float = 1.0
    conventions: dict[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    version: str = "untrained"
    parent: str = ""
    trained_on: tuple[str, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise ValueError(f"architecture must be one of {', '.join(ARCHITECTURES)}, not {self.architecture!r}")
        if not isinstance(self.input_px, int) or self.input_px < 32 or self.input_px % 32:
            raise ValueError(f"input_px must be a multiple of 32, not {self.input_px!r}")
        if not isinstance(self.version, str):
            raise ValueError(f"version must be text, not {self.version!r}")
        if not math.isfinite(self.label_origin_px) or not (math.isfinite(self.scale_factor) and self.scale_factor > 0):
            raise ValueError("label_origin_px must be a number, and scale_factor one above 0")
        # JSON has no tuples.
        object.__setattr__(self, "widths", tuple(self.widths))
        object.__setattr__(self, "trained_on", tuple(self.trained_on))
        conventions = {name: tuple(tuple(shift) for shift in shifts) for name, shifts in self.conventions.items()}
        object.__setattr__(self, "conventions", conventions)
