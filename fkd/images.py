"""Reading pictures of any origin as upright RGB.

All points of fkd are in pixels of the upright original, so nothing is ever scaled here. What cannot be used is refused
with an ImageError that names the file, but not its folder: the sentence may be shown to a visitor of the page.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from fkd.errors import ImageError
from fkd.stored_pictures import StoredPicture

__all__ = ["MAX_PIXELS", "MIN_SIDE_PX", "decode_picture", "open_picture", "read_image", "upright_rgb", "upright_size"]

MAX_PIXELS = 50_000_000
MIN_SIDE_PX = 16

# Decoders of rare formats, and those that run other programs (EPS), have no business with an uploaded file.
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")  # JPEG includes MPO
_ADVICE = "Use a JPEG, PNG, WebP, HEIC, TIFF, BMP or GIF file."
# What Pillow's decoders raise on damaged files, besides OSError.
_DECODER_ERRORS = (
    OSError,
    EOFError,
    IndexError,
    KeyError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_IMAGE_BRANDS = (*_HEIF_BRANDS, b"avif", b"avis")
# Matroska and WebM, MPEG program stream and video, Flash, Windows Media, Ogg
_VIDEO_STARTS = (b"\x1a\x45\xdf\xa3", b"\0\0\x01\xba", b"\0\0\x01\xb3", b"FLV\x01", b"\x30\x26\xb2\x75", b"OggS")
_UPRIGHT_BY_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_opening = threading.Lock()


def read_image(source: str | os.PathLike | bytes | Image.Image | np.ndarray | StoredPicture) -> np.ndarray:
    """Read a picture as an (H, W, 3) uint8 RGB array, upright.

    source: a path, a file's bytes, a PIL image, or a uint8 array of shape (H, W, 3), (H, W) or (H, W, 4), in memory
    or on disk.

    The EXIF orientation is applied. Of an animation the first frame is taken. Transparent parts become white, as on a
    page. Sixteen bits are scaled to eight; colour profiles are not applied. An (H, W, 3) array comes back as it is,
    without a copy.

    Raises ImageError for anything that is not a whole picture with sides of at least 16 pixels and with at most 50
    million pixels; the size is checked before anything is decoded.
    """
    if isinstance(source, (np.ndarray, StoredPicture)):
        return _from_array(np.asarray(source))
    if isinstance(source, Image.Image):
        return np.array(upright_rgb(_loaded(source, "The picture"), "The picture"))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return np.array(upright_rgb(decode_picture(io.BytesIO(source), "The picture"), "The picture"))
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        with open_picture(path) as stream:
            return np.array(upright_rgb(decode_picture(stream, path.name), path.name))
    raise ImageError(
        f"A picture is a path, bytes, a PIL image or an array of uint8 pixels, not {type(source).__name__}."
    )


def _from_array(pixels: np.ndarray) -> np.ndarray:
    is_picture = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))
    if pixels.dtype != np.uint8 or not is_picture:
        raise ImageError(
            "An array must have the shape (H, W, 3), (H, W) or (H, W, 4) and the type uint8 with values from 0 to 255, "
            f"not {pixels.shape} and {pixels.dtype}."
        )
    _check_size(pixels.shape[1], pixels.shape[0], "The picture")
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        return pixels
    return np.array(upright_rgb(Image.fromarray(np.ascontiguousarray(pixels)), "The picture"))


@contextmanager
def open_picture(path: Path) -> Iterator[BinaryIO]:
    """Open the file at `path` to read it; what the operating system refuses, then or while it is read, is ImageError.

    Raises ImageError for a folder, a file that is not there, and what is no regular file (a pipe would never end).
    """
    try:
        mode = _mode(path)
        if stat.S_ISDIR(mode):
            raise ImageError(f"{path.name} is a folder, not a picture. Choose a file in it.")
        if not stat.S_ISREG(mode):
            raise ImageError(f"{path.name} is not a regular file. {_ADVICE}")
        with path.open("rb") as stream:
            yield stream
    except OSError as error:
        reason = error.strerror or error
        raise ImageError(f"{path.name} cannot be read: {reason}. Check its name and permissions.") from error


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a name with a NUL in it
        raise ImageError(f"{path.name} does not exist. Check the name and the folder.") from error


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels of the picture that read_image would give; only the head of the file is read.

    Raises ImageError as read_image does, but does not notice that a file is damaged further on.
    """
    with open_picture(path) as stream:
        picture = _opened(stream, path.name)
        _check_size(*picture.size, path.name)
        width, height = picture.size
        lying = _orientation(picture) >= 5 and picture.format != "TIFF"  # Pillow turns TIFF by itself
        return (height, width) if lying else (width, height)


