"""Frames in which points jump or the network is unsure, and no more of them than a person wants to see."""

from __future__ import annotations

import numpy as np

from fkd.doubts import doubts_of_track, most_doubtful

N, K, EYES_PX = 100, 10, 50.0
TIMES_S = np.arange(N) / 25


def track(**changes: dict[int, float]) -> list[tuple[str, float]]:
    """A face that drifts to the right; `jumps` by px in frames, `sure` with another confidence in frames."""
    points = np.zeros((N, K, 2)) + np.arange(N)[:, None, None] * (2.0, 0.0)
    confidence = np.full((N, K), 0.8)
    for frame, px in changes.get("jumps", {}).items():
        points[frame] += px
    for frame, sure in changes.get("sure", {}).items():
        confidence[frame] = sure
    return doubts_of_track(range(N), points, confidence, np.full(N, EYES_PX))


def test_a_face_that_moves_evenly_is_not_doubtful():
    assert [why for why, _ in track()] == [""] * N


def test_a_jump_is_seen_where_it_is():
    found = track(jumps={40: 10.0})
    assert found[40][0] == "jumps" and found[40][1] > max(severity for i, (_, severity) in enumerate(found) if i != 40)


def test_an_unsure_frame_is_seen():
    found = track(sure={30: 0.1})
    assert [i for i, (why, _) in enumerate(found) if why] == [30] and found[30][0] == "unsure"


def test_a_gap_is_no_jump():
    points = np.zeros((4, K, 2))
    points[2:] += 80.0
    found = doubts_of_track([0, 1, 30, 31], points, np.full((4, K), 0.8), np.full(4, EYES_PX))
    assert [why for why, _ in found] == [""] * 4


def test_a_face_that_is_lost_for_a_while_is_to_be_looked_at_where_that_begins():
    frames = [*range(20), *range(40, 60)]
    tracks = {3: (frames, [("", 0.5)] * len(frames)), 4: (range(70, 90), [("", 0.5)] * 20)}
    assert [(frame.frame, frame.face_id, frame.why) for frame in most_doubtful(tracks, TIMES_S)] == [(20, 3, "lost")]


def test_of_a_stretch_the_worst_frame_stands_for_all():
    found = track(sure={30: 0.3, 31: 0.2, 32: 0.3, 80: 0.35})
    frames = most_doubtful({7: (range(N), found)}, TIMES_S)
    assert [(frame.frame, frame.face_id, frame.why) for frame in frames] == [(31, 7, "unsure"), (80, 7, "unsure")]
    assert frames[0].time_s == 31 / 25
