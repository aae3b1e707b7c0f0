"""Which processor to compute on."""

from __future__ import annotations

import torch

from fkd.errors import FkdError

__all__ = ["choose_device"]


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
