"""Test pictures, all made from two public-domain portraits: Grace Hopper and scikit-image's astronaut.

Every function gives (H, W, 3) uint8 RGB unless it says otherwise.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

PORTRAIT_PATH = Path(__file__).parent.parent / "fkd" / "ui" / "assets" / "grace_hopper.jpg"

# Where a person puts them, in pixels of portrait(): image-left eye, image-right eye, nose, mouth corners.
PORTRAIT_LANDMARKS = np.array([(222.0, 191.0), (305.0, 186.0), (267.0, 238.0), (233.0, 278.0), (306.0, 278.0)])
# Brow to chin, ear to ear: the framing of Kaggle's facial keypoints pictures.
TIGHT_BOX_XYXY = (158, 118, 368, 328)


def portrait() -> np.ndarray:
    """One face, 600 high and 512 wide."""
    with Image.open(PORTRAIT_PATH) as picture:
        return np.array(picture.convert("RGB"))


def astronaut() -> np.ndarray:
    """A second face, 512 by 512."""
    from skimage.data import astronaut

    return astronaut()


def resized(image: np.ndarray, longest_px: int) -> np.ndarray:
    scale = longest_px / max(image.shape[:2])
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0))


def small() -> np.ndarray:
    """A picture without any symmetry, 120 high and 102 wide."""
    return resized(portrait(), 120)


def saved(path: Path, pixels: np.ndarray, **options) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def mean_difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first.astype(int) - second).mean())


def tile_of_nine(longest_px: int = 200) -> np.ndarray:
    """Three rows of three portraits, each in a cell of longest_px by longest_px."""
    cell = padded(resized(portrait(), longest_px), to_px=longest_px)
    return np.tile(cell, (3, 3, 1))


def padded(image: np.ndarray, to_px: int, grey: int = 90) -> np.ndarray:
    """The image in the top left corner of a grey square."""
    canvas = np.full((to_px, to_px, 3), grey, np.uint8)
    canvas[: image.shape[0], : image.shape[1]] = image
    return canvas


def quarter_turned(image: np.ndarray, clockwise_turns: int) -> np.ndarray:
    return np.ascontiguousarray(np.rot90(image, -clockwise_turns))


def rotated(image: np.ndarray, clockwise_deg: float, grey: int = 90) -> np.ndarray:
    """Turned about its centre, on a canvas that has room for the corners."""
    picture = Image.fromarray(image)
    return np.array(picture.rotate(-clockwise_deg, Image.Resampling.BILINEAR, expand=True, fillcolor=(grey,) * 3))


def tight_grey_crop(side_px: int = 96) -> np.ndarray:
    """The portrait's face from brow to chin and nothing else, (side_px, side_px) uint8 grey, as in Kaggle's set."""
    picture = Image.fromarray(portrait()).crop(TIGHT_BOX_XYXY).convert("L")
    return np.array(picture.resize((side_px, side_px), Image.Resampling.BILINEAR, reducing_gap=3.0))


def faceless() -> np.ndarray:
    """A cup of coffee, 400 high and 600 wide."""
    from skimage.data import coffee

    return coffee()


def write_truncated_jpeg(path: Path) -> Path:
    content = PORTRAIT_PATH.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def write_png_that_claims(path: Path, width: int, height: int) -> Path:
    """A PNG of a few hundred bytes whose header claims width by height pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


VIDEO_STARTS = {
    "mp4": b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41",
    "mov": b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
    "avi": b"RIFF\x24\x10\0\0AVI LIST\xc0\0\0\0hdrl",
    "webm": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04",
    "ts": (b"\x47" + bytes(187)) * 4,
}


def write_video_start(path: Path, container: str) -> Path:
    """The first bytes of a video: mp4, mov, avi, webm or ts."""
    path.write_bytes(VIDEO_STARTS[container] + bytes(600))
    return path


def _write_text(path: Path) -> Path:
    path.write_text("Dear all,\n" * 50)
    return path


def _write_empty(path: Path) -> Path:
    path.touch()
    return path


def _write_plain(path: Path, width: int, height: int) -> Path:
    Image.new("L", (width, height), 90).save(path)
    return path


# What people pick by mistake: file name -> (how to write it, words of the sentence that refuses it).
UNUSABLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "truncated.jpg": (write_truncated_jpeg, "damaged or was cut off"),
    "zero-byte.jpg": (_write_empty, "empty"),
    "letter.jpg": (_write_text, "not a picture"),
    "dot.png": (lambda path: _write_plain(path, 1, 1), "1×1 pixels"),
    "sixty-megapixel.png": (lambda path: _write_plain(path, 10_000, 6_000), "10000×6000 pixels"),
    "bomb.png": (lambda path: write_png_that_claims(path, 30_000, 30_000), "far too many pixels"),
    "clip.jpg": (lambda path: write_video_start(path, "mp4"), "a video"),
}


def _write_animation(path: Path) -> Path:
    first, *others = (Image.fromarray(image) for image in (portrait(), faceless(), faceless()))
    first.save(path, save_all=True, append_images=[other.resize(first.size) for other in others], duration=50)
    return path


def _write_sixteen_bit(path: Path) -> Path:
    Image.fromarray(portrait()[..., 1].astype(np.uint16) * 257).save(path)
    return path


def _write_in_mode(path: Path, mode: str) -> Path:
    Image.fromarray(portrait()).convert(mode).save(path)
    return path


# The portrait in forms that are easily refused by mistake: file name -> how to write it.
UNUSUAL: dict[str, Callable[[Path], Path]] = {
    "animated.gif": _write_animation,
    "animated.webp": _write_animation,
    "sixteen-bit.png": _write_sixteen_bit,
    "cmyk.jpg": lambda path: _write_in_mode(path, "CMYK"),
    "alpha.png": lambda path: _write_in_mode(path, "RGBA"),
}
