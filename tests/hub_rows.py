"""Corrections to push, and what a fresh machine gets of them."""

from __future__ import annotations

import time
from pathlib import Path

from fkd.correction_store import CorrectionStore
from fkd.hub_shards import pull_corrections
from fkd.image_store import content_name
from tests.correction_samples import a_correction

REPO, NAME = "ada/corrections", "datasets/ada/corrections"


def save(folder: Path, row_id: str, picture: bytes = b"picture", **changes) -> str:
    """One more correction in the folder, with a picture of its own where `picture` says so."""
    name = f"images/{content_name(picture)}.jpg"
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(picture)
    return CorrectionStore(folder).append(a_correction(id=row_id, image=name, **changes))


def ids_on_hub(tmp_path: Path) -> set[str]:
    """What a fresh machine gets."""
    folder = tmp_path / f"fresh-{time.monotonic_ns()}"
    pulled = pull_corrections(REPO, folder)
    assert {record.id for record in CorrectionStore(folder).read()} == pulled.ids and not pulled.problems
    return set(pulled.ids)
