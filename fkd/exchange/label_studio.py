"""Label Studio's JSON of tasks: people's points as annotations, a model's as predictions.

Places are per cent of the picture's width and height, measured from its outer edge. Every point is a region of its
own; the rectangle of its face is its parent (https://labelstud.io/guide/task_format,
https://labelstud.io/guide/predictions).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import quoteattr

import numpy as np

from fkd.boxes import box_iou
from fkd.errors import DataError
from fkd.exchange.faces import (
    ExchangedFace,
    box_around,
    by_picture,
    check_size,
    copy_pictures,
    find_picture,
    number,
    read_json,
)
from fkd.schemes import Scheme

__all__ = ["CARRIES_HIDDEN", "CARRIES_MISSING", "LABELS", "PRECISION_PX", "TITLE", "read", "write"]

TITLE = "Label Studio JSON"
LABELS = "tasks.json"
PRECISION_PX = 0.01
CARRIES_HIDDEN = True
CARRIES_MISSING = True
_SAME_FACE = 0.3  # least intersection over union of an annotated face's box and its prediction's
_HIDDEN = "occluded"


def write(faces: list[ExchangedFace], scheme: Scheme, folder: Path) -> list[str]:
    """Write ``tasks.json``, ``label_config.xml`` for the project's settings, and ``images/``.

    The pictures are named as in a local storage whose document root is the folder
    (https://labelstud.io/guide/storage#Local-storage).
    """
    copy_pictures(faces, folder / "images")
    tasks = []
    for task_id, (picture, group) in enumerate(by_picture(faces), start=1):
        task = {
            "id": task_id,
            "data": {"image": f"/data/local-files/?d=images/{picture.name}"},
            "annotations": [
                {"result": [region for i, face in enumerate(group) for region in _regions(face, i, scheme)]}
            ],
        }
        predicted = [(i, face) for i, face in enumerate(group) if face.predicted_xy is not None]
        if predicted:
            task["predictions"] = [
                {
                    "model_version": predicted[0][1].model_version,
                    "score": round(float(np.mean([np.nan_to_num(face.confidence).mean() for _, face in predicted])), 4),
                    "result": [region for i, face in predicted for region in _regions(face, i, scheme, predicted=True)],
                }
            ]
        tasks.append(task)
    (folder / LABELS).write_text(json.dumps(tasks), encoding="utf-8")
    (folder / "label_config.xml").write_text(label_config(scheme), encoding="utf-8")
    return []


def label_config(scheme: Scheme) -> str:
    """The labelling interface that the tasks are for."""
    labels = "\n".join(f"    <Label value={quoteattr(name)}/>" for name in scheme.names)
    return (
        '<View>\n  <Image name="image" value="$image" zoom="true"/>\n'
        '  <RectangleLabels name="face" toName="image">\n    <Label value="face"/>\n  </RectangleLabels>\n'
        f'  <KeyPointLabels name="points" toName="image">\n{labels}\n  </KeyPointLabels>\n</View>\n'
    )


def _regions(face: ExchangedFace, index: int, scheme: Scheme, predicted: bool = False) -> list[dict]:
    points = face.predicted_xy if predicted else face.points_xy
    known = np.isfinite(points).all(axis=1)
    if not known.any():
        return []
    parent = f"{'prediction' if predicted else 'face'}-{index}"
    size = np.array([face.width, face.height])
    common = {"to_name": "image", "original_width": face.width, "original_height": face.height, "image_rotation": 0}
    box = box_around(points) if face.box_xyxy is None else face.box_xyxy
    start, extent = _per_cent(box[:2] + 0.5, size), _per_cent(box[2:] - box[:2], size)
    place = {"x": start[0], "y": start[1], "width": extent[0], "height": extent[1], "rotation": 0}
    regions = [
        common
        | {"id": parent, "type": "rectanglelabels", "from_name": "face", "value": place | {"rectanglelabels": ["face"]}}
    ]
    for number_, name in enumerate(scheme.names):
        if not known[number_]:
            continue
        x, y = _per_cent(points[number_] + 0.5, size)
        region = common | {
            "id": f"{parent}-{number_}",
            "parentID": parent,
            "type": "keypointlabels",
            "from_name": "points",
            "value": {"x": x, "y": y, "width": 0.5, "keypointlabels": [name]},
        }
        if predicted:
            region["score"] = round(float(np.nan_to_num(face.confidence[number_])), 4)
        elif face.hidden[number_]:
            region["meta"] = {"text": [_HIDDEN]}
        regions.append(region)
    return regions


def _per_cent(place: np.ndarray, size: np.ndarray) -> list[float]:
    return (place / size * 100.0).round(6).tolist()


def read(path: Path, scheme: Scheme, pictures: Path | None = None) -> list[ExchangedFace]:
    """The faces that people annotated in an export of tasks ("JSON"), or in ``tasks.json`` in a folder.

    Of several annotations of a task the last that was not cancelled counts. Predictions alone are nobody's labels.

    Raises:
        DataError: if the file is malformed, has other points, or a picture is not found.
    """
    path = path / LABELS if path.is_dir() else path
    tasks = read_json(path)
    if not isinstance(tasks, list) or not all(isinstance(t, dict) and isinstance(t.get("data"), dict) for t in tasks):
        raise DataError(f"“{path.name}” is no export of Label Studio in the format JSON (tasks with data).")
    folders = [folder for folder in (pictures, path.parent) if folder]
    faces = []
    for index, task in enumerate(tasks):
        where = f"“{path.name}”, task {task.get('id', index)}"
        done = [part for part in _list(task, "annotations", where) if not part.get("was_cancelled")]
        if not done:
            continue
        picture = find_picture(_file_of(task["data"], where), folders, where)
        size = check_size(picture, None, where)
        predictions = [
            (face, str(part.get("model_version") or ""))
            for part in _list(task, "predictions", where)
            for face in _faces(part, scheme, picture, size, f"{where}, prediction")
        ]
        faces += [_with_prediction(face, predictions) for face in _faces(done[-1], scheme, picture, size, where)]
    return faces


def _list(holder: dict, key: str, where: str) -> list[dict]:
    rows = holder.get(key) or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{where}: {key} must be a list of objects.")
    return rows


def _file_of(data: dict, where: str) -> str:
    """What the task calls its picture, without the server's part of the address."""
    reference = data.get("image") or data.get("img")
    if not isinstance(reference, str):
        raise DataError(f"{where}: its data has no image.")
    address = urlsplit(reference)
    local = parse_qs(address.query).get("d")
    return unquote(local[0] if local else address.path)


def _faces(part: dict, scheme: Scheme, picture: Path, size: tuple[int, int], where: str) -> list[ExchangedFace]:
    """The faces of one annotation or prediction: a rectangle and the points that have it as their parent."""
    regions = _list(part, "result", where)
    boxes = {str(r.get("id")): _box(r, size, where) for r in regions if r.get("type") == "rectanglelabels"}
    only = next(iter(boxes), "") if len(boxes) <= 1 else None
    groups: dict[str, list[dict]] = {}
    for region in regions:
        if region.get("type") != "keypointlabels":
            continue
        parent = str(region.get("parentID") or "")
        parent = parent if parent in boxes else only
        if parent is None:
            raise DataError(f"{where}: a point belongs to none of its {len(boxes)} faces; set its parent region.")
        groups.setdefault(parent, []).append(region)
    return [_face(group, boxes.get(parent), scheme, picture, size, where) for parent, group in groups.items()]


def _face(
    regions: list[dict], box: np.ndarray | None, scheme: Scheme, picture: Path, size: tuple[int, int], where: str
) -> ExchangedFace:
    points, hidden = np.full((scheme.n_points, 2), np.nan), np.zeros(scheme.n_points, bool)
    confidence = np.full(scheme.n_points, np.nan)
    for region in regions:
        value = _value(region, size, where)
        labels = value.get("keypointlabels")
        if not isinstance(labels, list) or len(labels) != 1 or labels[0] not in scheme.names:
            raise DataError(f"{where}: {scheme.name} has no point {str(labels)[:60]}.")
        index = scheme.names.index(labels[0])
        if np.isfinite(points[index, 0]):
            raise DataError(f"{where}: {labels[0]} is there twice; give each face a rectangle as its points' parent.")
        points[index] = [
            number(value.get(axis), where, axis) / 100 * side - 0.5 for axis, side in zip("xy", size, strict=True)
        ]
        meta = region.get("meta")
        hidden[index] = isinstance(meta, dict) and _HIDDEN in (meta.get("text") or [])
        if region.get("score") is not None:
            confidence[index] = number(region["score"], where, "score")
    return ExchangedFace(picture, *size, points, hidden, box, confidence=confidence, where=where)


def _value(region: dict, size: tuple[int, int], where: str) -> dict:
    if region.get("image_rotation"):
        raise DataError(f"{where}: the picture was turned in Label Studio; turn the file itself and label it again.")
    original = (region.get("original_width", size[0]), region.get("original_height", size[1]))
    if original != tuple(size):
        raise DataError(
            f"{where}: labelled at {original[0]} × {original[1]} px, the picture has {size[0]} × {size[1]}."
        )
    if not isinstance(region.get("value"), dict):
        raise DataError(f"{where}: a region has no value.")
    return region["value"]


def _box(region: dict, size: tuple[int, int], where: str) -> np.ndarray | None:
    value = _value(region, size, where)
    x, y, width, height = (number(value.get(key), where, key) for key in ("x", "y", "width", "height"))
    corners = np.array([x, y, x + width, y + height]) / 100 * np.tile(size, 2) - 0.5
    return corners if min(width, height) > 0 else None


def _with_prediction(face: ExchangedFace, predictions: list[tuple[ExchangedFace, str]]) -> ExchangedFace:
    def box_of(some: ExchangedFace) -> np.ndarray:
        return box_around(some.points_xy) if some.box_xyxy is None else some.box_xyxy

    if not predictions:
        return replace(face, confidence=None)
    overlaps = box_iou(box_of(face), np.array([box_of(predicted) for predicted, _ in predictions]))
    best, version = predictions[int(overlaps.argmax())]
    if overlaps.max() < _SAME_FACE:
        return replace(face, confidence=None)
    return replace(face, predicted_xy=best.points_xy, confidence=best.confidence, model_version=version)
