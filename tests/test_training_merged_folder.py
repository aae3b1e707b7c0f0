"""Faces written as a keypoints folder, and the command that does it with corrections."""

from __future__ import annotations

import csv
import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from fkd import DataError, load_scheme
from fkd.formats import LabelledFace, read_faces
from fkd.geometry import Crop
from fkd.images import read_image
from tests.corrected_faces import save_correction
from training.cli import main
from training.merge import read_corrections
from training.merged_folder import write_keypoints_folder

SCHEME = load_scheme("kaggle15")


def points(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(20, 80, (15, 2))


def save(folder: Path, seed: int = 0, scheme: str = "kaggle15", **values):
    k = load_scheme(scheme).n_points
    xy = np.random.default_rng(seed).uniform(20, 80, (k, 2)).round(2)
    image = np.random.default_rng(seed).integers(0, 256, (100, 120, 3), dtype=np.uint8)
    return save_correction(folder, image, xy, xy + 1, scheme=scheme, **values)


def assert_same_face(read: LabelledFace, written: LabelledFace) -> None:
    for item in fields(LabelledFace):
        if item.name not in ("image", "box_xyxy"):
            np.testing.assert_equal(getattr(read, item.name), getattr(written, item.name))
    pixels = [read_image(face.image) if isinstance(face.image, Path) else face.image for face in (read, written)]
    np.testing.assert_array_equal(*pixels)


def test_faces_come_back_as_they_were(tmp_path):
    save(tmp_path / "corrections", states=("moved",) * 14 + ("occluded",))
    (corrected,) = read_corrections(tmp_path / "corrections", SCHEME).training
    partial = points(1)
    partial[3] = np.nan
    grey = np.full((96, 96, 3), 7, dtype=np.uint8)
    faces = [
        corrected,
        replace(corrected, points_xy=points(2), crop=None, eye_distance_px=np.nan, group="another/face"),
        LabelledFace(grey, partial, "training/2", crop=Crop((47.5, 47.5), 96.0), source="kaggle-4"),
        LabelledFace(grey + 1, partial, "training/2", crop=Crop((47.5, 47.5), 96.0), source="kaggle-4"),
    ]
    write_keypoints_folder(faces, tmp_path / "out", SCHEME)
    back = read_faces(tmp_path / "out", SCHEME)
    assert len(back) == 4
    for read, written in zip(back, faces, strict=True):
        assert_same_face(read, written)
    names = sorted(path.name for path in (tmp_path / "out" / "images").iterdir())
    assert names == sorted([corrected.image.name, "training-2.png", "training-2-2.png"]), "each picture once"


def test_a_folder_with_data_is_left_alone(tmp_path):
    face = LabelledFace(np.zeros((96, 96, 3), dtype=np.uint8), points(), "a/b")
    write_keypoints_folder([face], tmp_path, SCHEME)
    before = (tmp_path / "keypoints.csv").read_bytes()
    with pytest.raises(DataError, match="holds data already"):
        write_keypoints_folder([face, face], tmp_path, SCHEME)
    assert (tmp_path / "keypoints.csv").read_bytes() == before


def test_without_all_pictures_there_is_no_table(tmp_path):
    face = LabelledFace(tmp_path / "gone.png", points(), "a/b")
    with pytest.raises(DataError, match="cannot be written"):
        write_keypoints_folder([face], tmp_path / "out", SCHEME)
    assert not (tmp_path / "out" / "keypoints.csv").exists()


def test_merge_writes_what_it_reports(tmp_path, capsys):
    for seed in range(5):
        save(tmp_path / "annotations", seed, annotator="Ada")
    save(tmp_path / "annotations", 0, annotator="Tim")
    write_keypoints_folder(
        [LabelledFace(np.zeros((96, 96, 3), dtype=np.uint8), points(), "base/1", source="wild")],
        tmp_path / "base",
        SCHEME,
    )
    arguments = ["merge", "--corrections", str(tmp_path / "annotations"), "--base", str(tmp_path / "base")]
    assert main([*arguments, "--out", str(tmp_path / "merged")]) == 0
    printed = capsys.readouterr().out
    assert "6 rows in" in printed and "Ada and Tim both corrected 1 face" in printed
    assert "4 corrected faces to learn from" in printed and "1 held out to measure on" in printed
    faces = read_faces(tmp_path / "merged", SCHEME)
    assert [face.source for face in faces] == ["wild"] * 5
    (held_out,) = read_faces(tmp_path / "merged" / "held-out", SCHEME)
    assert held_out.group not in {face.group for face in faces}

    assert main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["rows"] == 6 and len(report["training"]) == 4 and report["base"] == 1
    with (tmp_path / "annotations" / "corrections.csv").open(encoding="utf-8") as file:
        assert set(report["training"]) < {row["id"] for row in csv.DictReader(file)}


def test_a_file_with_two_schemes_needs_a_word(tmp_path, capsys):
    save(tmp_path)
    save(tmp_path, scheme="ibug68")
    assert main(["merge", "--corrections", str(tmp_path)]) == 1
    assert "corrections of ibug68 and kaggle15; name one with --scheme" in capsys.readouterr().err
    assert main(["merge", "--corrections", str(tmp_path), "--scheme", "ibug68"]) == 0
    assert "1 used for ibug68" in capsys.readouterr().out


def test_a_torn_last_line_is_told_and_the_rest_merged(tmp_path, capsys):
    save(tmp_path)
    with (tmp_path / "corrections.csv").open("ab") as file:
        file.write(b"c1,2025")
    assert main(["merge", "--corrections", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert "last line of corrections.csv is incomplete" in err and "1 used" in out
