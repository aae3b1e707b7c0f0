"""Fine-tuning: what people corrected gets better, what they did not judge stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fkd import CorrectionsError, DataError, KeypointPredictor, WeightsError, hub
from fkd.model import load_net
from tests.corrected_faces import save_correction
from tests.nets import TINY, dotted_faces, tiny_net
from tests.pictures import astronaut, portrait, resized
from training.config import FinetuneConfig
from training.finetune import finetune, some

LEARN = FinetuneConfig(steps=16, batch_size=8, lr=1e-3, device="cpu")
QUICK = FinetuneConfig(steps=2, batch_size=4, device="cpu")


def varied_portraits() -> list[np.ndarray]:
    """Two people, four pictures each."""
    pictures = []
    for image in (portrait(), astronaut()):
        pictures += [image, resized(image, 400), image // 3 + 60, np.ascontiguousarray(image[:, ::-1])]
    return pictures


def corrected_portraits(folder: Path, predictor: KeypointPredictor, shift: float) -> Path:
    """Corrections that say that every point belongs lower, by a share of the distance between the eyes."""
    for image, faces in zip(pictures := varied_portraits(), predictor(pictures), strict=True):
        points = faces[0].points
        down = np.array([0, shift * np.linalg.norm(points[45] - points[36])])
        save_correction(folder, image, points, points + down)
    return folder


def keypoints_folder(folder: Path, n: int) -> Path:
    """N drawn faces as a keypoints folder, of kaggle15."""
    (folder / "images").mkdir(parents=True)
    lines = [",".join(["", *map(str, range(30))])]
    for i, face in enumerate(dotted_faces(n)):
        Image.fromarray(face.image).save(folder / "images" / f"{i}.png")
        lines.append(",".join([f"{i}.png", *map(str, face.points_xy.ravel())]))
    (folder / "keypoints.csv").write_text("\n".join(lines) + "\n")
    return folder


def corrected_drawings(folder: Path, n: int = 6, states: tuple[str, ...] | None = None) -> Path:
    for face in dotted_faces(n):
        predicted = face.points_xy if states else face.points_xy + 2
        save_correction(folder, face.image, predicted, face.points_xy, scheme="kaggle15", states=states)
    return folder


@pytest.fixture
def tiny(tmp_path) -> Path:
    tiny_net().save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def test_held_out_faces_get_better_by_corrections_alone(predictor, tmp_path):
    before = {path.name: path.read_bytes() for path in hub.weights_folder("ibug68").iterdir()}
    corrections = corrected_portraits(tmp_path / "annotations", predictor, shift=0.08)
    said = []
    (result,) = finetune("ibug68", corrections, [], tmp_path / "new", LEARN, said.append)
    assert result.what == "held-out corrections" and result.n == 1
    assert result.after < 0.6 * result.before
    assert str(result).startswith("held-out corrections (1 faces): NME ") and "8 corrected faces" in said[0]

    tuned = KeypointPredictor.from_pretrained(tmp_path / "new", device="cpu")
    (face,), (old,) = tuned(portrait()), predictor(portrait())
    eyes_px = np.linalg.norm(old.points[45] - old.points[36])
    assert 0.04 < (face.points - old.points)[:, 1].mean() / eyes_px < 0.12
    assert {path.name: path.read_bytes() for path in hub.weights_folder("ibug68").iterdir()} == before


def test_one_corrected_face_does_not_wreck_the_others(predictor, tmp_path):
    (face,) = predictor(portrait())
    corrected, states = face.points.copy(), ["untouched"] * 68
    for index in range(48, 68):  # the mouth, and nothing else
        corrected[index] += [3, 4]
        states[index] = "moved"
    save_correction(tmp_path / "one", portrait(), face.points, corrected, states=tuple(states))
    assert finetune("ibug68", tmp_path / "one", [], tmp_path / "new", LEARN) == []
    tuned = KeypointPredictor.from_pretrained(tmp_path / "new", device="cpu")
    (learnt,), (other,), (old,) = tuned(portrait()), tuned(astronaut()), predictor(astronaut())
    mouth = slice(48, 68)
    old_error = np.linalg.norm(face.points - corrected, axis=1)[mouth].mean()
    assert np.linalg.norm(learnt.points - corrected, axis=1)[mouth].mean() < 0.7 * old_error
    eyes_px = np.linalg.norm(old.points[45] - old.points[36])
    drift = np.linalg.norm(other.points - old.points, axis=1) / eyes_px
    assert drift[:48].mean() < 0.03 and drift.mean() < 0.05


def test_base_data_is_replayed_and_measured(tiny, tmp_path):
    base = keypoints_folder(tmp_path / "base", 40)
    results = finetune(tiny, corrected_drawings(tmp_path / "fixed"), [base], tmp_path / "new", QUICK)
    assert [result.what for result in results] == ["held-out corrections", "held-out base data"]
    assert all(np.isfinite([result.before, result.after]).all() for result in results)


def test_corrections_are_in_every_batch_however_much_is_replayed(tiny, tmp_path):
    base = keypoints_folder(tmp_path / "base", 8)
    config = replace(QUICK, replay=1.0)
    finetune(tiny, corrected_drawings(tmp_path / "fixed"), [base], tmp_path / "new", config)
    assert load_net(tmp_path / "new").config.trained_on == ("5 corrected faces",)


def test_the_new_weights_say_where_they_come_from(tiny, tmp_path):
    results = finetune(tiny, corrected_drawings(tmp_path / "fixed"), [], tmp_path / "new", QUICK)
    config = load_net(tmp_path / "new").config
    assert config.parent == "tiny-1" and config.version.startswith("kaggle15-") and config.version != "tiny-1"
    assert config.trained_on == ("5 corrected faces",)
    assert config.metrics == {"held-out_corrections_NME": round(results[0].after, 5)}
    assert (config.scheme, config.widths) == ("kaggle15", TINY["widths"])


def test_the_same_seed_gives_the_same_weights(tiny, tmp_path):
    corrections = corrected_drawings(tmp_path / "fixed")
    for name in ("first", "again"):
        finetune(tiny, corrections, [], tmp_path / name, QUICK)
    first, again = (load_net(tmp_path / name).state_dict() for name in ("first", "again"))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], value) for key, value in load_net(tiny).state_dict().items())


def test_the_norms_keep_their_statistics(tiny, tmp_path):
    finetune(tiny, corrected_drawings(tmp_path / "fixed"), [], tmp_path / "new", QUICK)
    old, new = load_net(tiny).state_dict(), load_net(tmp_path / "new").state_dict()
    assert all(torch.equal(old[key], new[key]) for key in old if "running" in key)


def test_faces_that_nobody_judged_teach_nothing(tiny, tmp_path):
    with pytest.raises(CorrectionsError, match="has a point to learn from"):
        finetune(tiny, corrected_drawings(tmp_path / "fixed", states=("untouched",) * 15), [], tmp_path / "new", QUICK)
    assert not (tmp_path / "new").exists()


def test_held_out_faces_are_measured_even_where_nobody_judged_the_eye_corners(tiny, tmp_path):
    states = tuple("occluded" if i in (3, 5) else "confirmed" for i in range(15))
    (result,) = finetune(tiny, corrected_drawings(tmp_path / "fixed", states=states), [], tmp_path / "new", QUICK)
    assert result.n == 1 and result.before > 0


def test_the_old_weights_are_never_the_place_for_the_new_ones(tiny, tmp_path):
    with pytest.raises(WeightsError, match="folder of their own"):
        finetune(tiny, corrected_drawings(tmp_path / "fixed"), [], tiny, QUICK)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be made"):
        finetune(tiny, corrected_drawings(tmp_path / "fixed"), [], tmp_path / "file", QUICK)


def test_what_cannot_be_used_leaves_the_folder_alone(tiny, tmp_path):
    with pytest.raises(CorrectionsError, match="no corrections.csv"):
        finetune(tiny, tmp_path / "nowhere", [], tmp_path / "new", QUICK)
    with pytest.raises(WeightsError, match="no weights"):
        finetune("nothing", corrected_drawings(tmp_path / "fixed"), [], tmp_path / "new", QUICK)
    assert not (tmp_path / "new").exists()


def test_a_choice_of_faces_keeps_their_order_and_the_seed():
    faces = dotted_faces(9)
    chosen = some(faces, 4, seed=0)
    assert len(chosen) == 4 and [face.group for face in chosen] == sorted(face.group for face in chosen)
    assert [f.group for f in some(faces, 4, seed=0)] == [f.group for f in chosen] and some(faces, 9, 0) is faces
