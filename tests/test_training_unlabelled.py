"""Photos without labels: their faces are found, framed, and carry no label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fkd import DataError
from fkd.formats import LabelledFace
from fkd.image_store import store_image
from tests.pictures import PORTRAIT_PATH, astronaut, faceless, portrait, saved, write_truncated_jpeg
from training.dataset import make_face_set
from training.unlabelled import every_fifth_photo, unlabelled_faces


def test_faces_are_found_in_all_subfolders_and_what_is_no_picture_is_passed_over(predictor, tmp_path):
    (tmp_path / "deeper").mkdir()
    saved(tmp_path / "a.png", portrait())
    saved(tmp_path / "deeper" / "b.png", astronaut())
    saved(tmp_path / "coffee.png", faceless())
    write_truncated_jpeg(tmp_path / "cut.jpg")
    (tmp_path / "notes.txt").write_text("no picture")
    seen = []

    def progress(photos):
        seen.extend(photos)
        return photos

    faces = unlabelled_faces(tmp_path, predictor, most=10, seed=0, progress=progress)
    assert [face.image.name for face in faces] == ["a.png", "b.png"] and len(seen) == 4
    assert all(np.isnan(face.points_xy).all() and face.points_xy.shape == (68, 2) for face in faces)
    chips = make_face_set(faces, predictor.scheme, 64)
    assert np.isfinite(chips.eye_distance).all() and chips.points.isnan().all()
    (found,) = predictor(PORTRAIT_PATH)
    inside = faces[0].crop.to_unit(found.points)
    assert inside.min() > 0 and inside.max() < 1


def test_what_somebody_corrected_is_left_out_whatever_it_is_called(predictor, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    corrected = saved(photos / "a.png", portrait())
    saved(photos / "b.png", astronaut())
    stored = {store_image(corrected, tmp_path / "annotations")}
    assert corrected.name not in stored
    faces = unlabelled_faces(photos, predictor, most=10, seed=0, corrected=stored)
    assert [face.image.name for face in faces] == ["b.png"]


def test_every_fifth_photo_is_kept_apart_with_all_its_faces():
    def face(photo: int) -> LabelledFace:
        return LabelledFace(Path(f"{photo}.jpg"), np.full((68, 2), np.nan), group=f"unlabelled/{photo}.jpg")

    others, fifth = every_fifth_photo([face(i) for i in (0, 0, 1, 2, 3, 4, 4, 5)])
    assert [f.image.name for f in fifth] == ["4.jpg", "4.jpg"] and len(others) == 6
    assert every_fifth_photo([face(i) for i in range(4)])[1] == []


def test_of_many_photos_some_are_drawn_by_the_seed(predictor, tmp_path):
    for name in "abcd":
        saved(tmp_path / f"{name}.png", portrait())

    def looked_at(seed: int) -> list[str]:
        looked: list[str] = []
        with pytest.raises(DataError):
            unlabelled_faces(tmp_path, predictor, 2, seed, lambda photos: looked.extend(p.name for p in photos) or [])
        return looked

    assert looked_at(0) == looked_at(0) and all(len(looked_at(seed)) == 2 for seed in (0, 1))
    assert len({tuple(looked_at(seed)) for seed in range(6)}) > 1


def test_a_folder_without_a_face_is_a_sentence(predictor, tmp_path):
    saved(tmp_path / "coffee.png", faceless())
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataError, match="no photo with a face"):
            unlabelled_faces(folder, predictor, most=10, seed=0)
