"""The network as the predictor asks it: faster, and with the same answers."""

from __future__ import annotations

import pytest
import torch
import torch.nn as nn

from fkd import hub
from fkd.fast_net import OnnxNet, fast_net, folded
from fkd.model import CropNet, KeypointNet, load_net, make_net, mirror_averaged
from fkd.predictor import KeypointPredictor
from tests.nets import tiny_config, tiny_net
from tests.pictures import tight_grey_crop

CPU = torch.device("cpu")
SAME_PX = 1e-3  # of the crop


def lived_in(net: CropNet) -> CropNet:
    """Batch norms and heads as a training leaves them: nothing at 0 or 1 any more."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    if isinstance(net, KeypointNet):
        nn.init.normal_(net.heat.weight, std=1.0)
        nn.init.normal_(net.spread.weight, std=0.3)
    return net


def crops_of(net: CropNet, n: int) -> torch.Tensor:
    return torch.rand((n, 3, net.config.input_px, net.config.input_px)) * 255


@torch.inference_mode()
def assert_same_answers(net: CropNet, fast, crops: torch.Tensor) -> None:
    expected, answer = net(crops), fast(crops)
    assert expected.points.std() > 0.005  # the heatmaps say something
    side_px = crops.shape[-1]
    torch.testing.assert_close(answer.points * side_px, expected.points * side_px, atol=SAME_PX, rtol=0)
    torch.testing.assert_close(answer.scale, expected.scale, rtol=1e-3, atol=0)


@pytest.mark.parametrize("scheme", ["kaggle15", "ibug68"])  # grey and in colour
@pytest.mark.parametrize("n", [1, 2, 5])
def test_onnxruntime_gives_the_networks_answers(scheme, n):
    net = lived_in(tiny_net(scheme=scheme))
    assert_same_answers(net, OnnxNet(net), crops_of(net, n))


def test_onnxruntime_takes_crops_of_another_size():
    net = lived_in(tiny_net())
    assert_same_answers(net, OnnxNet(net), torch.rand((2, 3, 96, 96)) * 255)


def test_onnxruntime_takes_crops_that_lie_channels_last_in_memory():
    net = lived_in(tiny_net())
    assert_same_answers(net, OnnxNet(net), crops_of(net, 2).contiguous(memory_format=torch.channels_last))


@pytest.mark.parametrize("architecture", ["flagship", "fully-connected", "plain-cnn"])
def test_folded_networks_give_the_same_answers(architecture):
    net = lived_in(make_net(tiny_config(architecture=architecture)).eval())
    fast = folded(net)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fast.modules())
    assert_same_answers(net, fast, crops_of(net, 2))


def test_the_network_itself_stays_as_it_is():
    net = lived_in(tiny_net())
    before = {name: value.clone() for name, value in net.state_dict().items()}
    fast_net(net, CPU)
    folded(net)
    after = net.state_dict()
    assert list(after) == list(before) and all(torch.equal(after[name], value) for name, value in before.items())
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_half_precision_as_on_cuda_is_off_by_hundredths_of_a_pixel():
    net = load_net(hub.weights_folder("kaggle15"))
    crop = torch.from_numpy(tight_grey_crop()).float().expand(1, 3, -1, -1)  # (1, 3, 96, 96)
    half = folded(net).to(torch.float16)
    with torch.inference_mode():
        expected, answer = net(crop), half(crop)
    assert answer.points.dtype == torch.float32
    assert 1e-5 < (answer.points - expected.points).abs().max() * 96 < 0.05


def test_the_predictor_asks_the_fast_one():
    net = lived_in(tiny_net())
    predictor = KeypointPredictor(net, "cpu")
    assert isinstance(predictor._fast_net, OnnxNet) and predictor.net is net
    crops = crops_of(net, 3)
    with torch.inference_mode():
        expected, scale = mirror_averaged(net, crops)
    points, fast_scale = predictor.predict_crops(crops)
    torch.testing.assert_close(points * 64, expected * 64, atol=SAME_PX, rtol=0)
    torch.testing.assert_close(fast_scale, scale, rtol=1e-3, atol=0)


def test_the_baselines_run_in_pytorch():
    net = make_net(tiny_config(architecture="plain-cnn")).eval()
    points, _ = KeypointPredictor(net, "cpu").predict_crops(crops_of(net, 2))
    assert points.shape == (2, 15, 2)


@pytest.mark.parametrize("wanted", [True, False])
def test_the_config_says_whether_the_mirror_image_is_asked_about_too(wanted):
    net = lived_in(tiny_net(mirror_averaged=wanted))
    crops = crops_of(net, 2)
    with torch.inference_mode():
        once, twice = net(crops).points, mirror_averaged(net, crops)[0]
    assert (once - twice).abs().max() > 1e-3
    points, _ = KeypointPredictor(net, "cpu").predict_crops(crops)
    torch.testing.assert_close(points, twice if wanted else once, atol=1e-4, rtol=0)
