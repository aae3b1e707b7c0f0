"""Keeping pictures by content: each once, upright, and without the metadata that is nobody's business."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import uuid
from pathlib import Path

from PIL import Image

from fkd.errors import ImageError
from fkd.images import decode_picture, open_picture, upright_rgb

__all__ = ["store_image"]

_PHOTO_FORMATS = ("JPEG", "MPO", "HEIF", "AVIF")
_PLAIN_PNG_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"iCCP", b"pHYs", b"bKGD"}


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
    with open_picture(path) as stream:
        content = stream.read()
    picture = decode_picture(io.BytesIO(content), path.name)
    is_photo = picture.format in _PHOTO_FORMATS
    if not _is_plain(picture, content):
        upright = upright_rgb(picture, path.name)
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
