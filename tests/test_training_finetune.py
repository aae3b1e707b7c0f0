"""A fine-tune from corrections to a registered version."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import SafetensorError

from fkd import CancelledError, CorrectionsError, DataError, KeypointPredictor, RegistryError, WeightsError, hub
from fkd.correction_store import CorrectionStore
from fkd.formats import LabelledFace
from fkd.model import load_net
from fkd.registry import Registry
from fkd.versions import FROZEN, HELD_OUT, LEARNT, UNLABELLED, Version
from tests.corrected_faces import save_correction
from tests.drawn_data import corrected_drawings, keypoints_folder
from tests.nets import TINY, tiny_net
from tests.pictures import astronaut, portrait, resized
from training.config import FinetuneConfig
from training.finetune import FinetuneJob, finetune
from training.gate import Verdict
from training.run_progress import ask_to_cancel, is_running, read_progress

LEARN = FinetuneConfig(steps=20, batch_size=8, lr=4e-3, device="cpu")
QUICK = FinetuneConfig(steps=2, batch_size=4, device="cpu")


@pytest.fixture
def job(tmp_path) -> FinetuneJob:
    """Six corrected drawings and a tiny network."""
    tiny_net().save_pretrained(tmp_path / "tiny")
    return FinetuneJob(
        tmp_path / "tiny", corrected_drawings(tmp_path / "fixed"), tmp_path / "runs", tmp_path / "new", who="ada"
    )


def weights_of(version: Version, job: FinetuneJob) -> Path:
    return Registry(job.runs).weights_of(version)


def test_held_out_faces_get_better_by_corrections_alone(predictor, tmp_path):
    """Two people, four pictures each; every point belongs lower, by a share of the distance between the eyes."""
    shipped = {path.name: path.read_bytes() for path in hub.weights_folder("ibug68").iterdir()}
    pictures = []
    for image in (portrait(), astronaut()):
        pictures += [image, resized(image, 400), image // 3 + 60, np.ascontiguousarray(image[:, ::-1])]
    for image, faces in zip(pictures, predictor(pictures), strict=True):
        points = faces[0].points
        down = np.array([0, 0.08 * np.linalg.norm(points[45] - points[36])])
        save_correction(tmp_path / "annotations", image, points, points + down)
    job = FinetuneJob("ibug68", tmp_path / "annotations", tmp_path / "runs")
    version = finetune(job, LEARN)
    held_out, learnt = version.on(HELD_OUT), version.on(LEARNT)
    assert held_out.n == 1 and learnt.n == 7 and version.on(FROZEN) is None
    assert held_out.after < 0.8 * held_out.before and version.decision == "undecided"

    tuned = KeypointPredictor.from_pretrained(weights_of(version, job), device="cpu")
    (face,), (old,) = tuned(portrait()), predictor(portrait())
    eyes_px = np.linalg.norm(old.points[45] - old.points[36])
    assert 0.02 < (face.points - old.points)[:, 1].mean() / eyes_px < 0.12
    assert {path.name: path.read_bytes() for path in hub.weights_folder("ibug68").iterdir()} == shipped


def test_one_corrected_face_does_not_wreck_the_others(predictor, tmp_path):
    (face,) = predictor(portrait())
    corrected, states = face.points.copy(), ["untouched"] * 68
    for index in range(48, 68):  # the mouth, and nothing else
        corrected[index] += [3, 4]
        states[index] = "moved"
    save_correction(tmp_path / "one", portrait(), face.points, corrected, states=tuple(states))
    job = FinetuneJob("ibug68", tmp_path / "one", tmp_path / "runs")
    tuned = KeypointPredictor.from_pretrained(weights_of(finetune(job, LEARN), job), device="cpu")
    (learnt,), (other,), (old,) = tuned(portrait()), tuned(astronaut()), predictor(astronaut())
    mouth = slice(48, 68)
    old_error = np.linalg.norm(face.points - corrected, axis=1)[mouth].mean()
    assert np.linalg.norm(learnt.points - corrected, axis=1)[mouth].mean() < 0.95 * old_error
    eyes_px = np.linalg.norm(old.points[45] - old.points[36])
    drift = np.linalg.norm(other.points - old.points, axis=1) / eyes_px
    assert drift[:48].mean() < 0.015 and drift.mean() < 0.02


def test_a_version_says_where_it_comes_from_and_what_it_learnt_from(job):
    version = finetune(job, QUICK)
    config = load_net(job.out).config
    assert config.parent == version.parent == "tiny-1" and config.version == version.version
    assert version.version.startswith("kaggle15-") and version.version.endswith("-new")
    assert config.trained_on == ("5 corrected faces",) and (config.scheme, config.widths) == (
        "kaggle15",
        TINY["widths"],
    )
    assert config.metrics == {"held-out_corrections_NME": round(version.on(HELD_OUT).after, 5)}
    rows = [row.id for row in CorrectionStore(job.corrections).read()]
    assert len(version.corrections) == 5 and set(version.corrections) == set(rows) - {rows[4]}
    assert version.who == "ada" and Registry(job.runs).versions() == {version.version: version}
    assert Registry(job.runs).problem_with(version) == ""


def test_a_run_ends_in_a_report_and_a_picture(job, tmp_path):
    base = keypoints_folder(tmp_path / "base", 45)
    said = []
    version = finetune(replace(job, base=(base,)), QUICK, say=said.append)
    assert [one.what for one in version.measured] == [FROZEN, HELD_OUT, LEARNT]
    report = json.loads((job.out / "before_after.json").read_text())
    assert report["version"] == version.version and report["gate"]["decision"] == version.decision
    for one, row in zip(version.measured, report["measured"], strict=True):
        assert len(row["faces"]) == one.n
        assert np.mean([face["after"] for face in row["faces"]]) == pytest.approx(one.after, abs=1e-5)
    with Image.open(job.out / "changed_most.png") as picture:
        assert picture.format == "PNG"
    assert "40 base faces are replayed; 5 are the frozen test." in said[-5]
    assert said[-4].startswith("frozen test (5 faces): NME ") and "95 % interval of the difference" in said[-4]
    assert said[-1].startswith("The gate ") and read_progress(job.out)[-1]["stage"] == "done"


def test_the_error_is_told_while_it_learns_and_ends_where_the_measure_does(job):
    version = finetune(job, replace(QUICK, steps=20))
    looks = [row for row in read_progress(job.out) if row["stage"] == "look"]
    held_out = version.on(HELD_OUT)
    assert [row["at"] for row in looks] == list(range(0, 21, 2)) and {row["what"] for row in looks} == {HELD_OUT}
    assert looks[0]["error"] == pytest.approx(held_out.before, abs=1e-5)
    assert looks[-1]["error"] == pytest.approx(held_out.after, abs=1e-5)


def test_without_a_frozen_test_some_of_the_photos_without_labels_stand_in_for_it(job, tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    found = [
        LabelledFace(image, np.full((15, 2), np.nan), f"unlabelled/{image.name}", source="unlabelled",
                     box_xyxy=np.array([8, 8, 72, 72]), eye_distance_px=40)
        for image in sorted((keypoints_folder(tmp_path / "others", 7) / "images").iterdir())
    ]  # fmt: skip
    asked = []
    monkeypatch.setattr(
        "training.finetune.unlabelled_faces", lambda *_, corrected: asked.append(corrected) or list(found)
    )
    said = []
    unlabelled = replace(job, out=None, unlabelled=tmp_path / "photos")
    version = finetune(unlabelled, QUICK, say=said.append)
    moved = version.on(UNLABELLED)
    assert (moved.n, moved.before) == (1, 0.0) and moved.after > 0 and version.decision == "undecided"
    assert any(line.startswith("faces without labels (1 face): the points moved by") for line in said)
    assert asked == [{path.name for path in (job.corrections / "images").iterdir()}]
    assert not any(UNLABELLED.replace(" ", "_") in name for name in load_net(weights_of(version, job)).config.metrics)
    tested = finetune(replace(unlabelled, frozen=(keypoints_folder(tmp_path / "base", 4),)), QUICK)
    assert tested.on(UNLABELLED) is None and tested.on(FROZEN).n == 4


def test_the_frozen_test_is_the_same_for_every_version(job, tmp_path):
    base = keypoints_folder(tmp_path / "base", 40)
    ids = set()
    for seed in (0, 1):
        version = finetune(replace(job, out=None, base=(base,)), replace(QUICK, seed=seed))
        ids.add(version.on(FROZEN).faces_id)
    named = finetune(replace(job, out=None, frozen=(base,)), QUICK).on(FROZEN)
    assert len(ids) == 1 and named.n == 40 and named.faces_id not in ids
    assert len(Registry(job.runs).versions()) == 3


def test_the_same_seed_gives_the_same_weights(job, tmp_path, monkeypatch):
    (tmp_path / "again").mkdir()
    monkeypatch.chdir(tmp_path / "again")
    first, again = (finetune(replace(job, out=out), QUICK) for out in (tmp_path / "first", Path()))
    assert first.version.endswith("-first") and again.version.endswith("-again")
    assert first.sha256 != again.sha256  # each file says its version
    one, two = (load_net(weights_of(version, job)).state_dict() for version in (first, again))
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize(("decision", "serves"), [("passed", True), ("refused", False), ("undecided", False)])
def test_only_what_passes_the_gate_is_promoted_without_a_person(job, monkeypatch, decision, serves):
    monkeypatch.setattr("training.finetune.decide", lambda measured, config: Verdict(decision, ("So it is.",)))
    for promote in (False, True):
        version = finetune(replace(job, out=None, promote=promote), QUICK)
        serving = Registry(job.runs).serving("kaggle15").version
        assert (serving == version) == (serves and promote)


def test_a_run_that_is_told_to_stop_changes_nothing_and_is_on_record(job):
    def stop(stage: str, step: int, steps: int) -> None:
        if (stage, step) == ("fine-tune", 1):
            ask_to_cancel(job.out)

    with pytest.raises(CancelledError, match="Cancelled at step 1 of 2 .fine-tune."):
        finetune(job, QUICK, watch=stop)
    registry = Registry(job.runs)
    (event,) = registry.history()
    assert (event.event, event.who, event.scheme) == ("cancelled", "ada", "kaggle15") and registry.versions() == {}
    assert sorted(path.name for path in job.out.iterdir()) == ["progress.jsonl"]
    assert read_progress(job.out)[-1]["stage"] == "cancelled"
    assert finetune(job, QUICK).version in registry.versions()  # the same folder may be used again


def test_a_run_tells_its_folder_as_soon_as_it_can_be_stopped(job):
    told = []
    finetune(replace(job, out=None), QUICK, on_run=lambda run: told.append((run, run.is_dir())))
    ((run, there),) = told
    assert there and run.parent == job.runs and read_progress(run)[0] == {"stage": "started", "pid": os.getpid()}


def test_faces_that_nobody_judged_teach_nothing(job, tmp_path):
    untouched = corrected_drawings(tmp_path / "untouched", states=("untouched",) * 15)
    with pytest.raises(CorrectionsError, match="has a point to learn from"):
        finetune(replace(job, corrections=untouched), QUICK)
    assert not job.out.exists()


def test_held_out_faces_are_measured_even_where_nobody_judged_the_eye_corners(job, tmp_path):
    states = tuple("occluded" if i in (3, 5) else "confirmed" for i in range(15))
    version = finetune(replace(job, corrections=corrected_drawings(tmp_path / "some", states=states)), QUICK)
    assert version.on(HELD_OUT).n == 1 and version.on(HELD_OUT).before > 0


def test_weights_are_never_written_over_others(job, tmp_path):
    with pytest.raises(WeightsError, match="folder of their own"):
        finetune(replace(job, out=tmp_path / "tiny"), QUICK)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be made"):
        finetune(replace(job, out=tmp_path / "file"), QUICK)


def test_what_cannot_be_used_leaves_the_folder_alone(job, tmp_path):
    job.runs.mkdir()
    (job.runs / "registry.jsonl").write_text("no JSON\n")
    for changes, error, words in (
        ({"corrections": tmp_path / "nowhere"}, CorrectionsError, "no corrections.csv"),
        ({"weights": "nothing"}, WeightsError, "no weights"),
        ({"base": (tmp_path / "nowhere",)}, DataError, "no data that fkd reads"),
        ({}, RegistryError, "line 1"),
    ):
        with pytest.raises((error, RegistryError), match=f"{words}|line 1"):
            finetune(replace(job, **changes), QUICK)
        assert not job.out.exists()


def test_a_training_that_runs_away_is_stopped_and_no_version(job):
    with pytest.raises(DataError, match="is no number. Try a lower --lr"):
        finetune(job, replace(QUICK, steps=9, lr=1e12))
    assert Registry(job.runs).versions() == {} and read_progress(job.out)[-1]["stage"] == "failed"


@pytest.mark.parametrize("what", ["training.run_folder.write_whole", "training.contact_sheet.write_whole"])
def test_a_full_disk_is_a_sentence_and_the_run_says_that_it_failed(job, monkeypatch, what):
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(what, full)
    with pytest.raises(DataError, match="cannot be written .No space left on device.. Make room"):
        finetune(job, QUICK)
    last = read_progress(job.out)[-1]
    assert last["stage"] == "failed" and "No space left on device" in last["reason"]
    assert Registry(job.runs).versions() == {} and not is_running(job.out)


def test_weights_that_cannot_be_written_even_to_the_temporary_folder_are_a_sentence(job, monkeypatch):
    def full(net, folder) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("fkd.crop_net.CropNet.save_pretrained", full)
    with pytest.raises(DataError, match="No space left on device"):
        finetune(job, QUICK)


def test_a_run_that_fails_on_the_way_says_so_in_its_folder(job, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no photo with a face"):
        finetune(replace(job, unlabelled=tmp_path / "empty"), QUICK)
    last = read_progress(job.out)[-1]
    assert last["stage"] == "failed" and "no photo with a face" in last["reason"]
