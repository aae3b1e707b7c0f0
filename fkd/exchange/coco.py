"""COCO's keypoints JSON (https://cocodataset.org/#format-data, "Keypoint Detection").

Visibility is 0 for a point without a label, 1 for a hidden and 2 for a visible one; the skeleton counts points from 1.
Keypoints are pixel numbers, so their (0, 0) is the centre of the top-left pixel, as in fkd; boxes are measured from
the picture's outer edge, half a pixel off (detectron2/data/datasets/coco.py discusses both).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from fkd.errors import DataError
from fkd.exchange.faces import (
    ExchangedFace,
    box_around,
    by_picture,
    check_size,
    copy_pictures,
    find_picture,
    number,
    order_of_names,
    read_json,
)
from fkd.schemes import Scheme

__all__ = ["CARRIES_HIDDEN", "CARRIES_MISSING", "LABELS", "PRECISION_PX", "TITLE", "read", "write"]

TITLE = "COCO keypoints JSON"
LABELS = "annotations.json"
PRECISION_PX = 0.01
CARRIES_HIDDEN = True
CARRIES_MISSING = True


def write(faces: list[ExchangedFace], scheme: Scheme, folder: Path) -> list[str]:
    """Write ``annotations.json`` and ``images/``; and ``predictions.json``, COCO's results, where a model predicted."""
    copy_pictures(faces, folder / "images")
    images, annotations, predictions = [], [], []
    for image_id, (picture, group) in enumerate(by_picture(faces), start=1):
        images.append({"id": image_id, "file_name": picture.name, "width": group[0].width, "height": group[0].height})
        for face in group:
            annotations.append(_annotation(face, len(annotations) + 1, image_id))
            if face.predicted_xy is not None and np.isfinite(face.predicted_xy).any():
                predictions.append(_prediction(face, image_id))
    category = {
        "id": 1,
        "name": "face",
        "supercategory": "person",
        "keypoints": list(scheme.names),
        "skeleton": [[a + 1, b + 1] for a, b in scheme.edges],
    }
    info = {"description": f"Corrections from fkd, {scheme.title}", "url": scheme.source}
    labels = {"info": info, "licenses": [], "images": images, "annotations": annotations, "categories": [category]}
    (folder / LABELS).write_text(json.dumps(labels), encoding="utf-8")
    if predictions:
        (folder / "predictions.json").write_text(json.dumps(predictions), encoding="utf-8")
    return []


def _annotation(face: ExchangedFace, annotation_id: int, image_id: int) -> dict:
    known = np.isfinite(face.points_xy).all(axis=1)
    visibility = np.where(known, np.where(face.hidden, 1, 2), 0)
    cells = np.column_stack([np.nan_to_num(face.points_xy).round(2), visibility])
    x0, y0, x1, y1 = box_around(face.points_xy) if face.box_xyxy is None else face.box_xyxy
    box = [round(float(v), 2) for v in (x0 + 0.5, y0 + 0.5, x1 - x0, y1 - y0)]
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": 1,
        "keypoints": [int(v) if index % 3 == 2 else float(v) for index, v in enumerate(cells.ravel())],
        "num_keypoints": int(known.sum()),
        "bbox": box,
        "area": round(box[2] * box[3], 2),
        "segmentation": [],
        "iscrowd": 0,
    }


def _prediction(face: ExchangedFace, image_id: int) -> dict:
    confidence = np.nan_to_num(face.confidence)
    cells = np.column_stack([np.nan_to_num(face.predicted_xy).round(2), confidence.round(4)])
    return {
        "image_id": image_id,
        "category_id": 1,
        "keypoints": cells.ravel().tolist(),
        "score": round(float(confidence.mean()), 4),
    }


def read(path: Path, scheme: Scheme, pictures: Path | None = None) -> list[ExchangedFace]:
    """The faces of a COCO file, or of ``annotations.json`` in a folder.

    Raises:
        DataError: if the file is malformed, has other points, or a picture is not found.
    """
    path = path / LABELS if path.is_dir() else path
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
        raise DataError(f"“{path.name}” is no COCO file: it has no list of annotations.")
    folders = [folder for folder in (pictures, path.parent) if folder]
    orders = {
        category["id"]: order_of_names(list(map(str, category["keypoints"])), scheme, f"“{path.name}”, category {name}")
        for name, category in _by_id(content, "categories", path).items()
        if isinstance(category.get("keypoints"), list) and category["keypoints"]
    }
    images, found, faces = _by_id(content, "images", path), {}, []
    for index, annotation in enumerate(content["annotations"]):
        where = f"“{path.name}”, annotation {annotation.get('id', index) if isinstance(annotation, dict) else index}"
        if not isinstance(annotation, dict):
            raise DataError(f"{where}: it is no object.")
        category, image_id = annotation.get("category_id"), annotation.get("image_id")
        if annotation.get("iscrowd") or not _is_id(category) or category not in orders or "keypoints" not in annotation:
            continue  # COCO files hold boxes and masks of other things as well
        image = images.get(image_id) if _is_id(image_id) else None
        if image is None:
            raise DataError(f"{where}: there is no image {str(image_id)[:40]}.")
        if image["id"] not in found:
            picture = find_picture(str(image.get("file_name", "")), folders, where)
            size = (image["width"], image["height"]) if {"width", "height"} <= image.keys() else None
            found[image["id"]] = picture, check_size(picture, size, where)
        faces.append(_face(annotation, orders[annotation["category_id"]], *found[image["id"]], where))
    return faces


def _by_id(content: dict, key: str, path: Path) -> dict:
    rows = content.get(key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) and _is_id(row.get("id")) for row in rows):
        raise DataError(f"“{path.name}” is no COCO file: {key} must be a list of objects with an id.")
    return {row["id"]: row for row in rows}


def _is_id(value: object) -> bool:
    return isinstance(value, int | str)


def _face(annotation: dict, order: list[int], picture: Path, size: tuple[int, int], where: str) -> ExchangedFace:
    cells = annotation["keypoints"]
    if not isinstance(cells, list) or len(cells) != 3 * len(order):
        raise DataError(f"{where}: keypoints must be {3 * len(order)} numbers.")
    table = np.array([number(cell, where, "a keypoint's cell") for cell in cells]).reshape(-1, 3)  # (K, 3)
    if not np.isin(table[:, 2], (0, 1, 2)).all():
        raise DataError(f"{where}: a visibility is neither 0, 1 nor 2.")
    points, hidden = np.empty((len(order), 2)), np.empty(len(order), bool)
    points[order] = np.where(table[:, 2:] == 0, np.nan, table[:, :2])
    hidden[order] = table[:, 2] == 1
    return ExchangedFace(picture, *size, points, hidden, _box(annotation.get("bbox"), where), where=where)


def _box(cells: object, where: str) -> np.ndarray | None:
    if cells is None:
        return None
    if not isinstance(cells, list) or len(cells) != 4:
        raise DataError(f"{where}: bbox must be four numbers.")
    x, y, width, height = (number(cell, where, "a number of bbox") for cell in cells)
    return np.array([x, y, x + width, y + height]) - 0.5 if min(width, height) > 0 else None
