"""The field's classics: they are what the tutorial says, learn, and are saved, loaded and used as the flagship is."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from fkd import KeypointNet, KeypointPredictor, WeightsError, load_scheme
from fkd.baselines import FullyConnectedNet, PlainCNN
from fkd.crop_net import CropNet
from fkd.model import load_net, make_net, mirror_averaged
from fkd.model_config import ARCHITECTURES, ModelConfig
from tests.nets import dotted_faces, tiny_config
from tests.pictures import portrait
from training.augment import plain_view
from training.dataset import make_face_set
from training.losses import keypoint_loss

BASELINES = ARCHITECTURES[1:]


def baseline(architecture: str, **changes) -> CropNet:
    return make_net(tiny_config(**({"architecture": architecture, "input_px": 32} | changes))).eval()


def some_crops(n: int = 3, side_px: int = 32) -> torch.Tensor:
    return torch.rand((n, 3, side_px, side_px), generator=torch.Generator().manual_seed(1)) * 255


@pytest.mark.parametrize("architecture", BASELINES)
@pytest.mark.parametrize(("scheme", "n_points"), [("ibug68", 68), ("kaggle15", 15)])
def test_a_prediction_has_a_place_and_a_spread_for_every_point_but_no_heatmap(architecture, scheme, n_points):
    with torch.no_grad():
        points, scale, log_heat = baseline(architecture, scheme=scheme)(some_crops(2))
    assert points.shape == (2, n_points, 2) and scale.shape == (2, n_points) and log_heat is None
    torch.testing.assert_close(scale, torch.full_like(scale, np.exp(-4.5)))
    assert not torch.equal(points[0], points[1])


def test_the_shapes_are_those_of_the_tutorial():
    config = {"scheme": "kaggle15", "input_px": 96}
    dense = make_net(ModelConfig(architecture="fully-connected", **config))
    assert isinstance(dense, FullyConnectedNet)
    assert sum(p.numel() for p in dense.parameters()) == 9216 * 100 + 100 + 100 * 30 + 30 + 15
    cnn = make_net(ModelConfig(architecture="plain-cnn", **config))
    assert isinstance(cnn, PlainCNN)
    shapes = [tuple(p.shape) for p in cnn.parameters() if p.dim() > 1]
    assert shapes == [(32, 1, 3, 3), (64, 32, 2, 2), (128, 64, 2, 2), (500, 128 * 11 * 11), (500, 500), (30, 500)]


@pytest.mark.parametrize("architecture", BASELINES)
def test_they_see_grey_only(architecture):
    crops = some_crops()
    luma = (crops * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    net = baseline(architecture, scheme="ibug68")
    with torch.no_grad():
        torch.testing.assert_close(net(crops).points, net(luma).points, rtol=0, atol=1e-5)


@pytest.mark.parametrize("architecture", BASELINES)
def test_they_are_saved_and_loaded_as_what_they_are(tmp_path, architecture):
    net = baseline(architecture)
    net.save_pretrained(tmp_path / "mine")
    with torch.no_grad():
        expected = mirror_averaged(net, some_crops())
        for loaded in (load_net(tmp_path / "mine"), type(net).from_pretrained(tmp_path / "mine")):
            assert type(loaded) is type(net) and loaded.config == net.config and not loaded.training
            got = mirror_averaged(loaded, some_crops())
            torch.testing.assert_close(got[0], expected[0], rtol=0, atol=1e-3)  # float16 on the disk


@pytest.mark.parametrize("architecture", BASELINES)
def test_the_predictor_uses_them(tmp_path, architecture):
    baseline(architecture).save_pretrained(tmp_path / "mine")
    face = KeypointPredictor.from_pretrained(tmp_path / "mine", device="cpu").in_box(portrait(), (158, 118, 368, 328))
    assert face.points.shape == (15, 2) and np.isfinite(face.points).all()
    assert (face.confidence > 0).all() and (face.confidence < 1).all()


def test_weights_of_another_architecture_are_not_taken_for_ones_own(tmp_path):
    baseline("plain-cnn").save_pretrained(tmp_path / "cnn")
    with pytest.raises(WeightsError, match="architecture is plain-cnn, this class is flagship"):
        KeypointNet.from_pretrained(tmp_path / "cnn")


@pytest.mark.parametrize("name", ["resnet", ["flagship"], None])
def test_an_architecture_that_does_not_exist_is_refused(tmp_path, name):
    baseline("plain-cnn").save_pretrained(tmp_path / "cnn")
    path = tmp_path / "cnn" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"architecture": name}))
    with pytest.raises(WeightsError, match="architecture must be one of flagship, fully-connected, plain-cnn"):
        load_net(tmp_path / "cnn")


def test_weights_from_before_there_were_baselines_are_the_flagships(tmp_path):
    make_net(tiny_config()).save_pretrained(tmp_path / "old")
    path = tmp_path / "old" / "config.json"
    config = json.loads(path.read_text())
    del config["architecture"]
    path.write_text(json.dumps(config))
    assert isinstance(load_net(tmp_path / "old"), KeypointNet)


@pytest.mark.parametrize("architecture", BASELINES)
def test_they_learn_by_the_flagships_loss(architecture):
    faces = make_face_set(dotted_faces(4), load_scheme("kaggle15"), 32)
    crops, labels = plain_view(faces.chips[:4], faces.points, 32)
    net = baseline(architecture).train()
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
    distances = []
    for _ in range(100):
        prediction = net(crops)
        distances.append((prediction.points - labels).norm(dim=-1).mean().item())
        optimiser.zero_grad()
        keypoint_loss(prediction, labels, heat_weight=0.1).backward()
        optimiser.step()
    assert distances[-1] < 0.6 * distances[0]
    assert prediction.scale.mean() > np.exp(-4.5)  # still far off, and it says so
