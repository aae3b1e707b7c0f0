"""Files, zips and folders: what can be taken is, and what cannot gets a sentence of its own."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from fkd import ImageError, photo_files
from fkd.photo_files import photos_below, taken_files
from tests.clips import face_at, write_clip


def zipped(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def taken(tmp_path: Path, *paths: Path, **options) -> tuple[dict[str, bytes], list[str]]:
    """Names and contents of what was taken, and the sentences about the rest."""
    files = list(taken_files(paths, tmp_path / "into", **options))
    there = {file.name: file.path.read_bytes() for file in files if file.path}
    assert len(list((tmp_path / "into").glob("*"))) == len(there)  # nothing is left of what was refused
    return there, [file.problem for file in files if not file.path]


def test_files_and_zips_together(tmp_path):
    (tmp_path / "one.jpg").write_bytes(b"one")
    archive = zipped(tmp_path / "more.zip", {"a/two.jpg": b"two", "a/b/three.png": b"three", "a/": b""})
    assert taken(tmp_path, tmp_path / "one.jpg", archive) == (
        {"one.jpg": b"one", "two.jpg": b"two", "three.png": b"three"}, []
    )  # fmt: skip


def test_a_clip_gives_some_of_its_frames(tmp_path):
    clip = write_clip(tmp_path / "walk.MP4", [face_at(x, 10) for x in range(20)])
    (tmp_path / "bad.mov").write_bytes(b"no clip")
    there, problems = taken(tmp_path, tmp_path / "bad.mov", clip)
    assert list(there) == ["walk_000000.png", "walk_000013.png"]
    assert there["walk_000013.png"].startswith(b"\x89PNG")
    assert len(problems) == 1 and problems[0].startswith("bad.mov is no video")


def test_two_files_of_one_name_are_two(tmp_path):
    archive = zipped(tmp_path / "more.zip", {"a/x.jpg": b"1", "b/x.jpg": b"2"})
    files = list(taken_files([archive], tmp_path / "into"))
    assert sorted(file.path.read_bytes() for file in files) == [b"1", b"2"]
    assert {file.path.name for file in files} == {"x.jpg"}


def test_hidden_files_and_those_of_macos_are_passed_over(tmp_path):
    archive = zipped(tmp_path / "mac.zip", {"a.jpg": b"a", ".DS_Store": b"x", "__MACOSX/._a.jpg": b"x", "b/._c": b"x"})
    (tmp_path / ".hidden").write_bytes(b"x")
    assert taken(tmp_path, archive, tmp_path / ".hidden") == ({"a.jpg": b"a"}, [])


@pytest.mark.parametrize(
    "name", ["../../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg", "C:\\evil.jpg", "a/.."]
)
def test_a_path_that_leads_out_of_the_zip_is_refused(tmp_path, name):
    there, problems = taken(tmp_path, zipped(tmp_path / "bad.zip", {name: b"evil", "good.jpg": b"good"}))
    assert there == {"good.jpg": b"good"} and len(problems) == 1
    assert "leads out of the zip" in problems[0] and "bad.zip" in problems[0]
    assert not list(tmp_path.parent.glob("evil.jpg"))


def test_a_zip_bomb_is_counted_while_it_unpacks(tmp_path, monkeypatch):
    monkeypatch.setattr(photo_files, "MAX_FILE_BYTES", 3 * 1024**2)
    bomb = zipped(tmp_path / "bomb.zip", {"huge.jpg": bytes(8 * 1024**2), "good.jpg": b"good"})
    content = bytearray(bomb.read_bytes())  # it says that it is small: the sizes in the directory are of its own making
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 10)
    bomb.write_bytes(content)
    assert bomb.stat().st_size < 20_000
    there, problems = taken(tmp_path, bomb)
    assert set(there) == {"good.jpg"} and len(problems) == 1 and problems[0].startswith("huge.jpg")


def test_a_file_that_is_too_large_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(photo_files, "MAX_FILE_BYTES", 1000)
    there, problems = taken(tmp_path, zipped(tmp_path / "bomb.zip", {"huge.jpg": bytes(5000), "good.jpg": b"good"}))
    assert set(there) == {"good.jpg"} and problems[0].startswith("huge.jpg was left out: unpacked, it is larger")


def test_all_together_stay_below_a_size(tmp_path):
    archive = zipped(tmp_path / "many.zip", {f"{i}.jpg": bytes(400) for i in range(4)})
    there, problems = taken(tmp_path, archive, max_bytes=1000)
    assert len(there) == 2 and all("all photos together are too large" in problem for problem in problems)


def test_no_more_than_so_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(photo_files, "MAX_FILES", 2)
    there, problems = taken(tmp_path, zipped(tmp_path / "many.zip", {f"{i}.jpg": b"x" for i in range(3)}))
    assert len(there) == 2 and "at most 2 files" in problems[0]


def test_damaged_zips_and_files_stop_none_of_the_rest(tmp_path):
    (tmp_path / "no.zip").write_bytes(b"no zip")
    broken = zipped(tmp_path / "broken.zip", {"a.jpg": b"a" * 50, "b.jpg": b"b" * 50}, zipfile.ZIP_STORED)
    broken.write_bytes(broken.read_bytes().replace(b"a" * 50, b"x" * 50))  # the checksum does not fit any more
    locked = zipped(tmp_path / "locked.zip", {"secret.jpg": b"s"})
    content = bytearray(locked.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    locked.write_bytes(content)
    there, problems = taken(tmp_path, tmp_path / "no.zip", broken, locked, tmp_path / "gone.jpg")
    assert set(there) == {"b.jpg"} and len(problems) == 4
    assert problems[0].startswith("no.zip is no zip") and "damaged in the zip" in problems[1]
    assert "secret.jpg in locked.zip was left out: it is encrypted" in problems[2]
    assert problems[3].startswith("gone.jpg cannot be read")


def test_a_name_that_no_disk_can_hold_is_shortened(tmp_path):
    archive = zipped(tmp_path / "long.zip", {"ü" * 300 + ".jpg": b"a", "a:b?.jpg": b"b"})
    there, problems = taken(tmp_path, archive)
    assert sorted(there.values()) == [b"a", b"b"] and problems == []


def test_pictures_of_a_folder_and_the_folders_in_it(tmp_path):
    for name in ("b.JPG", "a/c.png", "notes.txt", ".thumbs/d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert photos_below(tmp_path) == [tmp_path / "a" / "c.png", tmp_path / "b.JPG"]


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(ImageError, match="There is no picture in"):
        photos_below(tmp_path)
    with pytest.raises(ImageError, match="is no folder"):
        photos_below(tmp_path / "gone")
