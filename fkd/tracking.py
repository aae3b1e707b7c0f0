"""Faces through a clip or a webcam's stream: who is who from frame to frame.

Looking for faces takes ten times as long as predicting one's points, so the detector is asked now and then only; in
between, a face is looked for where its points were. The detector is asked at once when the picture changes as a whole
(a cut) or a face has become doubtful, and it is the one that decides whether a face has gone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from fkd.boxes import box_iou
from fkd.faces import DetectedFace, FaceDetector
from fkd.geometry import box_of_points, crop_from_box, crop_from_points, cut, image_tensor, roll_of_points
from fkd.predictor import KeypointPredictor

__all__ = ["VISIBLE", "FaceTracker", "TrackedFace"]

VISIBLE = 0.1  # mean confidence; with less, a face is too small or blurred for points, or is not there any more
DETECT_EVERY = 25  # frames
DETECT_AGAIN = 5  # frames between two looks, however doubtful things are
SAME_FACE = 0.2  # least intersection over union of a detector's box, brow to chin and more, with the points' box
ONE_FACE = 0.6  # two tracks whose boxes overlap by more have run into one face
DOUBTFUL = 0.6  # of the confidence that a track had so far
WEAK = 0.3  # mean confidence; weaker points are predicted anew from the detector's box
FORGET = 50  # frames after which a face that was lost is somebody new
OFF_CENTRE = 0.12  # of the crop: a face that moved further is looked at again where it is now
# Of a thumbnail's grey levels: a cut changes them by 25 and more, the fastest camera move that was looked at by 17.
CUT_LEVELS, CUT_RATIO = 20.0, 3.0
_THUMBNAIL = (64, 36)


@dataclass(frozen=True, eq=False)
class TrackedFace:
    """One face in one frame.

    Attributes:
        face_id: 1, 2, …; the same as long as it is the same face.
        box_xyxy: (4,) float64 px, around the points.
        points: (K, 2) float64 px of the frame, as the network predicted them.
        confidence: (K,) float64, see :class:`fkd.predictor.Face`.
    """

    face_id: int
    box_xyxy: np.ndarray
    points: np.ndarray
    confidence: np.ndarray


@dataclass
class _Track:
    face_id: int
    points: np.ndarray
    confidence: np.ndarray
    found_xyxy: np.ndarray  # the detector's last box, moved along with the points since
    shift_xy: np.ndarray = field(default_factory=lambda: np.zeros(2))  # by which the face moved in the last frame
    usual: float = 0.0  # the mean confidence so far
    seen: int = 0  # the last frame in which the points counted
    missed: int = 0  # looks of the detector in a row that did not find it

    @property
    def box(self) -> np.ndarray:
        return box_of_points(self.points)

    def overlaps(self, boxes_xyxy: np.ndarray) -> np.ndarray:
        """(N,) intersection over union with boxes; of a small or blurred face the points alone would be lost."""
        return np.maximum(box_iou(self.box, boxes_xyxy), box_iou(self.found_xyxy, boxes_xyxy))

    @property
    def is_doubtful(self) -> bool:
        return float(self.confidence.mean()) < DOUBTFUL * self.usual


class FaceTracker:
    """Follows the faces of one clip; give it frame after frame.

    Args:
        predictor: may be shared by any number of trackers.
        detector: likewise; None makes one of its own, which looks at frames as large as they are at most.
        detect_every: how many frames go by between two looks for new faces.
    """

    def __init__(
        self, predictor: KeypointPredictor, detector: FaceDetector | None = None, detect_every: int = DETECT_EVERY
    ):
        self._predictor = predictor
        self._detector = detector or FaceDetector(most_enlarged=1.0)
        self._detect_every = detect_every
        self._tracks: list[_Track] = []
        self._lost: list[_Track] = []
        self._frame = -1
        self._looked = -detect_every
        self._next_id = 1
        self._thumbnail: np.ndarray | None = None
        self._usual_change = 0.0

    def step(self, image: np.ndarray) -> list[TrackedFace]:
        """The faces in the next frame, an (H, W, 3) uint8 RGB array, in the order of their ids."""
        self._frame += 1
        if self._is_cut(image):
            self._tracks, self._lost = [], []
            self._looked = self._frame - self._detect_every
        if self._tracks:
            self._follow(image)
        pause = self._frame - self._looked
        is_urgent = not self._tracks or any(track.is_doubtful for track in self._tracks)
        if pause >= self._detect_every or (is_urgent and pause >= DETECT_AGAIN):
            self._looked = self._frame
            self._compare(image, self._detector(image))
        for track in self._tracks:
            track.seen = self._frame
            mean = float(track.confidence.mean())
            track.usual = mean if track.usual == 0 else track.usual + 0.05 * (mean - track.usual)
        self._lost = [track for track in self._lost if self._frame - track.seen <= FORGET]
        ordered = sorted(self._tracks, key=lambda track: track.face_id)
        return [TrackedFace(track.face_id, track.box, track.points, track.confidence) for track in ordered]

    def _is_cut(self, image: np.ndarray) -> bool:
        """Whether the frame has nothing to do with the one before it."""
        small = Image.fromarray(image).resize(_THUMBNAIL, Image.Resampling.BILINEAR, reducing_gap=2.0).convert("L")
        thumbnail = np.asarray(small, dtype=np.float32)
        before, self._thumbnail = self._thumbnail, thumbnail
        if before is None:
            return False
        change = float(np.abs(thumbnail - before).mean())
        is_cut = change > CUT_LEVELS and change > CUT_RATIO * self._usual_change
        if not is_cut:
            self._usual_change += 0.3 * (change - self._usual_change)
        return is_cut

    def _follow(self, image: np.ndarray) -> None:
        """Predict every face where it was, moved on as it moved last."""
        expected = [track.points + track.shift_xy for track in self._tracks]
        answers = self._look(image, [self._crop(points) for points in expected])
        height, width = image.shape[:2]
        kept = []
        for track, (points, confidence) in zip(self._tracks, answers, strict=True):
            shift = (points - track.points).mean(axis=0)
            # A face that moved on its own is no longer where the next frame will have it, twice the last step away.
            track.shift_xy = shift / 2
            track.found_xyxy = track.found_xyxy + np.tile(shift, 2)
            track.points, track.confidence = points, confidence
            x, y = points.mean(axis=0)
            if -0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5:
                kept.append(track)
            else:
                self._lost.append(track)
        kept.sort(key=lambda track: track.face_id)
        self._tracks = []
        for track in kept:  # the older one stays
            boxes = [other.box for other in self._tracks]
            if not boxes or box_iou(track.box, np.array(boxes)).max() <= ONE_FACE:
                self._tracks.append(track)

    def _compare(self, image: np.ndarray, found: list[DetectedFace]) -> None:
        """Match what the detector found with the tracks: start, take up again and end tracks."""
        boxes = np.array([face.box_xyxy for face in found]).reshape(-1, 4)
        free = set(range(len(found)))
        due: list[tuple[_Track, int]] = []  # what to predict from the detector's box
        for track in sorted(self._tracks, key=lambda track: -float(track.confidence.mean())):
            match = _best(track.overlaps(boxes), free)
            track.missed = 0 if match is not None else track.missed + 1
            if match is not None:
                free.discard(match)
                track.found_xyxy = boxes[match]
                if float(track.confidence.mean()) < WEAK:
                    due.append((track, match))
        gone = [track for track in self._tracks if track.missed > (0 if track.is_doubtful else 1)]
        self._lost += gone
        self._tracks = [track for track in self._tracks if track not in gone]
        for index in sorted(free):
            track = self._taken_up(boxes[index])
            self._tracks.append(track)
            due.append((track, index))
        framing = self._predictor.scheme.crop_from_box
        crops = [crop_from_box(boxes[i], framing, math.radians(found[i].roll_deg)) for _, i in due]
        for (track, _), (points, confidence) in zip(due, self._look(image, crops), strict=True):
            if not len(track.points) or confidence.mean() > track.confidence.mean():
                track.points, track.confidence, track.shift_xy = points, confidence, np.zeros(2)

    def _taken_up(self, box_xyxy: np.ndarray) -> _Track:
        """The face that was lost here a moment ago, or a new one; its points are yet to be predicted."""
        overlaps = np.array([track.overlaps(box_xyxy[None])[0] for track in self._lost])
        match = _best(overlaps, set(range(len(overlaps))))
        if match is None:
            self._next_id += 1
            return _Track(self._next_id - 1, np.empty((0, 2)), np.empty(0), box_xyxy)
        track = self._lost.pop(match)
        track.points, track.found_xyxy, track.missed = np.empty((0, 2)), box_xyxy, 0
        return track

    def _crop(self, points_xy: np.ndarray):
        scheme = self._predictor.scheme
        return crop_from_points(points_xy, scheme.crop_from_points, roll_of_points(points_xy, scheme))

    def _look(self, image: np.ndarray, crops: list) -> list[tuple[np.ndarray, np.ndarray]]:
        """Points (K, 2) px and confidence (K,) of the face in each crop; again where it turned out to be off centre."""
        answers = self._predict(image, crops)
        again = []
        for index, (crop, (points, _)) in enumerate(zip(crops, answers, strict=True)):
            better = self._crop(points)
            if math.dist(crop.center_xy, better.center_xy) > OFF_CENTRE * better.size_px:
                again.append((index, better))
        for (index, _), second in zip(again, self._predict(image, [crop for _, crop in again]), strict=True):
            if second[1].mean() > answers[index][1].mean():
                answers[index] = second
        return answers

    def _predict(self, image: np.ndarray, crops: list) -> list[tuple[np.ndarray, np.ndarray]]:
        if not crops:
            return []
        predictor = self._predictor
        pixels = cut(image_tensor(image).to(predictor.device), crops, predictor.net.config.input_px)
        unit, scale = (part.cpu().double().numpy() for part in predictor.predict_crops(pixels))
        points = [predictor.place(crop, u) for crop, u in zip(crops, unit, strict=True)]
        sure = [predictor.confidence(p, s * c.size_px) for p, s, c in zip(points, scale, crops, strict=True)]
        return list(zip(points, sure, strict=True))


def _best(overlaps: np.ndarray, free: set[int]) -> int | None:
    """Which of the boxes that are free overlaps most; None if none of them does enough."""
    best = max(free, key=lambda index: overlaps[index], default=None)
    return best if best is not None and overlaps[best] > SAME_FACE else None
