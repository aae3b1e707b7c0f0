"""The curve of error against corrections: who is corrected, what a simulated person does, and what is measured."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from fkd.correction_store import CorrectionStore
from fkd.errors import DataError
from fkd.formats import read_faces
from fkd.schemes import load_scheme
from tests.drawn_data import keypoints_folder
from tests.nets import dotted_faces, tiny_net
from training.cli import main
from training.config import FinetuneConfig
from training.curve import CurveJob, CurvePoint, correct, mean_and_spread, measure_curve, parted
from training.settle import PredictedFace

SCHEME = load_scheme("kaggle15")
QUICK = FinetuneConfig(steps=8, batch_size=8, lr=2e-3, device="cpu")


@pytest.fixture
def job(tmp_path) -> CurveJob:
    """A network that knows nothing, so that a few corrections of drawn faces are a gain; the base is another folder."""
    tiny_net().save_pretrained(tmp_path / "weights")
    domain, base = keypoints_folder(tmp_path / "domain", 14), keypoints_folder(tmp_path / "base", 30)
    return CurveJob(
        weights=str(tmp_path / "weights"), domain=domain, base=(base,), counts=(1, 5), tested=6, seeds=2
    )  # fmt: skip


def test_each_seed_starts_from_the_weights_as_they_are_and_learns_from_corrections(job):
    told: list[CurvePoint] = []
    points = measure_curve(job, QUICK, told.append)
    assert points == told
    assert [(point.seed, point.corrections) for point in points] == [(s, n) for s in (0, 1) for n in (0, 1, 5)]
    for seed in (0, 1):
        before, _, after = (point for point in points if point.seed == seed)
        assert after.domain < before.domain and after.frozen is not None
    assert points[0].domain != points[3].domain  # other faces are tested
    assert points[0].frozen == points[3].frozen  # the frozen test is the same for all


def test_the_seed_that_is_given_is_the_first(job):
    one = replace(job, counts=(1,), seeds=1)
    first, third = measure_curve(one, QUICK), measure_curve(one, replace(QUICK, seed=2))
    assert [point.seed for point in third] == [2, 2] and third[0].domain != first[0].domain


def test_without_eye_corners_there_is_no_error_to_follow(job):
    table = job.domain / "keypoints.csv"
    corners = [1 + 2 * SCHEME.names.index(f"{side}_eye_outer_corner") for side in ("left", "right")]
    rows = [line.split(",") for line in table.read_text().splitlines()]
    for row in rows[1:]:
        for corner in corners:
            row[corner : corner + 2] = ["", ""]
    table.write_text("\n".join(",".join(row) for row in rows) + "\n")
    with pytest.raises(DataError, match="No tested face has labels for both outer eye corners"):
        measure_curve(replace(job, counts=(1,), seeds=1), QUICK)


def test_no_person_is_corrected_and_tested(job):
    faces = read_faces(job.domain, SCHEME)
    people = [face.group for face in faces]
    twins = [face for face in faces for _ in range(2)]
    to_correct, tested = parted(twins, 5, 8, seed=3)
    assert len(to_correct) == 8 and len(tested) == 6  # a person's two faces stay together
    assert {face.group for face in to_correct}.isdisjoint({face.group for face in tested})
    assert {face.group for face in tested} <= set(people)
    with pytest.raises(DataError, match="28 faces are too few to correct 20 and test on 10 others"):
        parted(twins, 10, 20, seed=0)


def test_the_simulated_person_moves_what_is_off_and_confirms_the_rest(tmp_path):
    (face,) = dotted_faces(1)
    eyes = face.points_xy[list(SCHEME.outer_eye_corners)]
    eye_distance_px = np.linalg.norm(eyes[0] - eyes[1])
    labelled = face.points_xy.copy()
    seen = labelled.copy()
    seen[3, 0] += 0.03 * eye_distance_px
    seen[4, 1] += 0.01 * eye_distance_px
    labelled[5] = np.nan
    face.points_xy[:] = labelled
    store = CorrectionStore(tmp_path / "annotations")
    correct(store, face, PredictedFace(labelled, seen, np.full(15, 0.5), 0.0), SCHEME, "v1")
    (row,) = store.current()
    assert (row.states[3], row.states[4], row.states[5]) == ("moved", "confirmed", "untouched")
    assert np.allclose(row.corrected_xy[3], labelled[3], atol=0.01)
    assert np.allclose(row.corrected_xy[4], seen[4], atol=0.01)


def test_the_spread_is_over_the_seeds():
    points = [CurvePoint(0, 5, 0.2, None), CurvePoint(1, 5, 0.4, None), CurvePoint(0, 0, 0.6, None)]
    assert mean_and_spread(points, "domain") == [
        (0, 0.6, 0.6, 0.6),
        (5, pytest.approx(0.3), 0.2, 0.4),
    ]
    assert mean_and_spread(points, "frozen") == []


def test_the_command_writes_numbers_and_a_plot(job, tmp_path, capsys, monkeypatch):
    points = [CurvePoint(0, 0, 0.08, 0.04), CurvePoint(0, 5, 0.06, 0.0404)]
    monkeypatch.setattr("training.curve.measure_curve", lambda job, config, tell: [*map(tell, points)] and points)
    out = tmp_path / "curve"
    assert main(["curve", "--domain", str(job.domain), "--counts", "5", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "domain, 5 corrected: NME 6.00% (-25.0%)" in said and "frozen test, 5 corrected: NME 4.04% (+1.0%)" in said
    assert json.loads((out / "curve.json").read_text())["points"][1]["domain"] == 0.06
    assert (out / "curve.png").read_bytes().startswith(b"\x89PNG")