def decode_picture(stream: BinaryIO, name: str) -> Image.Image:
    """Decode the first frame, as it was stored: neither turned nor converted. The stream may be closed afterwards.

    stream: at its start. name: what an ImageError calls the picture; it is raised as in read_image.
    """
    return _loaded(_opened(stream, name), name)


def _opened(stream: BinaryIO, name: str) -> Image.Image:
    head = stream.read(256)
    stream.seek(0)
    _refuse_by_first_bytes(head, name)
    Image.init()
    formats = [known for known in _FORMATS if known in Image.OPEN]  # Pillow can be built without some
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        import pillow_heif

        pillow_heif.register_heif_opener()
        formats = ["HEIF"]
    try:
        # Pillow warns of large pictures when it opens them. Ours are refused below, so no warning may reach the user;
        # the lock is there because Python's warning filters belong to the whole process.
        with _opening, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(stream, formats=formats)
    except Image.DecompressionBombError as error:
        raise ImageError(_too_large(name)) from error
    except Image.UnidentifiedImageError as error:
        raise ImageError(f"{name} is not a picture that can be read, whatever its name ends with. {_ADVICE}") from error
    except _DECODER_ERRORS as error:
        raise ImageError(_damaged(name)) from error
    return picture


def _loaded(picture: Image.Image, name: str) -> Image.Image:
    _check_size(*picture.size, name)
    try:
        picture.load()
    except _DECODER_ERRORS as error:
        raise ImageError(_damaged(name)) from error
    return picture


def _refuse_by_first_bytes(head: bytes, name: str) -> None:
    if not head:
        raise ImageError(f"{name} is empty (zero bytes). Copy or download it again.")
    if head.startswith(b"%PDF"):
        raise ImageError(f"{name} is a PDF document, not a picture. Export the page as PNG or JPEG.")
    box = head[4:8]
    is_video = (
        (box == b"ftyp" and head[8:12] not in _IMAGE_BRANDS)
        or box in (b"moov", b"mdat", b"wide")  # QuickTime before MP4
        or (head.startswith(b"RIFF") and head[8:12] == b"AVI ")
        or head.startswith(_VIDEO_STARTS)
        or (head[:1] == head[188:189] == b"G" and not head.startswith(b"GIF"))  # MPEG transport stream
    )
    if is_video:
        raise ImageError(f"{name} is a video, not a picture. Open it as a video, or save one frame as PNG or JPEG.")


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError(_too_large(name, f"{width}×{height} pixels"))
    if min(width, height) < MIN_SIDE_PX:
        raise ImageError(
            f"{name} has {width}×{height} pixels; no face can be seen in fewer than {MIN_SIDE_PX}×{MIN_SIDE_PX}. "
            "Use a larger picture."
        )


def _too_large(name: str, size: str = "far too many pixels") -> str:
    return f"{name} has {size}; at most {MAX_PIXELS // 1_000_000} million can be used. Make it smaller first."


def _damaged(name: str) -> str:
    return f"{name} is damaged or was cut off while it was copied. Copy or download it again."


def upright_rgb(picture: Image.Image, name: str) -> Image.Image:
    """Turn a decoded picture upright by its EXIF orientation, as RGB; transparent parts become white.

    Raises ImageError, which calls the picture `name`, for colours that have no 8-bit RGB (floating point).
    """
    try:
        rgb = _rgb(picture)
    except _DECODER_ERRORS as error:
        raise ImageError(f"{name} has colours ({picture.mode}) that cannot be read. Save it as 8-bit RGB.") from error
    turn = _UPRIGHT_BY_ORIENTATION.get(_orientation(picture))
    return rgb if turn is None else rgb.transpose(turn)


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16") or picture.mode == "I":
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("more than 16 bits")
        return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")
    if picture.mode == "F":
        raise ValueError("floating point")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        page = Image.new("RGB", picture.size, "white")
        page.paste(picture, mask=picture.getchannel("A"))
        return page
    return picture.convert("RGB")


def _orientation(picture: Image.Image) -> int:
    try:
        return picture.getexif().get(0x0112, 1)
    except _DECODER_ERRORS:
        return 1  # viewers, too, show a picture whose EXIF block is damaged as it was stored
