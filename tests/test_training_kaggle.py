"""Kaggle's test file and lookup table in, its submission out."""

from __future__ import annotations

import csv
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fkd import DataError, KeypointPredictor, load_scheme
from fkd.formats import LabelledFace
from fkd.geometry import whole_image_crop
from tests.nets import tiny_net
from tests.pictures import tight_grey_crop
from training.cli import main
from training.evaluate import evaluate
from training.kaggle import read_lookup, read_test, source_of, submit

SCHEME = load_scheme("kaggle15")
FOUR = ("left_eye_center", "right_eye_center", "nose_tip", "mouth_center_bottom_lip")
PICTURE = tight_grey_crop()


def write_csv(path: Path, header: list[str], rows: list[list]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_file(folder: Path, pictures: dict[int, np.ndarray]) -> Path:
    rows = [[image_id, " ".join(map(str, picture.ravel()))] for image_id, picture in pictures.items()]
    return write_csv(folder / "test.csv", ["ImageId", "Image"], rows)


test_file.__test__ = False


def lookup_table(folder: Path, asked: list[tuple[int, str]], first_row: int = 1) -> Path:
    rows = [[first_row + i, image_id, feature, ""] for i, (image_id, feature) in enumerate(asked)]
    return write_csv(folder / "IdLookupTable.csv", ["RowId", "ImageId", "FeatureName", "Location"], rows)


def coordinates(*names: str) -> list[str]:
    return [f"{name}_{axis}" for name in names for axis in "xy"]


def locations(path: Path) -> dict[int, float]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["RowId", "Location"]
    return {int(row["RowId"]): float(row["Location"]) for row in rows}


@pytest.fixture
def predictor() -> KeypointPredictor:
    return KeypointPredictor(tiny_net(), "cpu", batch_size=2)


def with_config(predictor: KeypointPredictor, **changes) -> KeypointPredictor:
    predictor.net.config = replace(predictor.net.config, **changes)
    return predictor


def test_what_is_submitted_is_what_evaluate_measures(predictor, tmp_path):
    pictures = {7: PICTURE, 3: PICTURE.T.copy(), 5: PICTURE[::-1].copy()}
    asked = [(image_id, name) for image_id in (3, 5, 7) for name in coordinates(*SCHEME.names)]
    lookup = lookup_table(tmp_path, asked)
    assert submit(predictor, test_file(tmp_path, pictures), lookup, tmp_path / "out.csv") == 90
    crop = whole_image_crop(96, 96)
    faces = [
        LabelledFace(np.repeat(pictures[i][..., None], 3, axis=2), np.full((15, 2), 48.0), str(i), crop=crop)
        for i in (3, 5, 7)
    ]
    expected = evaluate(predictor, faces, "labels").predicted_xy
    got = locations(tmp_path / "out.csv")
    assert list(got) == list(range(1, 91))
    np.testing.assert_allclose(np.reshape(list(got.values()), (3, 15, 2)), expected, atol=1e-3)


def test_only_what_is_asked_for_is_written_and_in_the_order_of_the_table(predictor, tmp_path):
    lookup = lookup_table(tmp_path, [(2, "nose_tip_y"), (1, "nose_tip_y"), (2, "nose_tip_x")], first_row=40)
    test = test_file(tmp_path, {1: PICTURE, 2: PICTURE[::-1].copy(), 3: PICTURE})
    submit(predictor, test, lookup, tmp_path / "out.csv")
    assert [line.split(",")[0] for line in (tmp_path / "out.csv").read_text().splitlines()] == [
        "RowId", "40", "41", "42",
    ]  # fmt: skip


def test_every_location_lies_in_the_picture(predictor, tmp_path):
    predictor = with_config(predictor, label_origin_px=200.0)
    lookup = lookup_table(tmp_path, [(1, name) for name in coordinates(*SCHEME.names)])
    test = test_file(tmp_path, {1: PICTURE})
    submit(predictor, test, lookup, tmp_path / "high.csv")
    assert set(locations(tmp_path / "high.csv").values()) == {96.0}
    submit(with_config(predictor, label_origin_px=-200.0), test, lookup, tmp_path / "low.csv")
    assert set(locations(tmp_path / "low.csv").values()) == {0.0}


def test_images_of_four_points_follow_the_other_convention(predictor, tmp_path):
    asked = [(1, name) for name in coordinates(*FOUR)] + [(2, name) for name in coordinates(*SCHEME.names)]
    test, lookup = test_file(tmp_path, {1: PICTURE, 2: PICTURE}), lookup_table(tmp_path, asked)
    submit(predictor, test, lookup, tmp_path / "without.csv")
    shift = [(0.0, 0.0)] * 15
    shift[SCHEME.names.index("nose_tip")] = (0.01, -0.05)
    submit(with_config(predictor, conventions={"kaggle-4": shift}), test, lookup, tmp_path / "with.csv")
    before, after = locations(tmp_path / "without.csv"), locations(tmp_path / "with.csv")
    moved = {row: round(after[row] - before[row], 2) for row in before if after[row] != before[row]}
    assert moved == {5: 0.96, 6: -4.8}  # the nose tip of image 1; image 2 shows the same and has all points


def test_how_many_points_tell_the_source():
    assert [source_of(n) for n in (1, 4, 5, 15)] == ["kaggle-4", "kaggle-4", "kaggle-15", "kaggle-15"]


def test_the_test_file_may_come_zipped(tmp_path):
    path = test_file(tmp_path, {4: PICTURE})
    with zipfile.ZipFile(tmp_path / "test.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "test.csv")
    for given in (path, tmp_path / "test.zip"):
        (picture,) = read_test(given).values()
        np.testing.assert_array_equal(picture, PICTURE)


LOOKUP_HEADER = ["RowId", "ImageId", "FeatureName", "Location"]


@pytest.mark.parametrize(
    ("header", "rows", "sentence"),
    [
        (LOOKUP_HEADER[:2], [[1, 1]], "has no column FeatureName: it is not Kaggle's IdLookupTable.csv"),
        (LOOKUP_HEADER, [[1, 1, "chin_x", ""]], r"line 2: scheme kaggle15 has no 'chin_x'"),
        (LOOKUP_HEADER, [[1, "one", "nose_tip_x", ""]], r"line 2: ImageId is 'one'; it must be a whole number"),
        (LOOKUP_HEADER, [[1, 1, "nose_tip_x", ""], [1, 2, "nose_tip_x", ""]], r"line 3: RowId 1 is there twice"),
        (LOOKUP_HEADER, [[1, 1, "nose_tip_x", ""], [2, 1]], r"line 3: 2 cells, not 4"),
        (LOOKUP_HEADER, [], "asks for nothing"),
    ],
)
def test_a_wrong_lookup_table_is_named_by_its_line(tmp_path, header, rows, sentence):
    with pytest.raises(DataError, match=sentence):
        read_lookup(write_csv(tmp_path / "lookup.csv", header, rows), SCHEME)


def test_a_wrong_test_file_is_named_by_its_line(tmp_path):
    path = write_csv(tmp_path / "test.csv", ["ImageId", "Image"], [[1, "1 2 3"]])
    with pytest.raises(DataError, match=r"“test.csv”, line 2: the Image cell"):
        read_test(path)
    pixels = " ".join(map(str, PICTURE.ravel()))
    path = write_csv(tmp_path / "test.csv", ["ImageId", "Image"], [[1, pixels], [1, pixels]])
    with pytest.raises(DataError, match=r"“test.csv”, line 3: ImageId 1 is there twice"):
        read_test(path)
    with pytest.raises(DataError, match="“IdLookupTable.csv” has no column Image: it is not Kaggle's test.csv"):
        read_test(lookup_table(tmp_path, [(1, "nose_tip_x")]))
    with pytest.raises(DataError, match=r"nowhere.csv” cannot be read: No such file"):
        read_test(tmp_path / "nowhere.csv")


def test_files_that_do_not_fit_each_other_write_nothing(predictor, tmp_path):
    lookup = lookup_table(tmp_path, [(1, "nose_tip_x"), (9, "nose_tip_x")])
    with pytest.raises(DataError, match=r"asks for image 9, which “test.csv” does not have \(1 such images\)"):
        submit(predictor, test_file(tmp_path, {1: PICTURE}), lookup, tmp_path / "out.csv")
    with pytest.raises(DataError, match="cannot be written to"):
        lookup = lookup_table(tmp_path, [(1, "nose_tip_x")])
        submit(predictor, test_file(tmp_path, {1: PICTURE}), lookup, tmp_path / "no" / "out.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["IdLookupTable.csv", "test.csv"]


def test_the_command(tmp_path, capsys):
    tiny_net().save_pretrained(tmp_path / "tiny")
    command = ["kaggle", "submit", "--weights", tmp_path / "tiny", "--test", test_file(tmp_path, {1: PICTURE})]
    command += ["--lookup", lookup_table(tmp_path, [(1, "nose_tip_x")]), "--out", tmp_path / "mine.csv"]
    assert main([*map(str, command), "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "Wrote 1 coordinates to" in out and "one convention only" in out
    assert list(locations(tmp_path / "mine.csv")) == [1]
