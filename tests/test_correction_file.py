import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fkd.correction_file import CorrectionFile
from fkd.correction_rows import HEADER, encode_line, to_row
from fkd.errors import CorrectionsError
from tests.correction_samples import a_correction

TESTS = Path(__file__).parent


def a_line(number: int = 0) -> bytes:
    return encode_line(to_row(a_correction(id=f"c{number}")))


@pytest.fixture
def file(tmp_path) -> CorrectionFile:
    return CorrectionFile(tmp_path / "annotations" / "corrections.csv")


def ids(lines) -> list[str]:
    return [line.split(b",", 1)[0].decode() for _, line in lines]


def start_python(source: str, *arguments: str) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
    command = [sys.executable, "-c", source, *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_a_file_that_is_not_there_has_no_lines(file):
    assert list(file.forwards()) == list(file.backwards()) == []
    assert not file.path.exists()


def test_lines_are_appended_behind_one_header(file):
    lines = [a_line(number) for number in range(3)]
    for line in lines:
        file.append(line)
    assert file.path.read_bytes() == HEADER + b"".join(lines)
    assert ids(file.forwards()) == ["c0", "c1", "c2"]
    assert ids(file.backwards()) == ["c2", "c1", "c0"]
    assert sorted(file.forwards()) == sorted(file.backwards())


@pytest.mark.parametrize("block_bytes", [1, 7, 4096])
def test_reading_backwards_does_not_depend_on_the_size_of_the_blocks(file, monkeypatch, block_bytes):
    for number in range(12):
        file.append(a_line(number))
    monkeypatch.setattr("fkd.correction_file._BLOCK_BYTES", block_bytes)
    assert list(file.backwards()) == list(file.forwards())[::-1]


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be flushed there")
def test_a_line_is_on_the_disk_before_it_is_acknowledged_and_the_first_with_its_name(file, monkeypatch):
    synced = []
    real_fsync = os.fsync

    def fsync(descriptor):
        synced.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    file.append(a_line(0))
    file.append(a_line(1))
    assert synced == ["file", "folder", "file"]


def test_a_torn_last_line_is_moved_aside_and_reported(file):
    file.append(a_line(0))
    torn = a_line(1)[:200]
    with file.path.open("ab") as raw:
        raw.write(torn)
    assert ids(file.forwards()) == ids(file.backwards()) == ["c0"]
    assert file.path.read_bytes().endswith(torn), "reading changes nothing"
    assert len(file.notices) == 1
    assert "incomplete and was left out" in file.notices[0]

    file.notices.clear()
    file.append(a_line(2))
    assert ids(file.forwards()) == ["c0", "c2"]
    (aside,) = file.path.parent.glob("corrections.csv.torn-*")
    assert aside.read_bytes() == torn
    assert len(file.notices) == 1
    assert aside.name in file.notices[0]


def test_a_torn_header_is_moved_aside_too(file):
    file.path.parent.mkdir()
    file.path.write_bytes(HEADER[:20])
    assert list(file.forwards()) == list(file.backwards()) == []
    file.append(a_line(0))
    assert file.path.read_bytes().startswith(HEADER)
    assert ids(file.forwards()) == ["c0"]
    (aside,) = file.path.parent.glob("corrections.csv.torn-*")
    assert aside.read_bytes() == HEADER[:20]


def test_a_whole_last_line_that_lacks_its_line_feed_is_kept(file):
    file.append(a_line(0))
    file.path.write_bytes(file.path.read_bytes().rstrip(b"\n"))
    assert ids(file.forwards()) == ids(file.backwards()) == ["c0"]
    file.append(a_line(1))
    assert ids(file.forwards()) == ["c0", "c1"]
    assert file.notices == []


def test_a_file_saved_by_a_spreadsheet_is_appended_to(file):
    file.path.parent.mkdir()
    file.path.write_bytes((b"\xef\xbb\xbf" + HEADER + a_line(0)).replace(b"\n", b"\r\n") + b"\r\n")
    file.append(a_line(1))
    assert ids(file.forwards()) == ["c0", "c1"]
    assert ids(file.backwards()) == ["c1", "c0"]
    assert [line[-1:] for _, line in file.forwards()] == [b"e", b"e"]


@pytest.mark.parametrize(
    "contents",
    [
        b"left_eye_center_x,left_eye_center_y,Image\n66.0,39.0,238 236\n",
        (HEADER.replace(b",", b";")),
        (HEADER + a_line()).decode().encode("utf-16"),
        b"\x89PNG\r\n\x1a\n" + bytes(10_000),
        b"x" * 100_000,
        HEADER.replace(b"action", b"action,mood"),
        b"\n",
    ],
)
def test_a_file_of_another_tool_is_refused_and_left_alone(file, contents):
    file.path.parent.mkdir()
    file.path.write_bytes(contents)
    for attempt in (lambda: file.append(a_line()), lambda: list(file.forwards()), lambda: list(file.backwards())):
        with pytest.raises(CorrectionsError, match=r"corrections\.csv is not a corrections file that this fkd reads"):
            attempt()
    assert file.path.read_bytes() == contents


def test_short_writes_are_carried_on(file, monkeypatch):
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, payload: real_write(descriptor, payload[:50]))
    file.append(a_line(0))
    file.append(a_line(1))
    monkeypatch.undo()
    assert ids(file.forwards()) == ["c0", "c1"]


