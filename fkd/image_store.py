"""Keeping pictures by content: each once, upright, and without the metadata that is nobody's business."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import time
from pathlib import Path

from PIL import Image

from fkd.durable import PART_PATTERN, sync_folder, write_whole
from fkd.errors import ImageError
from fkd.images import decode_picture, open_picture, upright_rgb

__all__ = ["content_name", "remove_old_parts", "store_image", "stored_name"]

_PHOTO_FORMATS = ("JPEG", "MPO", "HEIF", "AVIF")
_PLAIN_PNG_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"iCCP", b"pHYs", b"bKGD"}
# No picture takes this long to write, so what is older is nobody's.
_PART_SECONDS = 3600


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
    name, content = _kept(path)
    try:
        _write_once(Path(folder), name, content)
    except OSError as error:
        raise ImageError(
            f"{path.name} cannot be stored: {error.strerror}. Check the disk and the permissions."
        ) from error
    return name


def stored_name(source_path: str | os.PathLike) -> str:
    """Return the name that `store_image` gives the picture, without storing it.

    Raises ImageError if the picture cannot be read.
    """
    return _kept(Path(source_path))[0]


def remove_old_parts(folder: str | os.PathLike) -> None:
    """Remove what processes that were killed in mid-write an hour ago or earlier left in the folder.

    Raises OSError if the folder cannot be written to.
    """
    for part in Path(folder).glob(PART_PATTERN):
        if time.time() - part.stat().st_mtime > _PART_SECONDS:
            part.unlink(missing_ok=True)


def _kept(path: Path) -> tuple[str, bytes]:
    """The name and the contents under which a picture is kept."""
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
    return f"{content_name(content)}.{'jpg' if is_photo else 'png'}", content


def content_name(content: bytes) -> str:
    """The first 32 hexadecimal digits of the SHA-256 of the contents: what a stored picture is called."""
    return hashlib.sha256(content).hexdigest()[:32]


def _write_once(folder: Path, name: str, content: bytes) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(folder.parent)
    if (folder / name).exists():  # only whole files ever get this name
        sync_folder(folder)  # another process may have put it there a moment ago, and not yet for good
    else:
        write_whole(folder / name, content)


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
