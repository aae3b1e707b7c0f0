"""A submission to Kaggle's Facial Keypoints Detection: every coordinate that its lookup table asks for.

https://www.kaggle.com/competitions/facial-keypoints-detection/data
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from fkd.durable import write_whole
from fkd.errors import DataError
from fkd.formats import KAGGLE_SIDE, complete_rows, kaggle_image, open_csv
from fkd.geometry import cut, image_tensor, whole_image_crop
from fkd.images import read_image
from fkd.predictor import KeypointPredictor
from fkd.schemes import Scheme

__all__ = ["Asked", "predict_test", "read_lookup", "read_test", "source_of", "submit"]


@dataclass(frozen=True)
class Asked:
    """One row of the lookup table: which coordinate is wanted. `point` is an index into the scheme, `axis` 0 or 1."""

    row_id: int
    image_id: int
    point: int
    axis: int


def submit(
    predictor: KeypointPredictor,
    test: Path,
    lookup: Path,
    out: Path,
    progress: Callable[[Sequence], Sequence] = lambda items: items,
) -> int:
    """Write the submission: ``RowId,Location`` for every row of the lookup table, in its order.

    Args:
        test: Kaggle's test.csv, or test.zip that holds it.
        lookup: Kaggle's IdLookupTable.csv.
        out: the file to write; it appears whole or not at all.

    Returns:
        How many coordinates were written.

    Raises:
        DataError: if a file is not what Kaggle calls so, the two do not fit each other, or `out` cannot be written.
    """
    asked = read_lookup(lookup, predictor.scheme)
    pictures = read_test(test)
    missing = sorted({row.image_id for row in asked} - pictures.keys())
    if missing:
        raise DataError(
            f"“{lookup.name}” asks for image {missing[0]}, which “{test.name}” does not have ({len(missing)} such "
            "images): take both files from the same competition."
        )
    points: dict[int, set[int]] = defaultdict(set)
    for row in asked:
        points[row.image_id].add(row.point)
    wanted = {image_id: pictures[image_id] for image_id in points}
    placed = dict(zip(wanted, predict_test(predictor, list(wanted.values()), progress), strict=True))
    for image_id, of_image in points.items():
        shift = predictor.net.config.conventions.get(source_of(len(of_image)))
        if shift is not None:
            placed[image_id] = placed[image_id] + np.array(shift) * KAGGLE_SIDE
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["RowId", "Location"])
    for row in asked:
        location = float(np.clip(placed[row.image_id][row.point, row.axis], 0.0, KAGGLE_SIDE))
        table.writerow([row.row_id, f"{location:.4f}"])
    try:
        write_whole(out, text.getvalue().encode("ascii"))
    except OSError as error:
        raise DataError(f"The submission cannot be written to {out}: {error.strerror or error}.") from error
    return len(asked)


def source_of(n_points: int) -> str:
    """Which of Kaggle's two labelling sources asks for so many points of an image, named as by `read_kaggle`."""
    return "kaggle-15" if n_points > 4 else "kaggle-4"


def predict_test(
    predictor: KeypointPredictor,
    pictures: Sequence[np.ndarray],
    progress: Callable[[Sequence], Sequence] = lambda items: items,
) -> np.ndarray:
    """Points (N, K, 2) float64 of N face crops (96, 96) uint8 in their pixels, framed as in training."""
    crop = whole_image_crop(KAGGLE_SIDE, KAGGLE_SIDE)
    points = [np.empty((0, predictor.scheme.n_points, 2))]
    for start in progress(range(0, len(pictures), predictor.batch_size)):
        batch = [
            cut(image_tensor(read_image(picture)).to(predictor.device), [crop], predictor.net.config.input_px)
            for picture in pictures[start : start + predictor.batch_size]
        ]  # each (1, 3, S, S)
        points.append(predictor.place(crop, predictor.predict_crops(torch.cat(batch))[0].cpu().double().numpy()))
    return np.concatenate(points)


def read_lookup(path: Path, scheme: Scheme) -> list[Asked]:
    """The rows of IdLookupTable.csv in their order; its ``Location`` column is not looked at.

    Raises:
        DataError: naming the line, if the file is not such a table or asks for a point that the scheme does not have.
    """
    coordinate = {f"{name}_{axis}": (i, "xy".index(axis)) for i, name in enumerate(scheme.names) for axis in "xy"}
    asked, seen = [], set()
    with _table(path, ["RowId", "ImageId", "FeatureName"], "IdLookupTable.csv") as rows:
        for row, where in rows:
            if row["FeatureName"] not in coordinate:
                raise DataError(f"{where}: scheme {scheme.name} has no {row['FeatureName']!r}; use weights that do.")
            row_id = _whole(row["RowId"], "RowId", where)
            if row_id in seen:
                raise DataError(f"{where}: RowId {row_id} is there twice.")
            seen.add(row_id)
            asked.append(Asked(row_id, _whole(row["ImageId"], "ImageId", where), *coordinate[row["FeatureName"]]))
    if not asked:
        raise DataError(f"“{path.name}” asks for nothing: it has no rows.")
    return asked


def read_test(path: Path) -> dict[int, np.ndarray]:
    """The pictures (96, 96) uint8 of test.csv, or of a zip that holds it, by ``ImageId``.

    Raises:
        DataError: naming the line, if the file is not such a table.
    """
    pictures: dict[int, np.ndarray] = {}
    with _table(path, ["ImageId", "Image"], "test.csv") as rows:
        for row, where in rows:
            image_id = _whole(row["ImageId"], "ImageId", where)
            if image_id in pictures:
                raise DataError(f"{where}: ImageId {image_id} is there twice.")
            pictures[image_id] = kaggle_image(row["Image"], where)
    return pictures


@contextmanager
def _table(path: Path, columns: list[str], called: str) -> Iterator[Iterator[tuple[dict[str, str], str]]]:
    """The rows of a CSV that has these columns, each with the words that name its line."""
    with open_csv(path) as text:
        table = csv.DictReader(text)
        missing = [column for column in columns if column not in (table.fieldnames or [])]
        if missing:
            raise DataError(f"“{path.name}” has no column {missing[0]}: it is not Kaggle's {called}.")
        yield complete_rows(table, path.name)


def _whole(cell: str, column: str, where: str) -> int:
    if not (cell.isascii() and cell.isdigit()):
        raise DataError(f"{where}: {column} is {cell[:40]!r}; it must be a whole number.")
    return int(cell)
