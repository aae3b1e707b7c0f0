"""Corrections made ready for training: which rows, which points, and who is held out."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fkd import CorrectionsError, load_scheme
from fkd.correction_store import CorrectionStore
from fkd.geometry import crop_from_points
from tests.corrected_faces import save_correction
from training.dataset import is_held_out
from training.merge import (
    DAMAGED,
    N_POINTS,
    NO_LABEL,
    NO_PICTURE,
    OLDER,
    OTHER_PERSON,
    OTHER_SCHEME,
    REPEATED,
    SUPERSEDED,
    UNDO,
    UNDONE,
    merge,
    read_corrections,
)

SCHEME = load_scheme("kaggle15")


def some_points(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(20, 80, (15, 2)).round(2)


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (100, 120, 3), dtype=np.uint8)


def save(folder, seed: int = 0, **values):
    points = some_points(seed)
    return save_correction(folder, picture(seed), points, points + 1, **({"scheme": "kaggle15"} | values))


def test_corrections_become_labelled_faces(tmp_path):
    correction = save(tmp_path)
    for path in (tmp_path, tmp_path / "corrections.csv"):
        (face,) = read_corrections(path, SCHEME).training
        np.testing.assert_array_equal(face.points_xy, correction.corrected_xy)
        assert face.image == tmp_path / correction.image and face.image.is_file()
        assert face.group == f"corrections/{correction.image}"
        np.testing.assert_array_equal(face.box_xyxy, correction.box_xyxy)


def test_only_what_is_in_force_counts(tmp_path):
    first = save(tmp_path)
    second = save(tmp_path, supersedes=first.id)
    taken_back = save(tmp_path, seed=1)
    CorrectionStore(tmp_path).undo(taken_back.id)
    (face,) = read_corrections(tmp_path, SCHEME).training
    assert face.group.endswith(second.image.removeprefix("images/"))


def test_the_crop_is_the_one_around_the_whole_upright_face(tmp_path):
    points = some_points()
    points[list(SCHEME.image_left_eye)], points[list(SCHEME.image_right_eye)] = [50, 30], [50, 70]  # on its side
    corrected, states = points.copy(), ["confirmed"] * 15
    corrected[10], states[10] = np.nan, "absent"
    save_correction(tmp_path, picture(), points, corrected, scheme="kaggle15", states=tuple(states))
    (face,) = read_corrections(tmp_path, SCHEME).training
    assert face.crop == crop_from_points(points, SCHEME.crop_from_points, math.pi / 2)


def test_a_folder_without_corrections_says_what_to_do(tmp_path):
    for path in (tmp_path, tmp_path / "corrections.csv", tmp_path / "other.csv"):
        with pytest.raises(CorrectionsError, match="Save a face in the app first"):
            read_corrections(path, SCHEME)
    save(tmp_path)
    with pytest.raises(CorrectionsError, match="is no corrections.csv that the app wrote"):
        (tmp_path / "other.csv").touch()
        read_corrections(tmp_path / "other.csv", SCHEME)


def test_corrections_of_another_scheme_alone_are_not_enough(tmp_path):
    save(tmp_path)
    with pytest.raises(CorrectionsError, match="There is no correction for ibug68"):
        read_corrections(tmp_path, load_scheme("ibug68"))


def test_every_fifth_picture_is_held_out_and_stays_so_as_the_file_grows(tmp_path):
    images = [save(tmp_path, seed).image for seed in range(4)]
    assert read_corrections(tmp_path, SCHEME).held_out == []
    images += [save(tmp_path, seed).image for seed in range(4, 12)]
    CorrectionStore(tmp_path).undo(save(tmp_path, 12).id)
    save(tmp_path, 1)  # saved again: still where it was
    corrected = read_corrections(tmp_path, SCHEME)
    assert {face.image.name for face in corrected.held_out} == {Path(images[i]).name for i in (4, 9)}
    assert len(corrected.training) == 10


def test_a_face_that_was_opened_and_saved_again_counts_once_and_the_newest_wins(tmp_path):
    points = some_points()
    save_correction(tmp_path, picture(), points, points + 50, scheme="kaggle15")
    right = save_correction(tmp_path, picture(), points, points + 1, scheme="kaggle15")
    beside = save_correction(tmp_path, picture(), points + 200, points + 201, scheme="kaggle15")
    corrected = read_corrections(tmp_path, SCHEME)
    assert len(corrected.training) == 2
    assert {reason: len(ids) for reason, ids in corrected.report.skipped.items()} == {OLDER: 1}
    found = {face.box_xyxy[0]: face.points_xy for face in corrected.training}
    np.testing.assert_array_equal(found[right.box_xyxy[0]], right.corrected_xy)
    np.testing.assert_array_equal(found[beside.box_xyxy[0]], beside.corrected_xy)


def test_held_out_faces_are_measured_on_what_a_person_judged(tmp_path):
    for seed in range(5):
        points, states = some_points(seed), ["untouched"] * 15
        corrected = points.copy()
        corrected[10], states[10] = points[10] + 4, "moved"
        save_correction(
            tmp_path, picture(seed), points, corrected, scheme="kaggle15", states=tuple(states), confidence=0.9
        )
    (face,) = read_corrections(tmp_path, SCHEME).held_out
    assert np.isfinite(face.points_xy).all(axis=1).nonzero()[0].tolist() == [10]
    left, right = SCHEME.outer_eye_corners  # without a label here, and the error is still relative to the eyes
    assert face.eye_distance_px == pytest.approx(np.linalg.norm(points[left] - points[right]))


def a_mixed_file(folder: Path) -> CorrectionStore:
    """Every way in which a row can end up, in one file; seven pictures."""
    store, points = CorrectionStore(folder), some_points()
    first = save(folder, 0, annotator="Ada")
    save(folder, 0, supersedes=first.id, annotator="Ada")
    store.undo(save(folder, 1).id)
    save(folder, 2, annotator="Tim")
    store.append(save(folder, 2, annotator="Ada"))  # the same face by somebody else, and the same row twice
    save(folder, 2, annotator="Ada")  # opened and saved again
    save_correction(folder, picture(3), points, points, scheme="kaggle15", states=("untouched",) * 15, confidence=0.2)
    save_correction(folder, picture(3), np.ones((68, 2)) * np.arange(68)[:, None], np.ones((68, 2)))
    save_correction(folder, picture(3), points[:4], points[:4] + 1, scheme="kaggle15")
    save(folder, 4)  # the fifth picture
    store.image_path(save(folder, 5)).unlink()
    save(folder, 6)
    return store


def as_base(merged_or_faces, **changes):
    return [replace(face, **changes) for face in merged_or_faces]


def comparable(faces) -> list:
    return sorted(
        (face.group, str(face.image), face.points_xy.tobytes(), str(face.crop), face.source) for face in faces
    )


def same(one, other) -> bool:
    sides = ("base", "training", "held_out")
    return all(comparable(getattr(one, side)) == comparable(getattr(other, side)) for side in sides)


def test_every_row_is_used_or_has_a_reason(tmp_path):
    store = a_mixed_file(tmp_path)
    report = merge([], store, SCHEME).report
    assert {reason: len(ids) for reason, ids in report.skipped.items()} == {
        SUPERSEDED: 1, UNDO: 1, UNDONE: 1, REPEATED: 1, OLDER: 1, OTHER_PERSON: 1, NO_LABEL: 1, OTHER_SCHEME: 1,
        N_POINTS: 1, NO_PICTURE: 1,
    }  # fmt: skip
    assert len(report.training) + len(report.held_out) + sum(map(len, report.skipped.values())) == report.rows
    assert report.rows == len(list(store.read()))
    assert len(report.training) == 3 and len(report.held_out) == 1
    ids = [*report.training, *report.held_out, *(row for rows in report.skipped.values() for row in rows)]
    assert sorted(ids) == sorted(row.id for row in store.read())


def test_merging_twice_gives_the_same_and_changes_nothing(tmp_path):
    store = a_mixed_file(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    base = base_faces(tmp_path / "base", 20)
    once = merge(base, store, SCHEME)
    assert same(once, merge(base, store, SCHEME)) and once.report == merge(base, store, SCHEME).report
    again = merge(once.faces, store, SCHEME)
    assert comparable(again.faces) == comparable(once.faces) and again.report.training == once.report.training
    assert comparable(again.held_out) == comparable(once.held_out)
    assert before.items() <= {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}.items()


def base_faces(folder: Path, count: int, seed: int = 100) -> list:
    """Faces of other pictures, in files of their own."""
    folder.mkdir(exist_ok=True)
    template = read_corrections_of_one(folder.with_name("template"))
    faces = []
    for number in range(count):
        path = folder / f"{number}.png"
        Image.fromarray(picture(seed + number)).save(path)
        faces.append(replace(template, image=path, group=f"base/{number}", source="base", box_xyxy=None))
    return faces


def read_corrections_of_one(folder: Path):
    save(folder, 99)
    return read_corrections(folder, SCHEME).training[0]


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_base_does_not_matter(tmp_path, seed):
    store = a_mixed_file(tmp_path)
    in_file = save(tmp_path, 6)
    base = base_faces(tmp_path / "base", 20)
    base += as_base(base[:2], image=store.image_path(in_file), points_xy=in_file.corrected_xy)
    shuffled = [base[i] for i in np.random.default_rng(seed).permutation(len(base))]
    assert same(merge(base, store, SCHEME), merge(shuffled, store, SCHEME))


def test_a_base_face_gives_way_to_a_correction_of_the_same_face_in_the_same_picture(tmp_path):
    saved = save(tmp_path)
    store = CorrectionStore(tmp_path)
    copy = tmp_path / "a photo of the base.png"
    copy.write_bytes(store.image_path(saved).read_bytes())
    (other,) = base_faces(tmp_path / "base", 1)
    same_face = replace(other, image=copy, group="base/x", points_xy=saved.corrected_xy + 2)
    beside = replace(same_face, points_xy=saved.corrected_xy + 40)
    elsewhere = replace(same_face, image=other.image)
    merged = merge([same_face, beside, elsewhere], store, SCHEME)
    assert comparable(merged.base) == comparable([beside, elsewhere]) and merged.report.replaced == 1


def test_what_the_base_holds_out_never_trains_and_stays_where_it_is(tmp_path):
    saved = save(tmp_path)
    store = CorrectionStore(tmp_path)
    (other,) = base_faces(tmp_path / "base", 1)
    group = next(f"base/{n}" for n in range(100) if is_held_out(replace(other, group=f"base/{n}")))
    face = replace(other, image=store.image_path(saved), group=group, points_xy=saved.corrected_xy)
    for merged in (merge([face], store, SCHEME), merge([], store, SCHEME, frozen=[face])):
        assert merged.training == [] and merged.report.held_out == (saved.id,)
    assert comparable(merge([face], store, SCHEME).base) == comparable([face])


def test_a_damaged_picture_is_left_out_with_its_rows_and_told_of(tmp_path):
    rows = [save(tmp_path, seed) for seed in range(3)]
    path = tmp_path / rows[1].image
    path.write_bytes(path.read_bytes()[:2000])
    report = merge([], CorrectionStore(tmp_path), SCHEME).report
    assert report.skipped == {DAMAGED: (rows[1].id,)} and report.damaged == (rows[1].image,)
    assert set(report.training) == {rows[0].id, rows[2].id}
    assert f"Damaged pictures: {rows[1].image}." in report.sentences()


def test_where_everything_is_held_out_that_is_said(tmp_path):
    saved = save(tmp_path)
    (other,) = base_faces(tmp_path / "base", 1)
    frozen = [replace(other, image=tmp_path / saved.image)]
    with pytest.raises(CorrectionsError, match="is held out to measure on: correct pictures that are not"):
        read_corrections(tmp_path, SCHEME, frozen=frozen)


def test_the_newest_by_time_wins_also_where_files_were_joined_in_another_order(tmp_path):
    newer = save(tmp_path, annotator="Ada", time_utc="2025-02-01T00:00:00.000Z")
    older = save(tmp_path, annotator="Tim", time_utc="2025-01-01T00:00:00.000Z")
    report = merge([], CorrectionStore(tmp_path), SCHEME).report
    assert report.training == (newer.id,) and report.skipped == {OTHER_PERSON: (older.id,)}


def test_two_people_who_disagree_are_reported_with_their_distance(tmp_path):
    points, image = some_points(), picture()
    tims, states = points.copy(), ["untouched"] * 15
    tims[3] += (3.0, 4.0)  # five pixels
    tims[4] = np.nan
    states[3], states[4], states[5] = "moved", "absent", "confirmed"
    values = {"scheme": "kaggle15", "confidence": 0.9}
    tim = save_correction(tmp_path, image, points, tims, states=tuple(states), annotator="Tim", **values)
    ada = save_correction(
        tmp_path, image, points, points, states=("untouched",) * 14 + ("moved",), annotator="Ada", **values
    )
    (conflict,) = merge([], CorrectionStore(tmp_path), SCHEME).report.conflicts
    assert (conflict.used, conflict.used_by) == (ada.id, "Ada")
    assert (conflict.set_aside, conflict.set_aside_by) == (tim.id, "Tim")
    left, right = SCHEME.outer_eye_corners
    eyes_px = np.linalg.norm(points[left] - points[right])
    assert conflict.distance_iod == pytest.approx((5 + 0 + 0) / 3 / eyes_px)  # the points that were judged: 3, 5, 14


def test_one_person_who_saves_a_face_twice_is_in_no_conflict(tmp_path):
    for _ in range(2):
        save(tmp_path, annotator="Ada")
    assert merge([], CorrectionStore(tmp_path), SCHEME).report.conflicts == ()


def test_only_what_is_in_force_is_decoded_and_once(tmp_path, monkeypatch):
    store = a_mixed_file(tmp_path)
    in_force = sorted(row.id for row in store.current() if row.scheme == "kaggle15")
    decoded = []
    real = CorrectionStore.record
    monkeypatch.setattr(CorrectionStore, "record", lambda self, row: decoded.append(row.links.id) or real(self, row))
    merge([], store, SCHEME)
    assert sorted(decoded) == in_force
