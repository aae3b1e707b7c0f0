"""Programs that are killed while they speak with the Hub leave whole states behind, there and here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

import fkd.hub_push
from fkd.hub_corrections import CorrectionSync
from fkd.hub_pull import pull
from fkd.hub_push import push
from fkd.hub_shards import pull_corrections
from fkd.model import load_net
from tests.hub_fixtures import environment, put_on_hub
from tests.hub_rows import NAME as ROWS
from tests.hub_rows import REPO, save
from tests.nets import tiny_net

FACES = "models/ada/faces"

# The network's part is left out, so that the program starts in a moment: what it sends is the same.
PUSH = """
import sys
from pathlib import Path
import fkd.hub_push
fkd.hub_push.check_weights = fkd.hub_push.sample_picture = lambda folder: b"PNG"
fkd.hub_push.push(Path(sys.argv[1]), "ada/faces")
"""
PULL = "from fkd.hub_pull import pull; pull('ada/faces')"
PUSH_ROWS = (
    "import sys; from fkd.hub_corrections import CorrectionSync as S; S(sys.argv[1], 'ada/corrections').push_now()"
)


def killed_at(hub, tmp_path, match: str, hold: str, code: str, *arguments) -> None:
    """Run the program and kill it -9 when it has come to the request: before the Hub acts on it, or after."""
    fault = hub.fault(match, hold=hold)
    program = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], env=environment(hub, tmp_path / "home"),
        cwd=tmp_path, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert fault.reached.wait(60), "the program did not come to this request"
    program.kill()
    assert program.wait(30) == -9
    fault.release.set()


@pytest.mark.parametrize(
    ("match", "hold", "is_there"),
    [
        ("POST /api/models/ada/faces/preupload", "before", False),
        ("PUT /lfs", "before", False),
        ("PUT /lfs", "after", False),
        ("POST /api/models/ada/faces/commit", "before", None),  # the request is on its way: it may be done or not
        ("POST /api/models/ada/faces/commit", "after", True),
        ("POST /api/models/ada/faces/tag", "before", True),
    ],
)
def test_a_killed_push_is_there_as_a_whole_or_not_at_all_and_the_next_one_completes_it(
    hub, tmp_path, monkeypatch, match, hold, is_there
):
    monkeypatch.setattr(fkd.hub_push, "sample_picture", lambda folder: b"PNG")
    tiny_net().save_pretrained(tmp_path / "first")
    tiny_net(1, version="tiny-2", parent="tiny-1").save_pretrained(tmp_path / "second")
    push(tmp_path / "first", "ada/faces")
    killed_at(hub, tmp_path, match, hold, PUSH, tmp_path / "second")
    if is_there is None:
        hub.wait_for_commits(FACES, 2, timeout_s=5.0)
    folder, _ = pull("ada/faces", folder=tmp_path / "seen-by-others")
    version = load_net(folder).config.version
    assert version == json.loads(hub.files(FACES)["metrics.json"])["version"]
    assert version in hub.files(FACES)["README.md"].decode()
    assert is_there is None or version == ("tiny-2" if is_there else "tiny-1")
    assert load_net(tmp_path / "second").config.version == "tiny-2"
    pushed = push(tmp_path / "second", "ada/faces")
    assert hub.repos[FACES].tags["tiny-2"] == hub.repos[FACES].head.oid == pushed.commit
    assert [commit.title for commit in hub.repos[FACES].commits[1:]] == ["Weights tiny-1", "Weights tiny-2"]


def test_a_killed_pull_leaves_nothing_to_load_and_its_remains_go(hub, tmp_path, monkeypatch):
    tiny_net().save_pretrained(tmp_path / "uploaded")
    repo = put_on_hub(hub, tmp_path / "uploaded")
    match = f"GET /ada/faces/resolve/{repo.head.oid}/model.safetensors"
    killed_at(hub, tmp_path, match, "after", PULL)
    root = tmp_path / "runs" / "hub" / "ada--faces"
    (left,) = root.iterdir()
    assert left.name.startswith(".pull-")
    os.utime(left, (time.time() - 7200,) * 2)
    folder, _ = pull("ada/faces", root=tmp_path / "runs" / "hub")
    assert list(root.iterdir()) == [folder] and load_net(folder).config.version == "tiny-1"


@pytest.mark.parametrize(
    ("match", "hold"),
    [
        ("POST /api/repos/create", "after"),
        ("PUT /lfs", "after"),
        ("POST /api/datasets/ada/corrections/commit", "before"),
        ("POST /api/datasets/ada/corrections/commit", "after"),
    ],
)
def test_a_killed_push_of_corrections_loses_no_row_and_doubles_none(hub, tmp_path, match, hold):
    for number in range(3):
        save(tmp_path / "annotations", f"a{number}", b"picture %d" % number)
    killed_at(hub, tmp_path, match, hold, PUSH_ROWS, tmp_path / "annotations")
    if match.endswith("commit"):
        hub.wait_for_commits(ROWS, 1)
    for path, content in hub.files(ROWS).items():  # no row there names a picture that is not there
        if path.startswith("corrections/"):
            assert all(name in hub.files(ROWS) for name in names_in(content))
    CorrectionSync(tmp_path / "annotations", REPO).push_now()
    pulled = pull_corrections(REPO, tmp_path / "fresh")
    assert pulled.ids == {"a0", "a1", "a2"} and not pulled.problems and pulled.new_pictures == 3
    content = b"".join(content for path, content in hub.files(ROWS).items() if path.startswith("corrections/"))
    assert content.count(b"\na1,") == 1


def names_in(content: bytes) -> list[str]:
    return [line.split(b",")[3].decode() for line in content.splitlines()[1:]]
