"""The fine-tuning itself: what is corrected is learnt, and everything else stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from fkd.crop_net import CropNet
from fkd.formats import LabelledFace
from fkd.geometry import crop_from_points
from fkd.schemes import load_scheme
from tests.nets import dotted_faces, tiny_net
from training.augment import augment, plain_view
from training.check import unit_errors
from training.config import FinetuneConfig
from training.dataset import FaceSet, make_face_set
from training.losses import keypoint_loss
from training.reshape import reshaped
from training.tune import fit_corrections

SCHEME = load_scheme("kaggle15")
INPUT_PX = 64
CONFIG = FinetuneConfig(steps=60, batch_size=8, device="cpu")
# Eye centres and corners, brows, nose, mouth, as the scheme orders them, in a face 96 px wide.
FACE = np.array([(66, 36), (30, 36), (59, 37), (73, 37), (37, 37), (23, 37), (56, 29), (80, 30), (40, 29), (16, 30),
                 (48, 57), (64, 75), (33, 75), (48, 73), (48, 83)], dtype=float)  # fmt: skip


def drawn(n: int, seed: int) -> list[LabelledFace]:
    """N faces of white squares on black noise, each a little different."""
    random, faces = np.random.default_rng(seed), []
    for i in range(n):
        points = (FACE - 48) * random.uniform(0.85, 1.15, 2) + 56 + random.normal(0, 3, 2)
        points += random.normal(0, 1.5, FACE.shape)
        faces.append(LabelledFace(squares(points, random), points, group=f"drawn-{seed}/{i}"))
    return faces


def odd_face() -> LabelledFace:
    """A face of a kind that nothing was trained on: black on white, wide and low."""
    points = (FACE - 48) * [1.25, 0.75] + 56
    return LabelledFace(255 - squares(points, np.random.default_rng(9)), points, group="odd")


def squares(points: np.ndarray, random: np.random.Generator) -> np.ndarray:
    image = random.integers(0, 60, (112, 112, 3), dtype=np.uint8)
    for x, y in points.round().astype(int):
        image[y - 2 : y + 3, x - 2 : x + 3] = 255
    return image


def chips(faces: list[LabelledFace]) -> FaceSet:
    return make_face_set(faces, SCHEME, INPUT_PX)


def nme(net: CropNet, faces: FaceSet) -> float:
    return unit_errors(net, faces, SCHEME, INPUT_PX)["nme_iod"]


@pytest.fixture(scope="module")
def trained() -> CropNet:
    """A tiny network that has learnt what drawn faces look like."""
    faces, generator = chips(drawn(48, seed=1)), torch.Generator().manual_seed(0)
    net = tiny_net().train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-2)
    for _ in range(100):
        chosen = torch.randint(0, len(faces), (16,), generator=generator)
        crops, labels = plain_view(faces.chips[chosen], faces.points[chosen], INPUT_PX)
        optimiser.zero_grad()
        keypoint_loss(net(crops), labels, heat_weight=0.1).backward()
        optimiser.step()
    return net.eval()


@pytest.fixture(scope="module")
def others() -> FaceSet:
    return chips(drawn(16, seed=2))


@pytest.fixture(scope="module")
def odd() -> FaceSet:
    return chips([odd_face()])


def test_one_corrected_face_alone_is_learnt_and_does_not_wreck_the_model(trained, others, odd):
    new = fit_corrections(trained, odd, None, CONFIG)
    assert nme(new, odd) < 0.9 * nme(trained, odd)
    assert nme(new, others) < 1.25 * nme(trained, others)


def test_photos_without_labels_hold_what_the_old_network_knows(trained, others, odd):
    seen = [
        replace(
            face,
            points_xy=np.full_like(face.points_xy, np.nan),
            crop=crop_from_points(face.points_xy, SCHEME.crop_from_points),
        )
        for face in drawn(20, seed=3)
    ]
    new = fit_corrections(trained, odd, chips(seen), replace(CONFIG, batch_size=16))
    assert nme(new, odd) < 0.9 * nme(trained, odd)
    assert nme(new, others) < 1.1 * nme(trained, others)


def test_on_cpus_made_for_bfloat16_the_same_is_learnt_with_it(trained, others, odd, monkeypatch):
    """Emulated where the CPU is not: what comes out is float32 and as good, and not the same to the last bit."""
    tuned = {}
    for narrow in (False, True):
        monkeypatch.setattr("training.tune.multiplies_bfloat16", lambda device, narrow=narrow: narrow)
        tuned[narrow] = fit_corrections(trained, odd, others, CONFIG)
    assert all(p.dtype == torch.float32 for p in tuned[True].parameters())
    assert not torch.equal(tuned[True].heat.weight, tuned[False].heat.weight)
    for faces in (odd, others):
        assert nme(tuned[True], faces) == pytest.approx(nme(tuned[False], faces), rel=0.1)


def test_without_either_it_would_be_wrecked(trained, others, odd):
    """What the two tests above stand against: all of the way to the tuned weights, the same face costs far more."""
    new = fit_corrections(trained, odd, None, replace(CONFIG, alone=2.0))  # twice a half of the way
    assert nme(new, others) > 2.0 * nme(trained, others)


def test_the_more_faces_were_corrected_the_more_of_the_way_is_gone(trained, odd):
    several = chips([odd_face()] * 4)
    heads = {}
    for faces in (odd, several):
        whole, part = (
            fit_corrections(trained, faces, None, replace(CONFIG, steps=2, alone=alone)).heat.weight.detach()
            for alone in ((len(faces) + 1) / len(faces), 0.4)
        )
        old = trained.heat.weight.detach()
        heads[len(faces)] = float((part - old).norm() / (whole - old).norm())
    assert heads == pytest.approx({1: 0.2, 4: 0.32}, rel=1e-3)


def test_a_single_step_counts(trained, odd):
    new = fit_corrections(trained, odd, None, replace(CONFIG, steps=1))
    pairs = zip(new.parameters(), trained.parameters(), strict=True)
    assert any(not torch.equal(mine, old) for mine, old in pairs)


def test_the_old_network_stays_as_it_is_and_the_norms_keep_their_statistics(odd):
    old = tiny_net()
    before = {name: value.clone() for name, value in old.state_dict().items()}
    new = fit_corrections(old, odd, None, replace(CONFIG, steps=2)).state_dict()
    assert all(torch.equal(value, before[name]) for name, value in old.state_dict().items())
    assert all(torch.equal(new[name], before[name]) for name in before if "running" in name)
    assert any(not torch.equal(new[name], before[name]) for name in before)


def test_a_corrected_face_is_in_every_batch_however_much_is_replayed(others, odd, monkeypatch):
    drawn_from = []

    def spy(faces, n, *_):
        drawn_from.append((faces, n))
        return faces.chips[torch.zeros(n, dtype=torch.long)], faces.points[torch.zeros(n, dtype=torch.long)]

    monkeypatch.setattr("training.tune.random_view", spy)
    fit_corrections(tiny_net(), odd, others, replace(CONFIG, steps=1, replay=1.0))
    assert [(faces is odd, n) for faces, n in drawn_from] == [(True, 1), (False, 7)]


def test_some_faces_are_shown_as_they_are_and_corrected_ones_in_each_others_shapes(others, monkeypatch):
    views, shapes = [], []

    def spy(chips, points, scheme, size_px, generator, changes="all"):
        views.append((len(chips), changes))
        return augment(chips, points, scheme, size_px, generator, changes)

    def shape_spy(chips, points, among, generator):
        shapes.append((len(chips), len(among)))
        return reshaped(chips, points, among, generator)

    monkeypatch.setattr("training.tune.augment", spy)
    monkeypatch.setattr("training.tune.reshaped", shape_spy)
    corrected = chips([odd_face()] * 3)
    config = replace(CONFIG, steps=1, batch_size=10, replay=0.6, plain=0.5, reshaped=0.5)
    fit_corrections(tiny_net(), corrected, others, config)
    assert views == [(2, "all"), (2, "flip"), (3, "all"), (3, "flip")] and shapes == [(2, 3)]


def test_points_that_nobody_judged_stay_where_the_old_network_was_sure_of_them(trained):
    face = odd_face()
    labels = face.points_xy.copy()
    labels[:10] = np.nan
    labels[10:] += 6  # nose and mouth moved, the rest not judged
    corrected = chips([replace(face, points_xy=labels, crop=crop_from_points(face.points_xy, SCHEME.crop_from_points))])
    crops, _ = plain_view(corrected.chips[:], corrected.points, INPUT_PX)
    shift = {}
    for weight in (0.0, 30.0):
        new = fit_corrections(trained, corrected, None, replace(CONFIG, steps=30, anchor_weight=weight))
        with torch.no_grad():
            shift[weight] = (new(crops).points - trained(crops).points).norm(dim=-1)[0, :10].mean()
    assert shift[30.0] < 0.7 * shift[0.0]


def test_the_result_lies_where_the_weights_of_all_later_steps_have_their_mean(monkeypatch, odd, others):
    """Of eight steps the last six count: the whole way to the mean, and a quarter of the way beyond."""
    weights, step = [], torch.optim.AdamW.step

    def spy(optimiser, *args, **options):
        step(optimiser, *args, **options)
        weights.append([p.detach().clone() for p in optimiser.param_groups[0]["params"]])

    monkeypatch.setattr(torch.optim.AdamW, "step", spy)
    old = tiny_net()
    for share in (1.0, 1.25):
        weights.clear()
        new = fit_corrections(old, odd, others, replace(CONFIG, steps=8, share=share))
        for mine, first, *later in zip(new.parameters(), old.parameters(), *weights, strict=True):
            mean = torch.stack(later[2:]).mean(dim=0)
            torch.testing.assert_close(mine.detach(), first + share * (mean - first), rtol=1e-4, atol=1e-6)


def test_the_steps_are_told_and_whoever_is_told_may_stop_them(odd):
    steps = []

    def stop_at_two(step: int, of: int, loss: float) -> None:
        steps.append((step, of, np.isfinite(loss)))
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_corrections(tiny_net(), odd, None, CONFIG, stop_at_two)
    assert steps == [(1, 60, True), (2, 60, True)]


def test_a_picture_says_how_a_face_is_drawn():
    assert odd_face().image.mean() > 190 > 60 > dotted_faces(1)[0].image.mean()
