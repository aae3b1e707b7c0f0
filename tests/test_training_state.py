"""A training that is stopped, however and whenever, goes on as if it had not been."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fkd import DataError, load_scheme
from fkd.model import CropNet, load_net
from tests.nets import dotted_faces, tiny_net
from training.config import TrainConfig
from training.dataset import FaceSet, make_face_set
from training.loop import fit
from training.state import check_run_folder, load_state

SCHEME = load_scheme("kaggle15")
CONFIG = TrainConfig(epochs=3, batch_size=4, small_px=32, small_share=0.5, device="cpu")
STEPS = 6


class Killed(Exception):
    """What a kill is to the training: its last act."""


@pytest.fixture(scope="module")
def faces() -> FaceSet:
    two = [replace(face, source="ab"[i % 2]) for i, face in enumerate(dotted_faces(8))]
    return make_face_set(two, SCHEME, input_px=64)


@pytest.fixture(scope="module")
def uninterrupted(faces, tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("whole")
    fit(tiny_net(), faces, faces, CONFIG, run)
    return run


def assert_same(first: Path, second: Path) -> None:
    """The same state to the bit, the same weights, the same figures; only the time that it took may differ."""
    one, other = (torch.load(run / "state.pt", weights_only=True)["training"] for run in (first, second))
    for part in ("lesson", "average"):
        assert one[part].keys() == other[part].keys()
        assert all(torch.equal(value, other[part][name]) for name, value in one[part].items())
    moments, others = one["optimiser"]["state"], other["optimiser"]["state"]
    assert all(torch.equal(value, others[i][name]) for i, kept in moments.items() for name, value in kept.items())
    for run in (one, other):
        run["rows"] = [row | {"seconds": 0} for row in run["rows"]]
    assert one["rows"] == other["rows"] and one["best"] == other["best"] and one["averaged"] == other["averaged"]
    assert [row["epoch"] for row in rows(second)] == [1, 2, 3]
    for folder in ("", "last"):
        mine, theirs = (load_net(run / folder) for run in (first, second))
        assert mine.config == theirs.config
        assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in mine.state_dict().items())


def rows(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def killed_at(step: int):
    def on_step(now: int, steps: int, loss: float) -> None:
        assert steps == STEPS
        if now == step:
            raise Killed

    return on_step


@pytest.mark.parametrize("step", [1, 3, 4, 6])
def test_a_training_killed_at_any_step_ends_with_the_same_weights_to_the_bit(tmp_path, faces, uninterrupted, step):
    with pytest.raises(Killed):
        fit(tiny_net(), faces, faces, CONFIG, tmp_path, on_step=killed_at(step))
    done = []
    fit(tiny_net(), faces, faces, CONFIG, tmp_path, on_step=lambda step, *_: done.append(step))
    assert done == list(range((step - 1) // 2 * 2 + 1, STEPS + 1))  # two steps are an epoch, and one epoch is lost
    assert_same(uninterrupted, tmp_path)


def test_a_kill_between_weights_and_state_leaves_no_line_twice(tmp_path, faces, uninterrupted, monkeypatch):
    from training import loop

    def save_and_die(run, settings, training):
        if training.epoch == 2:
            raise Killed
        loop_save(run, settings, training)

    loop_save = loop.save_state
    monkeypatch.setattr(loop, "save_state", save_and_die)
    with pytest.raises(Killed):
        fit(tiny_net(), faces, faces, CONFIG, tmp_path)
    monkeypatch.undo()
    assert [row["epoch"] for row in rows(tmp_path)] == [1, 2]
    fit(tiny_net(), faces, faces, CONFIG, tmp_path)
    assert_same(uninterrupted, tmp_path)


def test_a_training_that_is_done_does_nothing_more(tmp_path, faces):
    config = replace(CONFIG, epochs=1)
    fit(tiny_net(), faces, None, config, tmp_path)
    before = (tmp_path / "state.pt").read_bytes()
    fit(tiny_net(), faces, None, config, tmp_path, on_step=killed_at(1))
    assert (tmp_path / "state.pt").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"config": {"lr": 1e-3}}, "begun with lr 0.002, not 0.001"),
        ({"config": {"epochs": 5}}, "begun with epochs 3, not 5"),
        ({"net": {"head_width": 16}}, "begun with head_width 8, not 16"),
        ({"data": "other"}, "begun with data mine, not other"),
    ],
)
def test_a_run_goes_on_with_its_own_settings_and_data_only(tmp_path, faces, changes, sentence):
    def go(config: TrainConfig = CONFIG, net: CropNet | None = None, data: str = "mine") -> None:
        fit(net or tiny_net(), faces, None, config, tmp_path, data=data, on_step=killed_at(1))

    with pytest.raises(Killed):
        go()
    with pytest.raises(DataError, match=sentence):
        go(
            replace(CONFIG, **changes.get("config", {})),
            tiny_net(**changes.get("net", {})),
            changes.get("data", "mine"),
        )
    with pytest.raises(Killed):  # it may be computed elsewhere
        go(replace(CONFIG, threads=1, device="auto"))


def test_a_damaged_state_is_a_sentence(tmp_path):
    (tmp_path / "state.pt").write_bytes(b"PK\x03\x04 no more")
    with pytest.raises(DataError, match=r"state.pt” cannot be read.*Name another --out"):
        load_state(tmp_path, {})


def test_a_folder_with_a_run_or_weights_is_not_overwritten(tmp_path):
    check_run_folder(tmp_path, resume=False)
    check_run_folder(tmp_path, resume=True)  # nothing to go on from yet: it begins
    tiny_net().save_pretrained(tmp_path)
    with pytest.raises(DataError, match=r"holds a run already \(config.json\). Go on with it by --resume, or name"):
        check_run_folder(tmp_path, resume=False)
    with pytest.raises(DataError, match=r"holds config.json but no state.pt to go on from"):
        check_run_folder(tmp_path, resume=True)
    (tmp_path / "state.pt").touch()
    check_run_folder(tmp_path, resume=True)


def test_a_run_that_is_older_than_a_setting_goes_on(uninterrupted, tmp_path):
    state = torch.load(uninterrupted / "state.pt", weights_only=True)
    settings = dict(state["settings"])
    for name in ("mirror_averaged", "teacher"):
        del state["settings"][name]
    torch.save(state, tmp_path / "state.pt")
    assert load_state(tmp_path, settings)["epoch"] == state["training"]["epoch"]
    with pytest.raises(DataError, match="was begun with teacher none, not ibug68-1"):
        load_state(tmp_path, settings | {"teacher": "ibug68-1 (012345678901)"})
