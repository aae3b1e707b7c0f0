"""The bench measures what it says: in turns, on the cores that it names, answers that are the network's."""

from __future__ import annotations

import os
import sys
import time

import pytest
import torch

from tests.nets import tiny_net
from training.bench import (
    Timing,
    batch_variants,
    flops_per_face,
    in_turns,
    latency_variants,
    matrix_flops_per_s,
    on_cores,
    parameters,
)
from training.cli import main
from training.commands.bench import show_latency, show_throughput

CPU = torch.device("cpu")


def test_variants_take_turns_and_the_first_two_rounds_do_not_count(monkeypatch):
    clock, order = [0.0], []
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(time, "process_time", lambda: clock[0] / 2)

    def variant(name: str, seconds: list[float]):
        def run():
            order.append(name)
            clock[0] += seconds.pop(0)

        return run

    timings = in_turns({"a": variant("a", [99, 98, 1, 5, 2]), "b": variant("b", [99, 98, 7, 7, 9])}, rounds=3)
    assert order == ["a", "b"] * 5
    assert timings == {"a": Timing(1, 2, 0.5), "b": Timing(7, 7, 3.5)}


def test_what_was_begun_on_the_device_is_waited_for():
    events = []
    in_turns({"a": lambda: events.append("run")}, 1, lambda: events.append("wait"))
    assert events == ["wait", "run", "wait"] * 3


def test_one_core_and_back():
    threads = torch.get_num_threads()
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    with on_cores(one=True) as cores:
        assert cores == torch.get_num_threads() == 1
        assert allowed is None or len(os.sched_getaffinity(0)) == 1
    assert torch.get_num_threads() == threads
    assert allowed is None or os.sched_getaffinity(0) == allowed


def test_all_ways_give_the_same_points():
    net = tiny_net()
    torch.nn.init.normal_(net.heat.weight)
    torch.manual_seed(1)
    answers = {name: run() for name, run in latency_variants(net, compiled=False).items()}
    reference = answers.pop("PyTorch, float32")
    assert reference.shape == (1, 15, 2) and reference.std() > 0.005
    assert not torch.equal(answers.pop("fkd, averaged with the mirror image"), reference)
    for name, answer in answers.items():
        tolerance = 0.02 if name == "bfloat16" else 1e-5
        torch.testing.assert_close(answer, reference, atol=tolerance, rtol=0, msg=name)


def test_a_batch_is_cut_out_of_its_pictures_and_asked():
    net = tiny_net()
    torch.nn.init.normal_(net.heat.weight)
    answers = [run() for run in batch_variants(net, CPU, 3, compiled=False).values()]
    assert len(answers) == 5 and all(answer.shape == (3, 15, 2) for answer in answers)
    for answer in answers[1:-1]:
        torch.testing.assert_close(answer, answers[0], atol=1e-5, rtol=0)


def test_what_is_counted():
    net = tiny_net()
    assert parameters(net) == sum(value.numel() for name, value in net.named_parameters())
    # The stem's two convolutions: 2 × outputs × inputs of one.
    stem = 2 * (32 * 32 * 4 * 27 + 16 * 16 * 8 * 36)
    assert stem < flops_per_face(net) < 100 * stem
    assert matrix_flops_per_s(CPU, torch.float32) > 1e8


def test_latency_is_a_ratio_to_the_first_row(capsys):
    show_latency("Latency", {"first": Timing(0.002, 0.004, 0.001), "second": Timing(0.001, 0.006, 0.001)})
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert lines[2] == ["first", "2.00", "1.00×", "4.00", "1.00×", "1.00", "1.00×"]
    assert lines[3] == ["second", "1.00", "0.50×", "6.00", "1.50×", "1.00", "1.00×"]


def test_throughput_is_more_where_the_time_is_less(capsys):
    show_throughput("Faces", {"first": Timing(0.5, 1.0, 0), "second": Timing(0.25, 2.0, 0)}, 256)
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert lines[2] == ["first", "512", "1.00×", "256", "1.00×"]
    assert lines[3] == ["second", "1,024", "2.00×", "128", "0.50×"]


def test_the_command(tmp_path, capsys):
    tiny_net().save_pretrained(tmp_path / "tiny")
    command = ["bench", "--weights", str(tmp_path / "tiny"), "--rounds", "2", "--batch", "2", "--batch-rounds", "1"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert (
        "tiny-1: 0.0" in out and "Latency in ms, one face, one CPU core" in out and "Faces a second, 2 at once" in out
    )


def test_mediapipe_that_is_not_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    tiny_net().save_pretrained(tmp_path / "tiny")
    assert main(["bench", "--weights", str(tmp_path / "tiny"), "--against", "mediapipe"]) == 1
    assert "pip install mediapipe==0.10.21" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_rounds_are_whole_numbers_above_0(value):
    with pytest.raises(SystemExit):
        main(["bench", "--rounds", value])
