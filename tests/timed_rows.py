"""How much memory a training needs as its data grow: ``python -m tests.timed_rows``.

Writes a thousand drawn faces, then a hundred thousand (0.4 GB in the temporary folder, and 7 GB that a training cuts
out of them), and trains on each for one epoch, in a process of its own. No test: it measures.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from fkd import load_scheme
from training.dataset import CHIP_MARGIN

SCHEME, SIDE_PX = load_scheme("kaggle15"), 96
TRAIN = (
    "-m", "training", "train", "--scheme", SCHEME.name, "--model", "fully-connected", "--input-px", str(SIDE_PX),
    "--epochs", "1", "--batch-size", "256", "--augment", "flip",
)  # fmt: skip


def main(n_rows: int) -> None:
    """Write the faces, train, and print what it took."""
    for rows in (1000, n_rows):
        with tempfile.TemporaryDirectory() as name:
            data = Path(name) / "drawn"
            write_faces(data, rows)
            begin = time.perf_counter()
            most_mb = most_memory_mb([sys.executable, *TRAIN, "--data", str(data), "--out", str(Path(name) / "run")])
            chips_gb = rows * 3 * round(SIDE_PX * CHIP_MARGIN) ** 2 / 1e9
            minutes = (time.perf_counter() - begin) / 60
            print(f"{rows} rows, {chips_gb:.1f} GB cut out: {most_mb:.0f} MB at most, {minutes:.1f} min", flush=True)


def write_faces(folder: Path, n_rows: int) -> None:
    """A keypoints folder: points somewhere on the middle of a picture, a light spot on each, noise behind them."""
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    face = rng.uniform(24, 72, (SCHEME.n_points, 2))
    with (folder / "keypoints.csv").open("w", encoding="utf-8") as table:
        table.write(",".join(["", *map(str, range(2 * SCHEME.n_points))]) + "\n")
        for row in range(n_rows):
            points = face + rng.normal(0, 2, 2) + rng.normal(0, 1, face.shape)
            cells = Image.fromarray(rng.integers(60, 160, (12, 12), np.uint8))
            picture = np.array(cells.resize((SIDE_PX, SIDE_PX)))
            for x, y in points.round().astype(int):
                picture[y - 2 : y + 3, x - 2 : x + 3] = 235
            Image.fromarray(picture).save(folder / "images" / f"{row:06d}.jpg", quality=80)
            table.write(f"{row:06d}.jpg," + ",".join(f"{value:.2f}" for value in points.ravel()) + "\n")


def most_memory_mb(command: list[str]) -> float:
    """Run a command; the most memory that it had at any moment."""
    program = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(program.pid, 0)
    program.returncode = os.waitstatus_to_exitcode(status)
    if program.returncode:
        raise SystemExit(f"the training failed: {program.returncode}")
    return used.ru_maxrss / 1e3


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
