"""The processes of a training and what they compute with, by Hugging Face Accelerate."""

from __future__ import annotations

import os
import time
from datetime import timedelta

import torch
from accelerate import Accelerator
from accelerate.utils import GradientAccumulationPlugin, InitProcessGroupKwargs, parse_flag_from_env

from fkd.device import choose_device
from fkd.errors import FkdError
from training.config import TrainConfig

__all__ = ["bf16_slowdown", "faces_at_once", "join_processes", "slow_precision"]

# That the others may wait for the first process, which alone reads, looks for copies and measures.
WAIT = timedelta(hours=12)


def join_processes(config: TrainConfig) -> Accelerator:
    """This process's view of the training: one of several under ``accelerate launch``, else the only one.

    Each process normalises its own share of a batch, and takes the norms' running statistics over from the first one at
    every step (DistributedDataParallel's broadcast of buffers). SyncBatchNorm would normalise the whole batch, but runs
    on GPUs only and talks at every layer; a share of a few dozen faces is enough to normalise by.

    Raises:
        FkdError: if the device or its precision is not to be had, or the batch cannot be shared out.
    """
    device = choose_device(config.device)
    if config.mixed_precision == "fp16" and device.type == "cpu":
        raise FkdError("fp16 needs a GPU. Use --mixed-precision bf16 where the processor has it, else no.")
    here = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    on_gpus = device.type == "cuda" and not parse_flag_from_env("ACCELERATE_USE_CPU")  # accelerate launch --cpu
    if on_gpus and here > torch.cuda.device_count():
        raise FkdError(
            f"{here} processes were started for {torch.cuda.device_count()} GPUs: start one for each, or compute on "
            "the CPU (--device cpu)."
        )
    try:
        accelerator = Accelerator(
            cpu=device.type == "cpu",
            mixed_precision=config.mixed_precision,
            gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=config.accumulate),
            kwargs_handlers=[InitProcessGroupKwargs(timeout=WAIT)],
        )
    except ValueError as error:  # the precision is not to be had
        raise FkdError(f"{error} Use --mixed-precision no, or another --device.") from error
    if config.threads:  # after Accelerate, which has its own idea
        torch.set_num_threads(config.threads)
    faces_at_once(config, accelerator.num_processes)
    return accelerator


def faces_at_once(config: TrainConfig, processes: int) -> int:
    """Faces that each process learns from at once; with a teacher each is two crops, itself and its mirror image.

    Raises:
        FkdError: if that is no whole number.
    """
    ways = 1 if config.teacher == TrainConfig.teacher else 2
    shares = processes * config.accumulate * ways
    if config.batch_size % shares:
        both = " × 2, for a teacher is asked about mirror images too" if ways == 2 else ""
        raise FkdError(
            f"A batch of {config.batch_size} cannot be shared out evenly: give --batch-size a multiple of {shares} "
            f"({processes} processes × --accumulate {config.accumulate}{both})."
        )
    return config.batch_size // shares


def slow_precision(config: TrainConfig, device: torch.device) -> str:
    """A sentence if this device computes slower in the precision that was asked for; else nothing."""
    if config.mixed_precision != "bf16":
        return ""
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return ""
        return "Beware: this GPU has no units for bf16 and emulates it, slowly. Use --mixed-precision fp16."
    slowdown = bf16_slowdown() if device.type == "cpu" else 0.0
    if slowdown <= 1.0:
        return ""
    return (
        f"Beware: this processor computes {slowdown:.1f} times slower in bf16 than in float32, for it has no units for "
        "it. Leave --mixed-precision out."
    )


def bf16_slowdown() -> float:
    """How many times as long a convolution takes in bfloat16 as in float32 on this CPU; takes a fraction of a second.

    Measured, since what a processor can do and what PyTorch makes of it are two things: one without bfloat16 units
    emulates them, ten or a hundred times slower.
    """
    x, weight = torch.rand(4, 32, 16, 16), torch.rand(32, 32, 3, 3)
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        a, b = x.to(dtype), weight.to(dtype)
        for _ in range(4):  # the first one also sets things up
            started = time.perf_counter()
            torch.nn.functional.conv2d(a, b, padding=1)
            seconds[dtype] = min(seconds.get(dtype, float("inf")), time.perf_counter() - started)
    return seconds[torch.bfloat16] / seconds[torch.float32]
