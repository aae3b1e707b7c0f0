"""How long a network takes: variants measured in turns, so that a busy machine slows them all alike."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from fkd.crop_net import CropNet
from fkd.fast_net import fast_net, folded
from fkd.geometry import sample, whole_image_crop
from fkd.model import mirror_averaged

__all__ = [
    "Timing",
    "batch_variants",
    "flops_per_face",
    "in_turns",
    "latency_variants",
    "matrix_flops_per_s",
    "on_cores",
    "parameters",
]

CPU = torch.device("cpu")
PICTURE_SHARE = 1.6  # side of the pictures that faces are cut out of, in sides of the crop


@dataclass(frozen=True)
class Timing:
    """Seconds that something took.

    Attributes:
        fastest_s: in the fastest round, which a busy machine spoils least.
        median_s: in the median round.
        cpu_s: of the processor, all threads together, in the round that took the least: on one core, what it would
            take if no other program ran there.
    """

    fastest_s: float
    median_s: float
    cpu_s: float


def in_turns(
    variants: Mapping[str, Callable[[], object]], rounds: int, wait: Callable[[], None] = lambda: None
) -> dict[str, Timing]:
    """Run every variant once a round, after two rounds that do not count, and time each.

    Args:
        wait: returns when what was begun on the device is done.
    """
    taken: dict[str, list[float]] = {name: [] for name in variants}
    cpu: dict[str, list[float]] = {name: [] for name in variants}
    for done in range(rounds + 2):
        for name, variant in variants.items():
            wait()
            start, cpu_start = time.perf_counter(), time.process_time()
            variant()
            wait()
            if done >= 2:
                taken[name].append(time.perf_counter() - start)
                cpu[name].append(time.process_time() - cpu_start)
    return {name: Timing(min(taken[name]), statistics.median(taken[name]), min(cpu[name])) for name in variants}


@contextmanager
def on_cores(one: bool) -> Iterator[int]:
    """Compute on one CPU core, or on all that this process may use; gives their number.

    Where the system can hold a thread on a core (Linux), it is the quietest one, and threads that are made inside stay
    on it too.
    """
    threads, can_pin = torch.get_num_threads(), hasattr(os, "sched_setaffinity")
    allowed = os.sched_getaffinity(0) if can_pin else set(range(os.cpu_count() or 1))
    torch.set_num_threads(1 if one else len(allowed))
    try:
        if one and can_pin:
            os.sched_setaffinity(0, {min(allowed, key=_seconds_on)})
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(threads)
        if can_pin:
            os.sched_setaffinity(0, allowed)


def _seconds_on(core: int) -> float:
    """How long some work takes on a core that other programs may be busy on; the thread stays there."""
    os.sched_setaffinity(0, {core})
    values, start = torch.rand((256, 256)), time.perf_counter()
    for _ in range(20):
        values @ values
    return time.perf_counter() - start


def latency_variants(net: CropNet, *, compiled: bool) -> dict[str, Callable[[], object]]:
    """From one crop to its points on the CPU, in as many ways as there are; the first is the reference.

    Args:
        net: on the CPU, float32.
        compiled: whether to try torch.compile, which takes minutes.
    """
    size_px = net.config.input_px
    crop = torch.rand((1, 3, size_px, size_px)) * 255
    ours = fast_net(net, CPU)
    nets = {"PyTorch, float32": net, **_made_for_torch(net, CPU, torch.float32)}
    nets |= {"bfloat16": _plain(net, CPU, torch.bfloat16)}
    if compiled:
        nets |= {"torch.compile": torch.compile(_plain(net, CPU, torch.float32))}
    nets |= {"fkd, one pass": ours}
    variants = {name: lambda made=made: _asked(made, crop) for name, made in nets.items()}
    return variants | {"fkd, averaged with the mirror image": lambda: _mirrored(ours, crop)}


def batch_variants(net: CropNet, device: torch.device, n: int, *, compiled: bool) -> dict[str, Callable[[], object]]:
    """From N pictures on the device to the points of the face in each, cutting it out included; the first is the
    reference.

    Args:
        net: on the device, float32.
    """
    size_px = net.config.input_px
    side_px = round(size_px * PICTURE_SHARE)
    pictures = torch.randint(0, 256, (n, 3, side_px, side_px), dtype=torch.uint8, device=device)
    matrix = torch.from_numpy(whole_image_crop(side_px, side_px).matrix()).float().to(device)
    matrices = matrix.expand(n, -1, -1)  # (N, 2, 3)
    ours = fast_net(net, device)
    # PyTorch's own choice on CUDA: convolutions of float32 numbers of which ten bits count.
    plain = "PyTorch, float32 (TF32 convolutions)" if device.type == "cuda" else "PyTorch, float32"
    nets = {plain: net, **_made_for_torch(net, device, torch.float32)}
    if device.type == "cuda":
        nets |= {"bfloat16": _plain(net, device, torch.bfloat16)}
    if compiled:
        dtype = torch.float16 if device.type == "cuda" else torch.float32
        nets |= {f"torch.compile, {str(dtype).removeprefix('torch.')}": torch.compile(_plain(net, device, dtype))}
    nets |= {"fkd, one pass": ours}

    def crops() -> torch.Tensor:
        return sample(pictures.float(), matrices, size_px)  # (N, 3, S, S)

    variants = {name: lambda made=made: _asked(made, crops()) for name, made in nets.items()}
    return variants | {"fkd, averaged with the mirror image": lambda: _mirrored(ours, crops())}


def parameters(net: CropNet) -> int:
    """How many numbers the network has learned."""
    return sum(parameter.numel() for parameter in net.parameters())


def flops_per_face(net: CropNet) -> int:
    """Floating-point operations of one pass over one crop, a multiplication and an addition counted as two."""
    from torch.utils.flop_counter import FlopCounterMode

    size_px = net.config.input_px
    with FlopCounterMode(display=False) as counter:
        net(torch.zeros((1, 3, size_px, size_px), device=next(net.parameters()).device))
    return counter.get_total_flops()


def matrix_flops_per_s(device: torch.device, dtype: torch.dtype, wait: Callable[[], None] = lambda: None) -> float:
    """What the device does a second at best, by a product of two large matrices: the yardstick for what is possible."""
    side = 8192 if device.type == "cuda" else 512
    a, b = (torch.rand((side, side), device=device, dtype=dtype) for _ in range(2))
    timing = in_turns({"product": lambda: a @ b}, 30, wait)["product"]
    return 2 * side**3 / timing.fastest_s


def _made_for_torch(net: CropNet, device: torch.device, dtype: torch.dtype) -> dict[str, CropNet]:
    as_stored = folded(net).to(device, dtype, memory_format=torch.contiguous_format)
    return {"batch norms folded in": as_stored, "… and channels last": _plain(net, device, dtype)}


def _plain(net: CropNet, device: torch.device, dtype: torch.dtype) -> CropNet:
    return folded(net).to(device, dtype, memory_format=torch.channels_last)


@torch.inference_mode()
def _asked(net: Callable, crops: torch.Tensor) -> torch.Tensor:
    return net(crops).points


@torch.inference_mode()
def _mirrored(net: Callable, crops: torch.Tensor) -> torch.Tensor:
    return mirror_averaged(net, crops)[0]
