"""Cut-out faces on disk: any number of them, in the memory of one batch."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch

from fkd.errors import DataError

__all__ = ["ChipFile"]


class ChipFile:
    """N chips (3, C, C) uint8 in a file that has no name, so that it goes with the process however that ends.

    It is read batch by batch rather than mapped into memory: what the system keeps in its file cache it gives back
    when memory is short, and the process itself stays small. While the cache holds, a batch costs no more than from an
    array.

    Args:
        n: N, the file's size is settled at once.
        chip_px: C.
        folder: where the file is; the system's folder for temporary files if left out.

    Raises:
        DataError: if the disk has no room for N chips.
    """

    def __init__(self, n: int, chip_px: int, folder: Path | None = None):
        self.chip_shape = (3, chip_px, chip_px)
        self._n = n
        self._chip_bytes = 3 * chip_px**2
        place = Path(folder or tempfile.gettempdir())
        needed, free = n * self._chip_bytes / 1e9, shutil.disk_usage(place).free / 1e9
        if needed > free:
            raise DataError(f"{n} faces cut out take {needed:.1f} GB, but “{place}” has {free:.1f} GB left: make room.")
        self._file = tempfile.TemporaryFile(dir=place, buffering=0)  # noqa: SIM115 (lives as long as this does)

    def __len__(self) -> int:
        return self._n

    def __setitem__(self, i: int, chip: torch.Tensor) -> None:
        """Write one chip (3, C, C) uint8."""
        self._file.seek(i * self._chip_bytes)
        left = memoryview(np.ascontiguousarray(chip.numpy()).reshape(-1))
        while left:  # a raw file may take less than it is given
            left = left[self._file.write(left) :]

    def __getitem__(self, chosen: slice | torch.Tensor) -> torch.Tensor:
        """The chips of a slice or of indices (n,), as a new tensor (n, 3, C, C) uint8."""
        indices = range(*chosen.indices(self._n)) if isinstance(chosen, slice) else chosen.tolist()
        chips = np.empty((len(indices), *self.chip_shape), dtype=np.uint8)
        for chip, i in zip(chips, indices, strict=True):
            self._file.seek(i * self._chip_bytes)
            if self._file.readinto(chip.reshape(-1)) != self._chip_bytes:
                raise IndexError(f"chip {i} was never written")
        return torch.from_numpy(chips)
