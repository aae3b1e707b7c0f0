"""Photos out of whatever a person hands over: files, zips, clips, a folder. What cannot be taken is told of by name."""

from __future__ import annotations

import io
import re
import secrets
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from fkd.clip_photos import CLIP_SUFFIXES, clip_photos
from fkd.errors import ImageError

__all__ = [
    "MAX_FILES",
    "MAX_FILE_BYTES",
    "MAX_TOTAL_BYTES",
    "ZIP_ERRORS",
    "TakenFile",
    "leads_out",
    "photos_below",
    "remove_copies",
    "stamp_of",
    "taken_files",
]

MAX_FILE_BYTES = 64 * 1024**2  # a photo; nothing larger is a picture of 50 megapixels that somebody took
MAX_TOTAL_BYTES = 4 * 1024**3
MAX_FILES = 2_000
PHOTO_SUFFIXES = {
    ".avif", ".bmp", ".gif", ".heic", ".heif", ".jp2", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff",
    ".webp",
}  # fmt: skip
_CHUNK_BYTES = 1024**2
_DRIVE = re.compile("[A-Za-z]:")
_NO_NAME = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
# What zipfile raises at archives that are damaged, encrypted or compressed by a method it does not know.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError)


class TakenFile(NamedTuple):
    """A file that was taken (`path` is a copy of its own), or a sentence about why it was not."""

    name: str
    path: Path | None
    problem: str = ""


def taken_files(paths: Iterable[Path], folder: Path, max_bytes: int = MAX_TOTAL_BYTES) -> Iterator[TakenFile]:
    """Copy files, the files in zips and frames of clips into new folders under `folder`.

    A file that is refused stops none of the rest. Nothing in a zip is trusted: a file is written under a name of our
    own making, and the bytes that come out are counted while they do, whatever the zip says about their number. Hidden
    files and those that macOS adds are passed over. Whether a file is a picture is not looked at here.

    Args:
        max_bytes: of all copies together; what would exceed it is refused.
    """
    left = max_bytes
    for count, (name, stream, problem) in enumerate(_streams(paths), start=1):
        if not problem and count > MAX_FILES:
            problem = f"{name} was left out: at most {MAX_FILES} files can be added at once."
        if problem:
            yield TakenFile(name, None, problem)
            continue
        taken = _copied(name, stream, folder, left)
        left -= taken.path.stat().st_size if taken.path else 0
        yield taken


def photos_below(folder: Path) -> list[Path]:
    """The files in a folder and its folders that are called like pictures, in the order of their names.

    Raises:
        ImageError: if it is no folder, or none of its files is called like a picture.
    """
    if not folder.is_dir():
        raise ImageError(f"{folder} is no folder. Give --photos a folder with pictures in it.")
    found = (path for path in folder.rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES and path.is_file())
    shown = sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))
    if not shown:
        raise ImageError(f"There is no picture in {folder}. Put JPEG, PNG, WebP, HEIC, TIFF, BMP or GIF files there.")
    return shown


def _streams(paths: Iterable[Path]) -> Iterator[tuple[str, BinaryIO | None, str]]:
    """Name, open stream and problem of each file; the stream is closed when the next one is asked for."""
    for path in paths:
        if path.name.startswith("."):
            continue
        try:
            if path.suffix.lower() == ".zip":
                yield from _streams_of_zip(path)
            elif path.suffix.lower() in CLIP_SUFFIXES:
                yield from _streams_of_clip(path)
            else:
                with path.open("rb") as stream:
                    yield path.name, stream, ""
        except OSError as error:
            yield path.name, None, f"{path.name} cannot be read ({error.strerror or error}). Add it again."


def _streams_of_zip(path: Path) -> Iterator[tuple[str, BinaryIO | None, str]]:
    try:
        archive = zipfile.ZipFile(path)
    except ZIP_ERRORS:
        yield path.name, None, f"{path.name} is no zip, or was cut off while it was copied. Make or copy it again."
        return
    with archive:
        for entry in archive.infolist():
            inner = PurePosixPath(entry.filename.replace("\\", "/"))
            is_hidden = inner.name.startswith(".") and inner.name != ".."
            if entry.is_dir() or is_hidden or "__MACOSX" in inner.parts:
                continue
            name = f"{inner.name} in {path.name}"
            if leads_out(inner):
                yield name, None, f"{name} was left out: its path leads out of the zip. Pack the photos anew."
                continue
            try:
                with archive.open(entry) as stream:
                    yield inner.name, stream, ""
            except ZIP_ERRORS as error:
                reason = "it is encrypted" if entry.flag_bits & 1 else str(error) or "it is damaged"
                yield name, None, f"{name} was left out: {reason}. Pack it anew, without a password."


def leads_out(inner: PurePosixPath) -> bool:
    """Whether a name in a zip would be written elsewhere than below the folder that it is unpacked into."""
    first = inner.parts[0] if inner.parts else ""
    return inner.is_absolute() or ".." in inner.parts or _DRIVE.fullmatch(first) is not None


def _streams_of_clip(path: Path) -> Iterator[tuple[str, BinaryIO | None, str]]:
    try:
        for name, png in clip_photos(path):
            yield name, io.BytesIO(png), ""
    except ImageError as error:
        yield path.name, None, str(error)


def _copied(name: str, stream: BinaryIO, folder: Path, left: int) -> TakenFile:
    """The stream in a file of its own, which keeps the suffix and as much of the name as every disk can hold."""
    own = folder / secrets.token_urlsafe(12)
    path = own / (_NO_NAME.sub("_", name)[-60:].lstrip(".") or "photo")
    problem, size = "", 0
    try:
        own.mkdir(parents=True)
        with path.open("wb") as copy:
            while chunk := stream.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > MAX_FILE_BYTES:
                    problem = f"{name} was left out: unpacked, it is larger than {MAX_FILE_BYTES // 1024**2} MB."
                elif size > left:
                    problem = f"{name} was left out: all photos together are too large. Add fewer at a time."
                if problem:
                    break
                copy.write(chunk)
    except ZIP_ERRORS:
        problem = f"{name} was left out: it is damaged in the zip. Pack it anew."
    except OSError as error:
        problem = f"{name} was left out: it cannot be copied ({error.strerror or error}). Make room on the disk."
    if not problem:
        return TakenFile(name, path)
    path.unlink(missing_ok=True)
    if own.exists():
        own.rmdir()
    return TakenFile(name, None, problem)


def stamp_of(path: Path) -> tuple[int, int]:
    """Changes when the file does.

    Raises:
        ImageError: if it is not there any more.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise ImageError(f"{path.name} is not there any more ({error.strerror or error}).") from error
    return status.st_mtime_ns, status.st_size


def remove_copies(paths: Iterable[Path]) -> None:
    """Delete copies that `taken_files` made, each with the folder of its own."""
    for path in paths:
        shutil.rmtree(path.parent, ignore_errors=True)
