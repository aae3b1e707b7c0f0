"""Old and new weights on the same faces, face by face, and the picture of those that changed most."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from fkd.schemes import load_scheme
from fkd.versions import HELD_OUT
from tests.nets import dotted_faces, tiny_net
from training.before_after import Compared, compare, faces_id
from training.changed_most import MOST_FACES, draw_changed_most
from training.check import unit_errors
from training.dataset import make_face_set

SCHEME = load_scheme("kaggle15")
INPUT_PX = 64


def shifted_net(by: float):
    """The tiny network with every point pushed to one side of its heatmap, more so the larger `by` is."""
    net = tiny_net()
    with torch.no_grad():
        net.heat.weight += by * torch.randn(net.heat.weight.shape, generator=torch.Generator().manual_seed(1))
    return net


@pytest.fixture(scope="module")
def compared() -> Compared:
    faces = dotted_faces(16)
    chips = make_face_set(faces, SCHEME, INPUT_PX)
    return compare(HELD_OUT, faces, chips, tiny_net(), shifted_net(0.5), SCHEME)


def test_the_errors_are_those_of_every_other_measure(compared):
    assert compared.before.mean() == pytest.approx(unit_errors(tiny_net(), compared.chips, SCHEME, INPUT_PX)["nme_iod"])
    after = unit_errors(shifted_net(0.5), compared.chips, SCHEME, INPUT_PX)["nme_iod"]
    measured = compared.measured()
    assert measured.after == pytest.approx(after) and measured.before == pytest.approx(compared.before.mean())
    assert measured.n == 16 and measured.what == HELD_OUT
    assert measured.low < measured.after - measured.before < measured.high


def test_the_same_weights_have_no_difference_and_one_group_no_interval():
    faces = [replace(face, group="one photo") for face in dotted_faces(3)]
    chips = make_face_set(faces, SCHEME, INPUT_PX)
    measured = compare(HELD_OUT, faces, chips, tiny_net(), tiny_net(), SCHEME).measured()
    assert measured.before == measured.after and measured.low is None and measured.high is None


def test_faces_without_a_known_eye_distance_are_left_out():
    known, unknown = dotted_faces(2)
    points = unknown.points_xy.copy()
    points[list(SCHEME.outer_eye_corners)] = math.nan
    unknown = replace(unknown, points_xy=points)
    both = make_face_set([known, unknown], SCHEME, INPUT_PX)
    assert compare(HELD_OUT, [known, unknown], both, tiny_net(), tiny_net(), SCHEME).names == (known.group,)
    alone = make_face_set([unknown], SCHEME, INPUT_PX)
    assert compare(HELD_OUT, [unknown], alone, tiny_net(), tiny_net(), SCHEME) is None


def test_the_id_of_a_test_changes_with_its_faces_and_labels_only():
    faces = dotted_faces(3)
    same = [replace(face, points_xy=face.points_xy + 1e-4) for face in faces]
    assert faces_id(faces) == faces_id(same) and len(faces_id(faces)) == 12
    moved = [*faces[:2], replace(faces[2], points_xy=faces[2].points_xy + 1)]
    assert len({faces_id(some) for some in (faces, faces[:2], faces[::-1], moved)}) == 4


def test_the_faces_that_changed_most_are_drawn_first(compared, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "training.changed_most.face_tile", lambda chip, *_: drawn.append(chip) or Image.new("RGB", (9, 9))
    )
    draw_changed_most([compared], SCHEME, tmp_path / "changed.png")
    assert len(drawn) == 3 * MOST_FACES and len(compared.names) > MOST_FACES
    order = np.argsort(-np.abs(compared.after - compared.before))[:MOST_FACES]
    for place, i in enumerate(order):
        assert torch.equal(drawn[3 * place], compared.chips.chips[torch.tensor([i])][0])


def test_points_are_drawn_where_they_are(compared, tmp_path):
    draw_changed_most([compared], SCHEME, tmp_path / "changed.png")
    with Image.open(tmp_path / "changed.png") as picture:
        sheet = np.asarray(picture.convert("RGB")).astype(int)
    blue = (sheet[..., 2] - sheet[..., 0] > 60).sum()  # points and lines of the drawings; the faces are grey
    assert blue > 1000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["changed.png"]
