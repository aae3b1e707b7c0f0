import numpy as np
import pytest

from fkd.corrections import MAX_POINTS, Undo
from fkd.errors import CorrectionsError
from tests.correction_samples import NAN, a_correction


def test_a_correction_is_rounded_to_a_hundredth_of_a_pixel_and_cannot_be_changed():
    correction = a_correction()
    assert correction.predicted_xy[0].tolist() == [200.12, 180.5]
    assert correction.confidence[1] == 0.3142
    assert correction.corrected_xy.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        correction.corrected_xy[0, 0] = 1


def test_the_callers_arrays_stay_as_they_are():
    points = np.array([[1.234, 5.678]])
    a_correction(predicted_xy=points, corrected_xy=points, confidence=[1], states=["untouched"])
    assert points.tolist() == [[1.234, 5.678]]
    points[0] = 9


def test_every_correction_has_an_id_of_its_own_that_is_no_number_and_a_time():
    ids = {a_correction().id for _ in range(100)}
    assert len(ids) == 100
    assert all(row_id[0].isalpha() and row_id.isalnum() for row_id in ids)
    assert a_correction().time_utc.endswith("Z")


def test_equality_sees_missing_points_as_equal_and_every_field():
    one = a_correction(id="c1", time_utc="2025-01-31T12:00:00.000Z")
    same = a_correction(id="c1", time_utc="2025-01-31T12:00:00.000Z")
    assert one == same
    assert hash(one) == hash(same)
    assert one != a_correction(id="c1", time_utc=one.time_utc, annotator="Ada")
    assert one != a_correction(id="c1", time_utc=one.time_utc, confidence=[0.97, 0.3, 0.05, NAN])
    assert one != "c1"


def test_repr_counts_the_states_instead_of_printing_the_points():
    text = repr(a_correction())
    assert "1 untouched, 1 moved, 1 occluded, 1 absent" in text
    assert len(text) < 250


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"predicted_xy": [[1, 2]] * 3}, "predicted_xy has shape"),
        ({"corrected_xy": [[1, 2, 3]] * 4}, "corrected_xy has shape"),
        ({"confidence": [0.5]}, "confidence has shape"),
        ({"confidence": [0.5, 1.01, 0.5, 0.5]}, "confidence has a number outside"),
        ({"predicted_xy": [[np.inf, 1]] * 4}, "predicted_xy has a number outside"),
        ({"predicted_xy": [[NAN, 1]] * 4}, "one coordinate only"),
        ({"predicted_xy": "somewhere"}, "must be an array of numbers"),
        ({"predicted_xy": [[10**400, 1]] * 4}, "must be an array of numbers"),
        ({"box_xyxy": [10, 10, 5, 20]}, "left, top, right, bottom"),
        ({"box_xyxy": [10, 10, NAN, 20]}, "left, top, right, bottom"),
        ({"states": ("untouched", "moved", "absent", "guessed")}, "unknown state 'guessed'"),
        ({"states": ()}, "1 to 1000 points"),
        ({"states": ("untouched", "moved", "moved", "moved")}, "Point 2 is 'moved' but has no corrected position"),
        ({"states": ("untouched", "absent", "absent", "moved")}, "Point 1 is 'absent' but has a corrected position"),
        ({"states": ("untouched", "untouched", "absent", "moved")}, "Point 1 is 'untouched' but is not where"),
        ({"states": ("untouched", "moved", "absent", "untouched")}, "Point 3 is 'untouched' but is not where"),
        ({"states": ("untouched", "moved", "absent", "settled")}, "Point 3 is 'settled' but nothing was predicted"),
        ({"annotator": "Grace\nHopper"}, "annotator has a line break"),
        ({"annotator": "Grace\0"}, "annotator has a line break"),
        ({"annotator": "\ud800"}, "annotator has a line break"),
        ({"annotator": "a" * 201}, "at most 200 characters"),
        ({"model_version": "\t=1"}, "model_version has a line break"),
        ({"image": "images/../../secret.png"}, "image is"),
        ({"image": "/etc/passwd"}, "image is"),
        ({"image": "images/a.jpg\n"}, "image is"),
        ({"image_width": 0}, "image_width is 0"),
        ({"image_height": 600.5}, "whole number"),
        ({"scheme": "=ibug"}, "scheme is"),
        ({"id": "a b"}, "id is"),
        ({"id": "c1", "supersedes": "c1"}, "names itself"),
        ({"time_utc": "2025-01-31 12:00"}, "time_utc is"),
        ({"time_utc": "2025-02-31T12:00:00.000Z"}, "time_utc is"),
    ],
)
def test_a_correction_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(CorrectionsError, match=message):
        a_correction(**changes)


def test_untouched_allows_for_the_rounding_of_the_page():
    point = {"confidence": [NAN], "states": ["untouched"]}
    a_correction(predicted_xy=[[10.0049, 5]], corrected_xy=[[10.0051, 5]], **point)
    with pytest.raises(CorrectionsError, match="not where it was predicted"):
        a_correction(predicted_xy=[[10.0, 5]], corrected_xy=[[10.02, 5]], **point)


def test_a_settled_point_may_be_elsewhere_than_predicted():
    assert a_correction(states=("settled", "settled", "absent", "occluded")).states[:2] == ("settled", "settled")


def test_too_many_points_are_refused():
    count = MAX_POINTS + 1
    with pytest.raises(CorrectionsError, match="1 to 1000 points"):
        a_correction(
            predicted_xy=np.zeros((count, 2)),
            corrected_xy=np.zeros((count, 2)),
            confidence=np.zeros(count),
            states=["moved"] * count,
        )


def test_an_undo_must_say_what_it_takes_back():
    picture = {"image": "images/3f00e1.jpg", "image_width": 512, "image_height": 600, "scheme": "ibug68"}
    assert Undo(**picture, supersedes="c1").supersedes == "c1"
    with pytest.raises(CorrectionsError, match="must name the row"):
        Undo(**picture)
