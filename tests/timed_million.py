"""How a store of a million corrections serves: ``python -m tests.timed_million``.

Writes a thousand rows, then a million (of 200,000 pictures, 3 GB in the temporary folder), and opens the folder as the
app does, in a process of its own: first without the index of pictures, then with it. No test: it measures, and asserts
no times.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from fkd.correction_rows import HEADER, encode_line, to_row
from fkd.correction_store import CorrectionStore
from tests.correction_samples import a_correction

PICTURES = 200_000
PAGE = 20  # photos that the queue shows first
APPENDS = 200
K = 68


def main(n_rows: int) -> None:
    """Write the rows, use them, and print what it took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fresh = multiprocessing.get_context("spawn")
        for rows in (1000, n_rows):
            path = write_rows(folder, rows)
            print(f"{rows} rows, {path.stat().st_size / 1e9:.2f} GB")
            for index in ("without an index", "with the index"):
                with fresh.Pool(1) as program:
                    program.apply(use, (folder, index))


def write_rows(folder: Path, n_rows: int) -> Path:
    """corrections.csv with so many rows as an annotator would have made them, each of another face."""
    rng = np.random.default_rng(0)
    predicted = rng.uniform(100, 400, (K, 2))
    row_id, image = "c" + "0" * 32, f"images/{'a' * 32}.jpg"
    correction = a_correction(
        id=row_id, image=image, predicted_xy=predicted, corrected_xy=predicted + 2, confidence=rng.uniform(0, 1, K),
        states=("moved",) * K,
    )  # fmt: skip
    start, middle, end = encode_line(to_row(correction)).replace(image.encode(), row_id.encode()).split(row_id.encode())
    path = folder / "corrections.csv"
    path.with_name(f"{path.name}.index").unlink(missing_ok=True)
    with path.open("wb", 1 << 20) as file:
        file.write(HEADER)
        for row in range(n_rows):
            file.write(start + b"c%032x" % row + middle + b"images/%032x.jpg" % (row % PICTURES) + end)
    return path


def use(folder: Path, index: str) -> None:
    """What the app does: open the folder, the newest rows, what is saved of the photos on the first page, saves."""
    begin = time.perf_counter()
    store = CorrectionStore(folder)
    store.mend()
    newest = store.tail(10)
    opened = time.perf_counter()
    page = [store.of_image(f"images/{number:032x}.jpg") for number in range(PAGE)]
    shown = time.perf_counter()
    append_ms = []
    for _ in range(APPENDS):
        before = time.perf_counter()
        store.append(replace(newest[0], id=a_correction().id))
        append_ms.append(1e3 * (time.perf_counter() - before))
    assert len(newest) == 10 and all(page), "rows are missing"
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(
        f"  {index}: opened in {opened - begin:.2f} s, first page in {shown - opened:.2f} s, "
        f"{statistics.median(append_ms):.1f} ms an append, {int(status['VmHWM'].split()[0]) / 1000:.0f} MB at most"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
