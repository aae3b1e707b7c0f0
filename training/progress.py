"""What a training tells the person who waits for it."""

from __future__ import annotations

import sys

from tqdm import tqdm

__all__ = ["TrainingBar"]


class TrainingBar:
    """A bar with loss, held-out error and time left; where nobody looks (a log file), a line an epoch.

    Args:
        epochs: of the whole training.
        shown: False for a process that keeps quiet.
    """

    def __init__(self, epochs: int, shown: bool = True):
        self._epochs, self._shown = epochs, shown
        self._error = "?"
        self._bar = tqdm(desc="train", unit="step", disable=None if shown else True)
        self._begun: tuple[int, float] | None = None

    def __enter__(self) -> TrainingBar:
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.close()

    def step(self, step: int, steps: int, loss: float) -> None:
        """As `on_step` of :func:`training.loop.fit`."""
        if self._bar.total is None:
            self._bar.total, self._bar.initial, self._bar.n = steps, step - 1, step - 1  # a run may go on in the middle
        self._bar.set_postfix(loss=f"{loss:.2f}", held_out=self._error, refresh=False)
        self._bar.update(step - self._bar.n)

    def epoch(self, row: dict[str, float | None]) -> None:
        """As `on_epoch` of :func:`training.loop.fit`."""
        if row.get("nme_iod") is not None:
            self._error = f"{row['nme_iod']:.2%}"
        elif row.get("rmse_unit") is not None:
            self._error = f"{row['rmse_unit']:.2%} of the crop"
        if self._bar.disable and self._shown:
            left = row["seconds"] / row["epoch"] * (self._epochs - row["epoch"])
            print(
                f"epoch {row['epoch']}/{self._epochs}: loss {row['loss']:.2f}, held-out error {self._error}, "
                f"{tqdm.format_interval(left)} left",
                file=sys.stderr,
                flush=True,
            )