@pytest.mark.parametrize("before", [0, 1])
def test_a_full_disk_saves_nothing_and_says_so(file, monkeypatch, before):
    for number in range(before):
        file.append(a_line(number))
    contents = file.path.read_bytes() if before else b""
    real_write = os.write
    room = [100]

    def write_until_full(descriptor, payload):
        if room[0] == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = real_write(descriptor, payload[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(os, "write", write_until_full)
    with pytest.raises(CorrectionsError, match=r"Nothing was saved: .*No space left on device"):
        file.append(a_line(1))
    assert file.path.read_bytes() == contents
    monkeypatch.undo()
    file.append(a_line(2))
    assert ids(file.forwards())[-1] == "c2"
    assert file.notices == []


def test_a_disk_that_cannot_flush_saves_nothing(file, monkeypatch):
    file.append(a_line(0))
    contents = file.path.read_bytes()

    def fsync(descriptor):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(CorrectionsError, match="Nothing was saved"):
        file.append(a_line(1))
    assert file.path.read_bytes() == contents


LIMITED_WRITER = """
import resource, sys
from pathlib import Path
from test_correction_file import CorrectionFile, CorrectionsError, a_line, HEADER

resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
file = CorrectionFile(Path(sys.argv[1]))
saved = 0
try:
    while True:
        file.append(a_line(saved))
        saved += 1
except CorrectionsError as error:
    print(saved, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of a file there")
def test_a_limit_of_the_operating_system_in_mid_write_leaves_whole_lines_only(file):
    writer = start_python(LIMITED_WRITER, str(file.path))
    saved, message = writer.communicate()[0].split(" ", 1)
    assert writer.returncode == 0
    assert int(saved) > 3
    assert "Nothing was saved" in message
    assert ids(file.forwards()) == [f"c{number}" for number in range(int(saved))]
    assert file.path.read_bytes().endswith(b"\n")
    assert file.notices == []


LOCKED_OUT_WRITER = """
import sys
from pathlib import Path
import fkd.correction_file
from test_correction_file import CorrectionFile, CorrectionsError, a_line

fkd.correction_file._LOCK_SECONDS = 0
try:
    CorrectionFile(Path(sys.argv[1])).append(a_line())
except CorrectionsError as error:
    print(error)
"""


def test_a_writer_waits_for_another_process_and_says_so_when_it_gives_up(file):
    with file.locked():
        message = start_python(LOCKED_OUT_WRITER, str(file.path)).communicate()[0]
    assert "Nothing was saved: another process has held" in message
    assert not file.path.exists()


# They write in pieces, so that without the lock their lines would run into each other.
MANY_WRITERS = """
import os, sys
from pathlib import Path
from test_correction_file import CorrectionFile, a_line

real_write = os.write
os.write = lambda descriptor, payload: real_write(descriptor, payload[:40])
file = CorrectionFile(Path(sys.argv[1]))
for number in range(25):
    file.append(a_line(int(sys.argv[2]) * 100 + number))
"""


def test_four_processes_append_at_once_and_every_line_is_there_once(file):
    writers = [start_python(MANY_WRITERS, str(file.path), str(number)) for number in range(4)]
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    assert sorted(ids(file.forwards())) == sorted(f"c{w * 100 + n}" for w in range(4) for n in range(25))
    assert file.path.read_bytes().count(b"time_utc") == 1
    assert file.notices == []


# It writes in small pieces and waits for no disk, so that a kill is likely to fall into the middle of a line.
DOOMED_WRITER = """
import os, sys
from pathlib import Path
from test_correction_file import CorrectionFile, a_line

real_write = os.write
os.write = lambda descriptor, payload: real_write(descriptor, payload[:8])
os.fsync = lambda descriptor: None
file = CorrectionFile(Path(sys.argv[1]))
number = int(sys.argv[2])
while True:
    file.append(a_line(number))
    print(f"c{number}", flush=True)
    number += 1
"""


def test_a_writer_that_is_killed_again_and_again_loses_nothing_that_it_acknowledged(file):
    acknowledged = []
    for run in range(4):
        writer = start_python(DOOMED_WRITER, str(file.path), str(run * 100_000))
        acknowledged += [writer.stdout.readline().strip() for _ in range(5)]
        writer.kill()
        acknowledged += writer.communicate()[0].split()
    file.append(a_line(999_999))
    found = ids(file.forwards())
    assert set(acknowledged) <= set(found)
    assert len(found) == len(set(found))
    assert len(found) <= len(acknowledged) + 4 + 1, "at most the one line under way at each kill is there besides"


def test_a_folder_that_cannot_be_made_is_reported(tmp_path):
    (tmp_path / "annotations").write_text("not a folder")
    with pytest.raises(CorrectionsError, match="cannot be written to"):
        CorrectionFile(tmp_path / "annotations" / "corrections.csv").append(a_line())
