"""Which processor to compute on, and in which order its memory is to hold pictures."""

from __future__ import annotations

import torch

from fkd.errors import FkdError

__all__ = ["choose_device", "memory_format", "multiplies_bfloat16"]


def choose_device(name: str = "auto") -> torch.device:
    """The device called `name`; ``auto`` takes CUDA, else Apple's MPS, else the CPU.

    Raises:
        FkdError: if the device is asked for by name and is not there.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if available[kind])
    if name not in available:
        raise FkdError(f"There is no device “{name}”. Choose one of: auto, {', '.join(available)}.")
    if not available[name]:
        raise FkdError(f"No {name} device is available to PyTorch here. Use --device auto or --device cpu.")
    return torch.device(name)


def memory_format(device: torch.device) -> torch.memory_format:
    """The order in which crops and weights lie in memory: channels last, which convolutions are fastest with.

    Not on MPS, where what is learned is wrong in that order, or the process dies
    (https://github.com/pytorch/pytorch/issues/175189, https://github.com/pytorch/pytorch/issues/175190).
    """
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether it is a CPU with units that multiply matrices of bfloat16 (Intel's AMX): some three times as fast as
    float32 there, slower than float32 on CPUs that have to emulate it.

    Asked of PyTorch, not measured as :func:`training.processes.bf16_slowdown` does to warn: on a busy machine the same
    seed would give other weights. Where PyTorch is too old to say, the answer is False.
    """
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return device.type == "cpu" and bool(capabilities.get("amx_bf16", False))
