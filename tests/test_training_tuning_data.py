"""What a fine-tune reads: nothing that is measured on is ever learnt from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from fkd import DataError
from fkd.correction_store import CorrectionStore
from fkd.formats import KAGGLE_SIDE
from fkd.schemes import load_scheme
from tests.drawn_data import corrected_drawings, keypoints_folder
from tests.nets import dotted_faces
from tests.test_formats import FOUR, all_points, kaggle_cells, kaggle_csv
from training.dataset import is_held_out
from training.tuning_data import MOST_BASE_FACES, TuningData, read_tuning_data, some

SCHEME = load_scheme("kaggle15")


@pytest.fixture
def corrections(tmp_path) -> Path:
    return corrected_drawings(tmp_path / "fixed")


@pytest.fixture
def base(tmp_path) -> Path:
    return keypoints_folder(tmp_path / "base", 40)


def read(corrections: Path, base=(), frozen=(), seed: int = 0) -> TuningData:
    return read_tuning_data(corrections, base, frozen, SCHEME, seed)


def groups(faces) -> set[str]:
    return {face.group for face in faces}


def test_the_held_out_tenth_of_the_base_is_the_frozen_test(corrections, base):
    data = read(corrections, [base])
    assert len(data.frozen) == 4 and all(is_held_out(face) for face in data.frozen)
    assert len(data.replayed) == 36 and not groups(data.replayed) & groups(data.frozen)
    assert data.report[-1] == "36 base faces are replayed; 4 are the frozen test."


def test_a_named_frozen_test_is_never_replayed_nor_is_the_held_out_tenth(corrections, base, tmp_path):
    frozen = keypoints_folder(tmp_path / "part" / "base", 12)  # the first twelve photos of a folder of the same name
    data = read(corrections, [base], [frozen])
    assert len(data.frozen) == 12 and not groups(data.replayed) & groups(data.frozen)
    assert not any(is_held_out(face) for face in data.replayed) and 20 < len(data.replayed) < 28


def test_a_large_frozen_test_is_thinned_out_the_same_way_for_every_seed(corrections, base, tmp_path, monkeypatch):
    monkeypatch.setattr("training.tuning_data.MOST_FROZEN_FACES", 3)
    frozen = keypoints_folder(tmp_path / "part" / "base", 12)
    first, second = (read(corrections, [base], [frozen], seed) for seed in (0, 1))
    assert len(first.frozen) == 3 and groups(first.frozen) == groups(second.frozen)
    assert not groups(first.replayed) & {f"base/{i}" for i in range(12)}  # nor are those that were left out replayed


def test_a_corrected_picture_of_the_frozen_test_does_not_train(corrections, base):
    rows = list(CorrectionStore(corrections).read())
    picture = base / "images" / "0.png"
    shutil.copyfile(corrections / rows[0].image, picture)
    data = read(corrections, (), [base])
    assert len(data.corrections) == 4 and rows[0].id not in data.corrections
    assert f"corrections/{rows[0].image}" in groups(data.held_out)


def test_a_corrected_picture_of_the_frozen_test_is_told_although_only_one_has_metadata(corrections, base):
    rows = list(CorrectionStore(corrections).read())
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    with Image.open(corrections / rows[0].image) as picture:
        picture.save(base / "images" / "0.png", exif=exif)  # stored, it would be as the corrected one
    for changes in ({"frozen": [base]}, {"base": [base]}):
        data = read(corrections, **changes)
        held_out = rows[0].id not in data.corrections
        assert held_out == ("frozen" in changes or any(face.group == "base/0" for face in data.frozen))


def test_the_ids_are_those_of_the_rows_that_train(corrections):
    data = read(corrections)
    rows = [row.id for row in CorrectionStore(corrections).read()]
    assert set(data.corrections) == set(rows) - {rows[4]}  # the fifth is held out
    assert len(data.training) == 5 and len(data.held_out) == 1 and data.replayed == data.frozen == []


def test_faces_of_another_convention_are_not_replayed(corrections, base, tmp_path):
    data = read(corrections, [base, keypoints_folder(tmp_path / "other", 10)])
    assert {face.source for face in data.replayed} == {"base"}
    assert data.report[-1].startswith("10 faces are labelled by another convention than the weights speak")


def test_faces_of_a_convention_that_the_weights_know_as_another_are_left_out(corrections, base, tmp_path):
    other = keypoints_folder(tmp_path / "other", 40)
    data = read_tuning_data(corrections, [other, base], [other], SCHEME, 0, {"other": [[0.1, 0.0]] * 15})
    assert {face.source for face in data.replayed} == {face.source for face in data.frozen} == {"base"}
    assert data.report[-1].startswith("80 faces are labelled by another convention")


def test_the_convention_is_that_of_the_fullest_face_wherever_it_stands(corrections, tmp_path):
    four = {name: point for name, point in all_points().items() if name in FOUR}
    cells = [kaggle_cells(all_points() if i % 2 else four, " ".join([str(i)] * KAGGLE_SIDE**2)) for i in range(60)]
    data = read(corrections, [kaggle_csv(tmp_path / "training.csv", cells)])
    assert {face.source for face in data.replayed} == {face.source for face in data.frozen} == {"kaggle-15"}


def test_a_picture_of_the_frozen_test_is_not_replayed_under_another_name(corrections, base, tmp_path):
    frozen = keypoints_folder(tmp_path / "test", 12)  # the first twelve pictures of the base
    data = read(corrections, [base], [frozen])
    assert len(data.frozen) == 12
    assert not {face.image.name for face in data.replayed} & {f"{i}.png" for i in range(12)}
    assert len(data.replayed) >= 20


def test_data_that_is_not_there_is_a_sentence(corrections, tmp_path):
    for named in ({"base": [tmp_path / "nowhere"]}, {"frozen": [tmp_path / "nowhere"]}):
        with pytest.raises(DataError, match="no data that fkd reads"):
            read(corrections, **named)


def test_a_choice_of_faces_keeps_their_order_and_the_seed():
    faces = dotted_faces(9)
    chosen = some(faces, 4, seed=0)
    assert len(chosen) == 4 and [face.group for face in chosen] == sorted(face.group for face in chosen)
    assert [f.group for f in some(faces, 4, seed=0)] == [f.group for f in chosen] and some(faces, 9, 0) is faces
    assert groups(some(faces, 4, seed=1)) != groups(chosen) and MOST_BASE_FACES > 100
