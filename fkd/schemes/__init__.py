"""Keypoint schemes: which points there are, which mirror into which, how they are joined.

A scheme is data. Each ``*.json`` beside this file is one; a new scheme is a new file and no code. The keys:

- ``name``, ``title``, ``source``: what it is called and the page that defines it.
- ``names``: K point names; their order is the order of every points array.
- ``flip_pairs``: pairs of indices that swap when the picture is mirrored; points in no pair map to themselves.
- ``edges``: pairs of indices to join when drawing.
- ``regions``: named groups of indices, for errors by region.
- ``image_left_eye``, ``image_right_eye``: indices whose means give the roll of an upright face seen from the front.
- ``outer_eye_corners``: the two indices whose distance normalises an error (NME).
- ``grey``: whether the scheme's pictures are grey, so that its model sees luma only.
- ``crop_from_points``, ``crop_from_box``: how to frame a face for the model, see :func:`fkd.geometry.crop_from_points`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from fkd.errors import SchemeError

__all__ = ["Framing", "Scheme", "load_scheme", "scheme_names"]

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Framing:
    """A rule from a box to the square that the model sees.

    Attributes:
        scale: side of the square over the size of the box.
        shift_xy: offset of the square's centre from the box's centre, in sizes of the box, along the upright face's
            axes (x to the image's right, y down).
    """

    scale: float
    shift_xy: tuple[float, float]


@dataclass(frozen=True)
class Scheme:
    """One keypoint scheme. See the module's text for the fields."""

    name: str
    title: str
    source: str
    names: tuple[str, ...]
    flip_pairs: tuple[tuple[int, int], ...]
    edges: tuple[tuple[int, int], ...]
    regions: dict[str, tuple[int, ...]]
    image_left_eye: tuple[int, ...]
    image_right_eye: tuple[int, ...]
    outer_eye_corners: tuple[int, int]
    grey: bool
    crop_from_points: Framing
    crop_from_box: Framing

    @property
    def n_points(self) -> int:
        """K, the number of points."""
        return len(self.names)

    @property
    def flip_order(self) -> np.ndarray:
        """(K,) int64: ``mirrored_points[flip_order]`` puts a mirrored face's points back in scheme order."""
        order = np.arange(self.n_points)
        for a, b in self.flip_pairs:
            order[a], order[b] = b, a
        return order


def scheme_names() -> list[str]:
    """Names of the schemes that exist, in alphabetical order."""
    return sorted(path.stem for path in _FOLDER.glob("*.json"))


@cache
def load_scheme(name: str) -> Scheme:
    """Read the scheme called `name`.

    Raises:
        SchemeError: if there is none, or if its file contradicts itself.
    """
    if name not in scheme_names():
        raise SchemeError(f"There is no keypoint scheme “{name}”. Choose one of: {', '.join(scheme_names())}.")
    return parse_scheme(json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8")))


def parse_scheme(raw: dict) -> Scheme:
    """Make a :class:`Scheme` of a decoded scheme file and check it.

    Raises:
        SchemeError: naming the first contradiction.
    """

    def pairs(key: str) -> tuple[tuple[int, int], ...]:
        return tuple((int(a), int(b)) for a, b in raw[key])

    try:
        scheme = Scheme(
            name=raw["name"],
            title=raw["title"],
            source=raw["source"],
            names=tuple(raw["names"]),
            flip_pairs=pairs("flip_pairs"),
            edges=pairs("edges"),
            regions={region: tuple(indices) for region, indices in raw["regions"].items()},
            image_left_eye=tuple(raw["image_left_eye"]),
            image_right_eye=tuple(raw["image_right_eye"]),
            outer_eye_corners=(raw["outer_eye_corners"][0], raw["outer_eye_corners"][1]),
            grey=bool(raw["grey"]),
            crop_from_points=_framing(raw["crop_from_points"]),
            crop_from_box=_framing(raw["crop_from_box"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise SchemeError(
            f"The scheme file lacks or garbles {error}. See the keys in fkd/schemes/__init__.py."
        ) from error
    _check(scheme)
    return scheme


def _framing(raw: dict) -> Framing:
    return Framing(scale=float(raw["scale"]), shift_xy=(float(raw["shift_xy"][0]), float(raw["shift_xy"][1])))


def _check(scheme: Scheme) -> None:
    k = scheme.n_points
    if len(set(scheme.names)) != k:
        raise SchemeError(f"Scheme “{scheme.name}” names a point twice.")
    flipped = [index for pair in scheme.flip_pairs for index in pair]
    if len(set(flipped)) != len(flipped):
        raise SchemeError(f"Scheme “{scheme.name}” has a point in two flip pairs.")
    used = [*flipped, *scheme.image_left_eye, *scheme.image_right_eye, *scheme.outer_eye_corners]
    used += [index for edge in scheme.edges for index in edge]
    used += [index for region in scheme.regions.values() for index in region]
    if not all(isinstance(index, int) and 0 <= index < k for index in used):
        raise SchemeError(f"Scheme “{scheme.name}” uses an index outside 0…{k - 1}.")
    order = scheme.flip_order
    if {order[i] for i in scheme.image_left_eye} != set(scheme.image_right_eye):
        raise SchemeError(f"Scheme “{scheme.name}”: the two eyes are not each other's mirror.")
