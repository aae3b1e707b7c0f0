from __future__ import annotations

import torch

from fkd.schemes import load_scheme
from tests.nets import dotted_faces, tiny_net
from training.config import TrainConfig
from training.dataset import make_face_set
from training.lesson import Lesson


def taught(warp_sd: float) -> tuple[torch.Tensor, Lesson]:
    """What the network saw in a lesson, and the lesson."""
    torch.manual_seed(0)
    faces = make_face_set(dotted_faces(8), load_scheme("kaggle15"), 64)
    lesson = Lesson(tiny_net(), ("only",), TrainConfig(augmentation="none", warp_sd=warp_sd))
    seen = []
    lesson.net.register_forward_pre_hook(lambda net, inputs: seen.append(inputs[0].detach()))
    generator = torch.Generator().manual_seed(0)
    lesson(64, 0.1, generator, faces.chips[slice(None)], faces.points, faces.source, faces.pixel).backward()
    return seen[0], lesson


def test_half_of_the_faces_are_warped():
    (plain, _), (warped, _) = taught(0.0), taught(0.02)
    different = (plain - warped).abs().amax(dim=(1, 2, 3)) > 8
    assert different.tolist() == [True] * 4 + [False] * 4


def test_the_origin_of_the_labels_is_learnt_through_a_warp():
    for warp_sd in (0.0, 0.02):
        _, lesson = taught(warp_sd)
        assert lesson.offset.origin_px.grad.abs().sum() > 0
