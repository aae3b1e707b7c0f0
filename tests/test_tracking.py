"""The portrait moves along a known path; its points have to follow, and it has to stay the same face."""

from __future__ import annotations

import numpy as np
import pytest

from fkd.boxes import box_iou
from fkd.faces import FaceDetector
from fkd.geometry import box_of_points
from fkd.tracking import FaceTracker
from tests.clips import FACE, face_at, path_of
from tests.pictures import faceless, resized


class CountingDetector:
    """The detector, and how often it was asked."""

    def __init__(self):
        self.detector, self.asked = FaceDetector(threads=1), 0

    def __call__(self, image):
        self.asked += 1
        return self.detector(image)


@pytest.fixture(scope="module")
def detector():
    return CountingDetector()


@pytest.fixture
def tracker(predictor, detector):
    detector.asked = 0
    return FaceTracker(predictor, detector)


def test_points_follow_the_path_and_the_face_stays_itself(tracker, detector):
    path = path_of(40)
    steps = [tracker.step(face_at(*place)) for place in path]
    assert [[face.face_id for face in faces] for faces in steps] == [[1]] * 40
    at_home = np.array([faces[0].points - place for faces, place in zip(steps, path, strict=True)])  # (N, K, 2)
    eyes_px = np.linalg.norm(at_home[0, 36] - at_home[0, 45])
    apart = np.linalg.norm(at_home - np.median(at_home, axis=0), axis=2)
    assert apart.mean() < 0.02 * eyes_px and apart.mean(axis=1).max() < 0.05 * eyes_px
    assert detector.asked == 2  # in 40 frames


def test_a_face_that_leaves_is_gone_and_the_next_one_is_somebody_new(tracker):
    for x in (120, 150, 180, 210, 240, 270, 300):
        tracker.step(face_at(x, 20))
    empty = [tracker.step(face_at(400, 20)) for _ in range(8)]
    assert empty[-1] == []
    ids = [face.face_id for _ in range(6) for face in tracker.step(face_at(10, 90))]
    assert set(ids) == {2}


def test_a_face_that_is_hidden_for_a_moment_keeps_its_number(tracker):
    tracker.step(face_at(80, 20))
    hidden = [tracker.step(face_at(400, 20)) for _ in range(8)]
    assert hidden[-1] == []
    back = [tracker.step(face_at(82, 20)) for _ in range(6)]
    assert [face.face_id for face in back[-1]] == [1]


def test_after_a_cut_everybody_is_new_and_found_at_once(tracker):
    before = [tracker.step(face_at(20 + 3 * i, 20)) for i in range(4)]
    other = 255 - resized(faceless(), 320)[:200]
    other = np.pad(other, ((0, 40), (0, 0), (0, 0)), constant_values=255)
    other[60:200, 180:299] = FACE
    after = tracker.step(other)
    assert [face.face_id for face in before[-1]] == [1] and [face.face_id for face in after] == [2]
    assert box_of_points(after[0].points)[0] > 150


def test_two_faces_are_told_apart(tracker):
    def frame(x: int) -> np.ndarray:
        return np.concatenate([face_at(x, 20), face_at(60 - x, 20)], axis=1)

    steps = [tracker.step(frame(x)) for x in range(0, 60, 5)]
    assert all([face.face_id for face in faces] == [1, 2] for faces in steps)
    for faces in steps:
        left, right = (face.box_xyxy for face in faces)
        assert left[2] < 320 < right[0] and box_iou(left, right[None])[0] == 0


def test_a_picture_without_faces_has_none_and_is_not_searched_every_time(tracker, detector):
    picture = resized(faceless(), 320)
    assert [tracker.step(picture) for _ in range(10)] == [[]] * 10
    assert detector.asked == 2
