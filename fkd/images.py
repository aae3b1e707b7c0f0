"""Reading pictures of any origin as upright RGB, and keeping them by content.

All points of fkd are in pixels of the upright original, so nothing is ever scaled here. What cannot be used is refused
with an ImageError that names the file, but not its folder: the sentence may be shown to a visitor of the page.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
import threading
import uuid
import warnings
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from fkd.errors import ImageError

__all__ = ["MAX_PIXELS", "MIN_SIDE_PX", "read_image", "store_image"]

MAX_PIXELS = 50_000_000
MIN_SIDE_PX = 16

# Decoders of rare formats, and those that run other programs (EPS), have no business with an uploaded file.
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")  # JPEG includes MPO
_PHOTO_FORMATS = ("JPEG", "MPO", "HEIF", "AVIF")
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
_PLAIN_PNG_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"iCCP", b"pHYs", b"bKGD"}
_opening = threading.Lock()


def read_image(source: str | os.PathLike | bytes | Image.Image | np.ndarray) -> np.ndarray:
    """Read a picture as an (H, W, 3) uint8 RGB array, upright.

    source: a path, a file's bytes, a PIL image, or a uint8 array of shape (H, W, 3), (H, W) or (H, W, 4).

    The EXIF orientation is applied. Of an animation the first frame is taken. Transparent parts become white, as on a
    page. Sixteen bits are scaled to eight; colour profiles are not applied. An (H, W, 3) array comes back as it is,
    without a copy.

    Raises ImageError for anything that is not a whole picture with sides of at least 16 pixels and with at most 50
    million pixels; the size is checked before anything is decoded.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return np.array(_upright_rgb(_loaded(source, "The picture"), "The picture"))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return np.array(_upright_rgb(_decoded(io.BytesIO(source), "The picture"), "The picture"))
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        with _opened(path) as stream:
            return np.array(_upright_rgb(_decoded(stream, path.name), path.name))
    raise ImageError(
        f"A picture is a path, bytes, a PIL image or an array of uint8 pixels, not {type(source).__name__}."
    )


def store_image(source_path: str | os.PathLike, folder: str | os.PathLike) -> str:
    """Keep the picture at `source_path` in `folder`, once, and return the name of the stored file.

    The name is made of the first 32 hexadecimal digits of the SHA-256 of the stored bytes. A plain upright JPEG or PNG
    (RGB or grey, one frame, no EXIF, XMP, comment or other message) is stored byte for byte. Anything else is written
    anew, upright and without metadata such as GPS positions: photographs (JPEG, HEIC, AVIF) as JPEG of quality 95
    without chroma subsampling, the rest as PNG. `read_image` gives both files the same size.

    The file appears whole or not at all, and two processes may store the same picture at the same time.

    Raises ImageError if the picture cannot be read (see read_image) or the folder cannot be written to.
    """
    path = Path(source_path)
    with _opened(path) as stream:
        content = stream.read()
    picture = _decoded(io.BytesIO(content), path.name)
    is_photo = picture.format in _PHOTO_FORMATS
    if not _is_plain(picture, content):
        upright = _upright_rgb(picture, path.name)
        upright.info.clear()  # Pillow would write comments and colour profiles again
        buffer = io.BytesIO()
        if is_photo:
            upright.save(buffer, "JPEG", quality=95, subsampling=0)
        else:
            upright.save(buffer, "PNG")
        content = buffer.getvalue()
    name = f"{hashlib.sha256(content).hexdigest()[:32]}.{'jpg' if is_photo else 'png'}"
    try:
        _write_once(Path(folder), name, content)
    except OSError as error:
        raise ImageError(
            f"{path.name} cannot be stored: {error.strerror}. Check the disk and the permissions."
        ) from error
    return name


def _write_once(folder: Path, name: str, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / name).exists():  # only whole files ever get this name
        return
    part = folder / f".{uuid.uuid4().hex}.part"
    try:
        with part.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(folder / name)
    finally:
        part.unlink(missing_ok=True)


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
    return np.array(_upright_rgb(Image.fromarray(np.ascontiguousarray(pixels)), "The picture"))


def _opened(path: Path) -> BinaryIO:
    if path.is_dir():
        raise ImageError(f"{path.name} is a folder, not a picture. Choose a file in it.")
    if not path.exists():
        raise ImageError(f"{path.name} does not exist. Check the name and the folder.")
    if not path.is_file():
        raise ImageError(f"{path.name} is not a regular file. {_ADVICE}")
    try:
        return path.open("rb")
    except OSError as error:
        raise ImageError(f"{path.name} cannot be opened: {error.strerror}. Check its permissions.") from error


def _decoded(stream: BinaryIO, name: str) -> Image.Image:
    """The first frame, decoded but as it was stored; the stream may be closed afterwards."""
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
    return _loaded(picture, name)


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


def _upright_rgb(picture: Image.Image, name: str) -> Image.Image:
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


def _is_plain(picture: Image.Image, content: bytes) -> bool:
    """Whether a JPEG or PNG holds nothing but upright pixels, so that its bytes can be kept and shown as they are."""
    if picture.format not in ("JPEG", "PNG") or picture.mode not in ("RGB", "L") or getattr(picture, "n_frames", 1) > 1:
        return False
    if picture.format == "PNG":
        return _png_chunks(content) <= _PLAIN_PNG_CHUNKS and content.endswith(b"IEND\xaeB`\x82")
    plain_segments = (("APP0", b"JFIF"), ("APP2", b"ICC_PROFILE"), ("APP14", b"Adobe"))
    return content.endswith(b"\xff\xd9") and all(
        any(name == plain and body.startswith(start) for plain, start in plain_segments)
        for name, body in picture.applist
    )


def _png_chunks(content: bytes) -> set[bytes]:
    kinds, at = set(), 8
    while at + 8 <= len(content):
        kinds.add(content[at + 4 : at + 8])
        at += 12 + struct.unpack_from(">I", content, at)[0]
    return kinds
