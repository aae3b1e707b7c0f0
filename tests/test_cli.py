"""``python -m fkd predict``: what it prints, what it writes and how it ends."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from fkd import KeypointPredictor
from fkd.cli import main
from tests.nets import tiny_net
from tests.pictures import PORTRAIT_PATH, UNUSABLE, UNUSUAL, faceless, portrait, write_truncated_jpeg


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch, predictor):
    """The shipped weights, without loading them for every test."""
    real = KeypointPredictor.from_pretrained

    def from_pretrained(source, *, revision=None, device="auto"):
        return predictor if source == "ibug68" else real(source, revision=revision, device="cpu")

    monkeypatch.setattr(KeypointPredictor, "from_pretrained", from_pretrained)


@pytest.fixture
def no_face(tmp_path):
    path = tmp_path / "coffee.png"
    Image.fromarray(faceless()).save(path)
    return str(path)


def test_json_is_one_object_a_photo_and_one_a_line(capsys, no_face):
    assert main(["predict", str(PORTRAIT_PATH), no_face, "--json"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert list(first) == list(second) == ["image", "width", "height", "scheme", "faces"]
    assert (first["image"], first["width"], first["height"]) == (str(PORTRAIT_PATH), 512, 600)
    assert first["scheme"] == "ibug68" and (second["image"], second["faces"]) == (no_face, [])
    (face,) = first["faces"]
    assert list(face) == ["box_xyxy", "score", "points", "confidence"]
    assert len(face["box_xyxy"]) == 4 and 0.5 < face["score"] <= 1
    assert np.array(face["points"]).shape == (68, 2)
    assert len(face["confidence"]) == 68 and all(0 <= sure <= 1 for sure in face["confidence"])


def test_the_json_is_what_the_library_says(capsys, predictor):
    main(["predict", str(PORTRAIT_PATH), "--json"])
    (shown,) = json.loads(capsys.readouterr().out)["faces"]
    (face,) = predictor(PORTRAIT_PATH)
    np.testing.assert_allclose(shown["points"], face.points, atol=0.0051)
    np.testing.assert_allclose(shown["confidence"], face.confidence, atol=0.000051)


def test_csv_is_one_line_a_face(capsys, no_face, predictor):
    assert main(["predict", no_face, str(PORTRAIT_PATH), "--csv"]) == 0
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    assert (row["image"], row["face"]) == (str(PORTRAIT_PATH), "0")
    (face,) = predictor(PORTRAIT_PATH)
    np.testing.assert_allclose(
        [float(row[f"box_{side}"]) for side in ("x0", "y0", "x1", "y1")], face.box_xyxy, atol=0.01
    )
    for i, name in enumerate(predictor.scheme.names):
        seen = [float(row[f"{name}_{part}"]) for part in ("x", "y", "confidence")]
        np.testing.assert_allclose(seen, [*face.points[i], face.confidence[i]], atol=0.01)
    assert len(row) == 7 + 3 * 68


def test_without_a_format_there_is_a_line_for_people(capsys, no_face):
    assert main(["predict", str(PORTRAIT_PATH), no_face]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{PORTRAIT_PATH}: 1 face, mean confidence ") and first.endswith("%")
    assert second == f"{no_face}: no face"


@pytest.mark.parametrize("form", ["--json", "--csv"])
def test_an_unreadable_file_among_good_ones_is_told_and_the_others_are_done(capsys, tmp_path, form):
    broken = str(write_truncated_jpeg(tmp_path / "broken.jpg"))
    missing = str(tmp_path / "missing.jpg")
    assert main(["predict", broken, str(PORTRAIT_PATH), missing, str(tmp_path), form]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == (1 if form == "--json" else 2)
    lines = err.splitlines()
    assert len(lines) == 3 and all(line.startswith("fkd: ") for line in lines)
    assert [name in line for name, line in zip((broken, missing, str(tmp_path)), lines, strict=True)] == [True] * 3


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_file_gets_one_sentence_and_the_photo_beside_it_is_done(capsys, tmp_path, name):
    write, words = UNUSABLE[name]
    bad = str(write(tmp_path / name))
    assert main(["predict", bad, str(PORTRAIT_PATH), "--json"]) == 1
    out, err = capsys.readouterr()
    shown = json.loads(out)
    assert (shown["image"], len(shown["faces"])) == (str(PORTRAIT_PATH), 1)
    assert err.startswith(f"fkd: {bad}: {name} ") and words in err
    assert err.count("\n") == 1 and err.endswith(".\n")


@pytest.mark.parametrize("name", UNUSUAL)
def test_the_face_in_an_unusual_file_is_found(capsys, tmp_path, name):
    assert main(["predict", str(UNUSUAL[name](tmp_path / name)), "--json"]) == 0
    out, err = capsys.readouterr()
    shown = json.loads(out)
    assert (shown["width"], shown["height"], len(shown["faces"]), err) == (512, 600, 1, "")


def test_a_name_that_the_system_refuses_does_not_stop_the_others(capsys, tmp_path):
    assert main(["predict", str(tmp_path / ("x" * 256)), str(PORTRAIT_PATH), "--json"]) == 1
    out, err = capsys.readouterr()
    assert len(json.loads(out)["faces"]) == 1
    assert err.startswith("fkd: ") and err.count("\n") == 1


def test_overlays_have_the_photos_size_and_own_names(capsys, tmp_path):
    for name in ("a.png", "a.bmp"):
        Image.fromarray(portrait()).save(tmp_path / name)
    folder = tmp_path / "new" / "out"
    assert main(["predict", str(tmp_path / "a.png"), str(tmp_path / "a.bmp"), "--overlay", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["a.bmp.png", "a.png.png"]
    with Image.open(folder / "a.png.png") as drawn:
        assert drawn.size == (512, 600)
        assert (np.array(drawn.convert("RGB")) != portrait()).any()


def test_photos_of_one_name_in_two_folders_have_two_overlays(capsys, tmp_path):
    photos = [tmp_path / folder / "a.png" for folder in ("x", "y")]
    for photo in photos:
        photo.parent.mkdir()
        Image.fromarray(np.full((32, 32, 3), 99, np.uint8)).save(photo)
    assert main(["predict", *map(str, photos), "--overlay", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png-2.png", "a.png.png"]


def test_an_overlay_that_cannot_be_written_is_told_and_the_other_photos_are_done(capsys, tmp_path):
    names = ("a.png", "b.png")
    for name in names:
        Image.fromarray(np.full((32, 32, 3), 99, np.uint8)).save(tmp_path / name)
    (tmp_path / "out" / "a.png.png").mkdir(parents=True)  # a folder has the overlay's name
    photos = [str(tmp_path / name) for name in names]
    assert main(["predict", *photos, "--json", "--overlay", str(tmp_path / "out")]) == 1
    out, err = capsys.readouterr()
    assert [json.loads(line)["image"] for line in out.splitlines()] == photos
    assert err.startswith(f"fkd: {photos[0]}: The overlay cannot be written to ") and err.count("\n") == 1
    assert (tmp_path / "out" / "b.png.png").is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_file_name_that_is_no_text_is_shown_escaped(tmp_path):
    photo = os.fsencode(tmp_path) + b"/caf\xe9.png"
    with open(photo, "wb") as file:  # noqa: PTH123 (a path of bytes)
        Image.fromarray(np.full((32, 32, 3), 99, np.uint8)).save(file, "PNG")
    command = [sys.executable, "-m", "fkd", "predict", photo]
    ran = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env={**os.environ, "LC_ALL": "C.UTF-8"}
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith("caf\\udce9.png: no face\n")


def test_an_overlay_folder_that_is_a_file_is_told_for_each_photo(capsys, tmp_path, no_face):
    (tmp_path / "out").touch()
    assert main(["predict", str(PORTRAIT_PATH), no_face, "--overlay", str(tmp_path / "out")]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert [line.split(": ")[1] for line in err.splitlines()] == [str(PORTRAIT_PATH), no_face]


def test_weights_that_are_not_there_give_one_sentence(capsys):
    assert main(["predict", str(PORTRAIT_PATH), "--weights", "nothing"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("fkd: There are no weights “nothing”.") and err.count("\n") == 1


def test_weights_of_another_scheme_than_asked_for_are_refused(capsys, tmp_path):
    tiny_net().save_pretrained(tmp_path / "mine")
    weights = ["--weights", str(tmp_path / "mine")]
    assert main(["predict", str(PORTRAIT_PATH), "--scheme", "ibug68", *weights]) == 1
    assert "are for kaggle15, not for ibug68" in capsys.readouterr().err
    assert main(["predict", str(PORTRAIT_PATH), "--json", *weights]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["scheme"] == "kaggle15" and len(shown["faces"][0]["points"]) == 15


@pytest.mark.parametrize("arguments", [[], ["predict"], ["predict", "a.jpg", "--json", "--csv"]])
def test_a_wrong_command_line_ends_with_2(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and "usage: python -m fkd" in capsys.readouterr().err


def test_as_a_program_of_its_own():
    command = [sys.executable, "-m", "fkd", "predict", str(PORTRAIT_PATH), "--json", "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)["faces"]) == 1 and done.stderr == ""
