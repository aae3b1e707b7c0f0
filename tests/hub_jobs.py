"""A job on the stand-in Hub: what it makes of a fine-tune, by its own account."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fkd.registry import Registry
from fkd.versions import FROZEN, HELD_OUT, Measured
from tests.hub_standin import ADA
from tests.nets import tiny_net
from tests.weights_folders import registered

__all__ = ["RESULTS", "job", "measured"]

RESULTS = "models/ada/fkd-candidates"


def measured(after: float) -> tuple[Measured, ...]:
    """What a fine-tune measured that was at 5 % before, and forgot nothing."""
    change = after - 0.05
    on = {"faces_id": "faces", "n": 40, "before": 0.05, "low": change - 0.001, "high": change + 0.001}
    return (Measured(what=FROZEN, after=0.05, **on), Measured(what=HELD_OUT, after=after, **on))


@pytest.fixture
def job(hub, tmp_path):
    """Jobs make a better network. Change `left` to let them leave something else."""

    def left(folder: Path) -> None:
        made = folder / "kaggle15-new"
        tiny_net(seed=1, version="kaggle15-new", parent="v1").save_pretrained(made)
        registered(
            Registry(folder), "kaggle15-new", scheme="kaggle15", parent="v1", folder=made, measured=measured(0.04),
            who="mallory",
        )  # fmt: skip
        (made / "evil.pkl").write_bytes(b"\x80")
        stages = [{"stage": "started", "pid": 1}, {"stage": "done", "version": "kaggle15-new"}]
        (made / "progress.jsonl").write_text("".join(json.dumps(stage) + "\n" for stage in stages))

    def work(spec: dict) -> None:
        folder = tmp_path / "in-the-job"
        shutil.rmtree(folder, ignore_errors=True)
        hub.services.left(folder)
        repo, label = hub.repos[RESULTS], spec["labels"]["fkd"]
        made = {f"{label}/{p.relative_to(folder).as_posix()}": p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        repo.commit("results", "ada", repo.head.files | made)

    hub.services.left, hub.services.job_work = left, work
    hub.services.job_log = ("fine-tune 1/2", f"using {ADA}", "fine-tune 2/2")
    return hub.services
