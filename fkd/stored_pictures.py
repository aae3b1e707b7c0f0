"""Pictures that lie on disk until somebody looks at them: a table with a hundred thousand of them fits in memory."""

from __future__ import annotations

import tempfile

import numpy as np

__all__ = ["PictureStore", "StoredPicture"]


class PictureStore:
    """A growing file of grey pictures, in the folder for temporary files; it has no name, and goes with the process."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as this and its pictures do)

    def add(self, grey: np.ndarray) -> StoredPicture:
        """Store a picture (H, W) uint8."""
        start = self._file.seek(0, 2)
        self._file.write(grey.tobytes())
        return StoredPicture(self, start, grey.shape)

    def read(self, start: int, shape: tuple[int, int]) -> np.ndarray:
        """The picture (H, W) uint8 that was stored at byte `start`."""
        self._file.seek(start)
        return np.frombuffer(self._file.read(shape[0] * shape[1]), dtype=np.uint8).reshape(shape)


class StoredPicture:
    """One of them, as an (H, W, 3) uint8 array with three equal channels that numpy reads when it is used as one."""

    __slots__ = ("_start", "_store", "shape")

    def __init__(self, store: PictureStore, start: int, grey_shape: tuple[int, int]):
        self._store, self._start, self.shape = store, start, (*grey_shape, 3)

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("a picture on disk cannot be had without a copy")
        pixels = np.repeat(self._store.read(self._start, self.shape[:2])[..., None], 3, axis=2)  # (H, W, 3)
        return pixels if dtype is None else pixels.astype(dtype, copy=False)
