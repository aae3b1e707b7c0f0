"""Several processes, precision, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState

from fkd import FkdError
from tests.nets import tiny_net
from tests.two_processes import CONFIG, some_faces
from training import processes
from training.config import TrainConfig
from training.loop import fit
from training.processes import bf16_slowdown, faces_at_once, join_processes, slow_precision

ROOT = Path(__file__).parent.parent


@pytest.fixture
def precision_is_free():
    """Accelerate settles the precision once a process; these tests want several."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def errors(run: Path) -> list[float]:
    return [json.loads(line)["nme_iod"] for line in (run / "metrics.jsonl").read_text().splitlines()]


def learned_as_one(*arguments: str) -> bool:
    """Run tests/two_processes.py: whether both processes end with the same weights."""
    launched = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "tests.two_processes"]
    subprocess.run([sys.executable, *launched, *arguments], cwd=ROOT, check=True, capture_output=True, timeout=300)
    first, second = (torch.load(Path(arguments[0]) / f"process-{i}.pt", weights_only=True) for i in range(2))
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_two_processes_learn_from_a_teacher(tmp_path):
    assert learned_as_one(str(tmp_path), "taught")


def test_two_processes_end_with_the_error_of_one(tmp_path):
    assert learned_as_one(str(tmp_path))
    faces, alone = some_faces(), []
    for seed in range(3):
        (tmp_path / str(seed)).mkdir()
        fit(tiny_net(), faces, faces, replace(CONFIG, seed=seed), tmp_path / str(seed))
        alone.append(errors(tmp_path / str(seed)))
    together = errors(tmp_path)
    assert len(together) == len(alone[0]) and together[-1] < 0.85 * together[0]
    last = [run[-1] for run in alone]
    noise = max(last) - min(last)
    assert min(last) - noise < together[-1] < max(last) + noise


def test_a_batch_is_shared_out_evenly():
    assert faces_at_once(TrainConfig(batch_size=48), 1) == 48
    assert faces_at_once(TrainConfig(batch_size=48, accumulate=3), 4) == 4
    with pytest.raises(FkdError, match=r"give --batch-size a multiple of 10 \(5 processes × --accumulate 2\)"):
        faces_at_once(TrainConfig(batch_size=48, accumulate=2), 5)


def test_a_process_of_its_own_is_the_main_one():
    here = join_processes(TrainConfig(device="cpu"))
    assert here.is_main_process and here.num_processes == 1 and here.device == torch.device("cpu")


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(processes, "choose_device", torch.device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(FkdError, match="2 processes were started for 1 GPUs: .*--device cpu"):
        join_processes(TrainConfig(device="cuda"))


def test_a_precision_that_accelerate_refuses_is_a_sentence(monkeypatch):
    def refuse(**_):
        raise ValueError("bf16 mixed precision requires MacOS 14.")

    monkeypatch.setattr(processes, "Accelerator", refuse)
    with pytest.raises(FkdError, match="MacOS 14. Use --mixed-precision no"):
        join_processes(TrainConfig(device="cpu", mixed_precision="bf16"))


def test_half_precision_on_a_cpu_is_refused(tmp_path):
    with pytest.raises(FkdError, match="fp16 needs a GPU"):
        join_processes(TrainConfig(device="cpu", mixed_precision="fp16"))


@pytest.mark.parametrize(
    ("precision", "slowdown", "sentence"),
    [("bf16", 14.0, "computes 14.0 times slower in bf16 than in float32"), ("bf16", 0.6, ""), ("no", 14.0, "")],
)
def test_a_processor_without_bfloat16_is_told_beforehand(monkeypatch, precision, slowdown, sentence):
    monkeypatch.setattr(processes, "bf16_slowdown", lambda: slowdown)
    said = slow_precision(TrainConfig(mixed_precision=precision), torch.device("cpu"))
    assert bool(said) == bool(sentence) and sentence in said


@pytest.mark.parametrize(("has_units", "sentence"), [(True, ""), (False, "emulates it, slowly")])
def test_a_gpu_without_bfloat16_is_told_beforehand(monkeypatch, has_units, sentence):
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: has_units or including_emulation
    )
    said = slow_precision(TrainConfig(mixed_precision="bf16"), torch.device("cuda"))
    assert bool(said) == bool(sentence) and sentence in said
    assert slow_precision(TrainConfig(mixed_precision="fp16"), torch.device("cuda")) == ""


def test_how_slow_bfloat16_is_can_be_measured():
    assert 0.0 < bf16_slowdown() < 1000.0


def test_bfloat16_is_for_the_network_not_for_places(precision_is_free, tmp_path):
    """Its eight bits would put every point on a lattice of 1/256 of the crop."""
    seen = {}
    net = tiny_net()
    net.heat.register_forward_hook(lambda module, inputs, out: seen.update(heat=out.dtype))
    net.register_forward_hook(lambda module, inputs, out: seen.update(crop=inputs[0].dtype, points=out.points.detach()))
    faces = some_faces()
    fit(net, faces, None, replace(CONFIG, epochs=1, batch_size=64, mixed_precision="bf16"), tmp_path)
    assert seen["heat"] == torch.bfloat16 and seen["crop"] == seen["points"].dtype == torch.float32
    assert not torch.equal(seen["points"], seen["points"].bfloat16().float())
    assert all(value.dtype == torch.float32 for value in net.parameters())
