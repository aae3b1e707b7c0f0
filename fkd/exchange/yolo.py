"""YOLO-pose: a text file a picture and ``data.yaml`` (https://docs.ultralytics.com/datasets/pose/).

A line is a face: class, box centre and size, then x, y and visibility (0, 1, 2) of every point, places in shares of
the picture's width and height, measured from its outer edge. What lies outside the picture makes the trainer drop
the whole picture, so such a point counts as not labelled.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np

from fkd.errors import DataError
from fkd.exchange.faces import (
    ExchangedFace,
    box_around,
    by_picture,
    check_size,
    copy_pictures,
    number,
    read_text,
)
from fkd.schemes import Scheme

__all__ = ["CARRIES_HIDDEN", "CARRIES_MISSING", "LABELS", "PRECISION_PX", "TITLE", "read", "write"]

TITLE = "YOLO-pose"
LABELS = "data.yaml"
PRECISION_PX = 0.01
CARRIES_HIDDEN = True
CARRIES_MISSING = True
_HOLD_OUT = 5  # every fifth picture is for validation
_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".heic")


def write(faces: list[ExchangedFace], scheme: Scheme, folder: Path) -> list[str]:
    """Write ``data.yaml``, ``images/`` and ``labels/``, each with ``train`` and, of five pictures or more, ``val``."""
    pictures, outside = by_picture(faces), 0
    for index, (picture, group) in enumerate(pictures):
        part = "val" if index % _HOLD_OUT == _HOLD_OUT - 1 else "train"
        copy_pictures(group, folder / "images" / part)
        rows = [_row(face) for face in group]
        outside += sum(int((np.isfinite(face.points_xy).all(axis=1) & ~_inside(face)).sum()) for face in group)
        labels = folder / "labels" / part
        labels.mkdir(parents=True, exist_ok=True)
        (labels / f"{picture.stem}.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
    validation = "images/val" if len(pictures) >= _HOLD_OUT else "images/train"
    (folder / LABELS).write_text(_data_yaml(scheme, validation), encoding="utf-8")
    return [f"Outside their picture, and so without a label: {outside} points."] if outside else []


def _data_yaml(scheme: Scheme, validation: str) -> str:
    import yaml

    settings = {  # without "path" the trainer looks beside the file
        "train": "images/train",
        "val": validation,
        "kpt_shape": [scheme.n_points, 3],
        "flip_idx": scheme.flip_order.tolist(),
        "names": {0: "face"},
        "kpt_names": {0: list(scheme.names)},
    }
    return yaml.safe_dump(settings, sort_keys=False, default_flow_style=None, width=120)


def _inside(face: ExchangedFace) -> np.ndarray:
    edges = np.array([face.width, face.height]) - 0.5
    return ((face.points_xy >= -0.5) & (face.points_xy <= edges)).all(axis=1)  # NaN is not


def _row(face: ExchangedFace) -> str:
    size, seen = np.array([face.width, face.height]), _inside(face)
    box = box_around(face.points_xy) if face.box_xyxy is None else face.box_xyxy
    start, stop = ((corner + 0.5).clip(0, size) / size for corner in (box[:2], box[2:]))
    points = np.where(seen[:, None], (face.points_xy + 0.5) / size, 0.0)
    visibility = np.where(seen, np.where(face.hidden, 1, 2), 0)
    cells = [f"{v:.7f}" for v in (*((start + stop) / 2), *(stop - start))]
    cells += [cell for (x, y), v in zip(points, visibility, strict=True) for cell in (f"{x:.7f}", f"{y:.7f}", str(v))]
    return " ".join(["0", *cells])


def read(path: Path, scheme: Scheme, pictures: Path | None = None) -> list[ExchangedFace]:
    """The faces of a data set, by its ``data.yaml`` or the folder that holds it.

    Args:
        pictures: the data set's folder, where ``path`` in data.yaml is not right on this machine. Then nothing outside
            it is looked at.

    Raises:
        DataError: with the line, if a file is malformed, or the points are not the scheme's.
    """
    path = path / LABELS if path.is_dir() else path
    settings = _settings(path, scheme)
    root = pictures or path.parent / str(settings.get("path") or ".")
    root = root if root.is_dir() else path.parent
    faces = []
    parts = [settings.get(key) for key in ("train", "val", "test")]
    for part in dict.fromkeys(str(part) for part in parts if part):
        inner = PurePosixPath(part).parts
        # Roboflow's files say ../train/images for what lies beside them.
        within = root.joinpath(*(name for name in inner if name not in ("/", "..")))
        folder = within if pictures or not (root / part).is_dir() else root / part
        if not folder.is_dir():
            raise DataError(
                f"“{path.name}” names the folder {part}, which is not in {root}. Say where it is (--images)."
            )
        for picture in sorted(file for file in folder.rglob("*") if file.suffix.lower() in _PICTURES):
            labels = _labels_of(picture, root)
            if labels.is_file():
                faces += _read_labels(labels, picture, scheme, settings["kpt_shape"][1])
    return faces


def _settings(path: Path, scheme: Scheme) -> dict:
    import yaml

    try:
        settings = yaml.safe_load(read_text(path))
    except (ValueError, yaml.YAMLError) as error:  # a date that is none is a ValueError
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise DataError(f"“{path.name}”, line {line}: this is no YAML.") from error
    shape = settings.get("kpt_shape") if isinstance(settings, dict) else None
    if not isinstance(shape, list) or len(shape) != 2 or shape[1] not in (2, 3):
        raise DataError(f"“{path.name}” has no kpt_shape: it is no data set for YOLO-pose.")
    flip = settings.get("flip_idx")
    if shape[0] != scheme.n_points or (flip is not None and flip != scheme.flip_order.tolist()):
        raise DataError(f"“{path.name}”: its {shape[0]} points, or their order, are not those of {scheme.name}.")
    return settings


def _labels_of(picture: Path, root: Path) -> Path:
    """Where the labels of a picture are: the last folder ``images`` of its path is called ``labels`` there."""
    inside = picture.is_relative_to(root)  # what lies around the data set may be called images as well
    parts = list((picture.relative_to(root) if inside else picture).with_suffix(".txt").parts)
    last = max((i for i, part in enumerate(parts) if part == "images"), default=None)
    if last is not None:
        parts[last] = "labels"
    return root.joinpath(*parts)


def _read_labels(labels: Path, picture: Path, scheme: Scheme, n_dims: int) -> list[ExchangedFace]:
    faces = []
    for line, text in enumerate(read_text(labels).splitlines(), start=1):
        if not text.strip():
            continue
        where = f"“{labels.name}”, line {line}"
        cells = [number(cell, where, "a cell") for cell in text.split()]
        if len(cells) != 5 + n_dims * scheme.n_points:
            raise DataError(f"{where}: {len(cells)} numbers, not {5 + n_dims * scheme.n_points}.")
        width, height = check_size(picture, None, where)
        size = np.array([width, height])
        centre, extent = np.array(cells[1:3]) * size - 0.5, np.array(cells[3:5]) * size
        table = np.array(cells[5:]).reshape(-1, n_dims)  # (K, 2 or 3)
        visibility = table[:, 2] if n_dims == 3 else np.where((table == 0).all(axis=1), 0, 2)
        points = np.where(visibility[:, None] == 0, np.nan, table[:, :2] * size - 0.5)
        box = np.concatenate([centre - extent / 2, centre + extent / 2]) if extent.min() > 0 else None
        faces.append(ExchangedFace(picture, width, height, points, visibility == 1, box, where=where))
    return faces
