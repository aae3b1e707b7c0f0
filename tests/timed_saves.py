"""Fifty clients that save at once for a minute: ``python -m tests.timed_saves``.

Five clients in each of ten programs save to one folder, and every save supersedes the client's one before. Then the
file is read, and each acknowledged save looked for. No test: it measures, and asserts nothing about time.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from fkd.correction_store import CorrectionStore
from tests.correction_samples import a_correction

PROGRAMS, CLIENTS = 10, 5
PICTURES = 7
_FACE = ("image_width", "image_height", "scheme", "box_xyxy", "predicted_xy", "corrected_xy", "confidence", "states")


def main(seconds: float) -> None:
    """Save for so long, and print what was acknowledged and what is in the file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(PICTURES):
            Image.fromarray(np.full((40, 40, 3), 30 * number, np.uint8)).save(folder / f"{number}.png")
        with multiprocessing.get_context("spawn").Pool(PROGRAMS) as programs:
            answers = programs.starmap(saved_by_program, [(folder, number, seconds) for number in range(PROGRAMS)])
        acknowledged = [row for saves in answers for row, _ in saves]
        save_ms = [1e3 * save_s for saves in answers for _, save_s in saves]
        store = CorrectionStore(folder / "annotations")
        in_file = Counter(row.id for row in store.read())
        in_force = sum(1 for _ in store.current())
    who = f"{PROGRAMS * CLIENTS} clients in {PROGRAMS} programs"
    print(f"{who}, {seconds:.0f} s: {len(acknowledged)} saves acknowledged")
    print(f"{in_file.total()} rows in the file, {len(set(acknowledged) - set(in_file))} acknowledged ones missing")
    print(f"{sum(n > 1 for n in in_file.values())} twice, {len(set(in_file) - set(acknowledged))} never acknowledged")
    print(f"{in_force} in force, one a client; notices of the store: {store.notices or 'none'}")
    print(f"{statistics.median(save_ms):.0f} ms a save at the median, {max(save_ms):.0f} ms at most")


def saved_by_program(folder: Path, program: int, seconds: float) -> list[tuple[str, float]]:
    """The ids of the rows that one program's clients saved, and how many seconds each save took."""
    template, store = a_correction(), CorrectionStore(folder / "annotations")
    face = {name: getattr(template, name) for name in _FACE}
    saves: list[tuple[str, float]] = []
    end = time.monotonic() + seconds

    def work(client: int) -> None:
        before = ""
        while (start := time.monotonic()) < end:
            picture = folder / f"{client % PICTURES}.png"
            before = store.save(picture, **face, annotator=f"client {client}", supersedes=before).id
            saves.append((before, time.monotonic() - start))

    clients = [threading.Thread(target=work, args=(CLIENTS * program + number,)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return saves


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
