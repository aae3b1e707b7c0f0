"""The network: what it takes and gives, and that only whole weights of its own kind are loaded."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from fkd import KeypointNet, WeightsError
from fkd.model import ModelConfig, load_net, located, sub_pixel_centres
from tests.nets import tiny_config, tiny_net


def some_crops(n: int = 3, side_px: int = 64) -> torch.Tensor:
    return torch.rand((n, 3, side_px, side_px), generator=torch.Generator().manual_seed(1)) * 255


def saved(folder: Path, **changes) -> Path:
    tiny_net(**changes).save_pretrained(folder)
    return folder


def change_config(folder: Path, **changes) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_tensors(folder: Path, change) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


@pytest.mark.parametrize(("scheme", "n_points"), [("ibug68", 68), ("kaggle15", 15)])
@pytest.mark.parametrize("side_px", [64, 96])
def test_a_prediction_has_a_place_and_a_spread_for_every_point(scheme, n_points, side_px):
    with torch.no_grad():
        points, scale, log_heat = tiny_net(scheme=scheme)(some_crops(2, side_px))
    assert points.shape == (2, n_points, 2) and scale.shape == (2, n_points)
    assert log_heat.shape == (2, n_points, side_px // 4, side_px // 4)
    assert ((points > 0) & (points < 1)).all() and (scale > 0).all()
    torch.testing.assert_close(log_heat.exp().sum(dim=(2, 3)), torch.ones(2, n_points))


def test_a_point_is_the_mean_of_its_heatmap_over_cell_centres():
    net = tiny_net()
    with torch.no_grad():
        for parameter in net.heat.parameters():
            parameter.zero_()
        points = net(some_crops()).points  # a flat heatmap: the middle of the crop
    torch.testing.assert_close(points, torch.full_like(points, 0.5))


def test_a_fresh_network_expects_small_errors():
    with torch.no_grad():
        scale = tiny_net()(some_crops()).scale
    torch.testing.assert_close(scale, torch.full_like(scale, np.exp(-4.5)))


def test_a_grey_scheme_does_not_see_colour():
    crops = some_crops()
    luma = (crops * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    with torch.no_grad():
        grey, colour = tiny_net(scheme="kaggle15"), tiny_net(scheme="ibug68")
        torch.testing.assert_close(grey(crops).points, grey(luma).points, rtol=0, atol=1e-5)
        assert (colour(crops).points - colour(luma).points).abs().max() > 1e-4


def test_saved_and_loaded_predictions_agree(tmp_path, capsys):
    net = tiny_net(scheme="ibug68")
    net.save_pretrained(tmp_path / "mine")
    with torch.no_grad():
        expected = net(some_crops())
        for loaded in (KeypointNet.from_pretrained(tmp_path / "mine"), load_net(tmp_path / "mine")):
            assert not loaded.training and loaded.config == net.config
            got = loaded(some_crops())
            torch.testing.assert_close(got.points, expected.points, rtol=0, atol=1e-3)  # float16 on the disk
            torch.testing.assert_close(got.scale, expected.scale, rtol=1e-2, atol=0)
    assert capsys.readouterr().out == ""


def test_convolutions_are_saved_in_half_precision_and_the_rest_in_single(tmp_path):
    tensors = load_file(saved(tmp_path / "mine") / "model.safetensors")
    assert {t.dtype for t in tensors.values() if t.dim() == 4} == {torch.float16}
    assert {t.dtype for t in tensors.values() if t.dim() == 1} == {torch.float32}


def test_the_config_comes_back_as_it_was(tmp_path):
    config = tiny_config(
        scheme="ibug68", version="ibug68-2", parent="ibug68-1", trained_on=("wild68 (2×)", "12 corrected faces"),
        metrics={"wild_nme": 0.0345},
    )  # fmt: skip
    KeypointNet(config).save_pretrained(tmp_path / "mine")
    assert load_net(tmp_path / "mine").config == config
    assert KeypointNet.from_pretrained(tmp_path / "mine").config == config
    assert json.loads((tmp_path / "mine" / "config.json").read_text())["trained_on"] == list(config.trained_on)


def test_a_config_that_was_changed_since_is_what_is_saved(tmp_path):
    net = tiny_net()
    net.config = tiny_config(version="tiny-2", parent="tiny-1")
    net.save_pretrained(tmp_path / "mine")
    assert load_net(tmp_path / "mine").config == net.config


def test_keys_that_this_version_does_not_know_are_left_alone(tmp_path):
    change_config(saved(tmp_path / "mine"), colour_of_the_sky="blue")
    assert load_net(tmp_path / "mine").config == tiny_config()


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("load", [load_net, KeypointNet.from_pretrained])
def test_a_missing_file_is_named(tmp_path, load, file):
    (saved(tmp_path / "mine") / file).unlink()
    with pytest.raises(WeightsError, match=f"“mine” lacks {file}"):
        load(tmp_path / "mine")


@pytest.mark.parametrize(
    "changes",
    [
        {"scheme": "wflw98"},
        {"scheme": ["ibug68"]},
        {"widths": [8, 8, 16]},
        {"widths": 8},
        {"widths": [8, -8, 16, 16]},
        {"head_width": "wide"},
        {"input_px": 100},
        {"input_px": "64"},
        {"trained_on": 3},
        {"conventions": []},
        {"scale_factor": "x"},
        {"scale_factor": 0.0},
        {"label_origin_px": float("nan")},
        {"version": None},
    ],
)
def test_a_config_that_describes_no_network_is_refused(tmp_path, changes):
    change_config(saved(tmp_path / "mine"), **changes)
    with pytest.raises(WeightsError, match="The config.json of “mine” does not describe"):
        load_net(tmp_path / "mine")


def test_a_config_that_is_no_json_is_refused(tmp_path):
    for text in ("{", "[1]", '"ibug68"'):
        (saved(tmp_path / "mine") / "config.json").write_text(text)
        with pytest.raises(WeightsError, match="is not"):
            load_net(tmp_path / "mine")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("load", [load_net, KeypointNet.from_pretrained])
def test_weights_with_nan_are_refused(tmp_path, load, bad):
    def spoil(tensors):
        tensors["heat.weight"][3, 0] = bad

    change_tensors(saved(tmp_path / "mine"), spoil)
    with pytest.raises(WeightsError, match=r"hold NaN or infinity \(heat.weight\)"):
        load(tmp_path / "mine")


def test_truncated_weights_are_refused(tmp_path):
    path = saved(tmp_path / "mine") / "model.safetensors"
    for length in (0, 4, 1000, path.stat().st_size - 1):
        path.write_bytes(path.read_bytes()[:length])
        with pytest.raises(WeightsError, match="missing or damaged"):
            load_net(tmp_path / "mine")


class Trap:
    def __reduce__(self):
        return (Path.touch, (Path("sprung"),))


def test_a_pickle_is_refused_and_never_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (saved(tmp_path / "mine") / "model.safetensors").write_bytes(pickle.dumps(Trap()))
    for load in (load_net, KeypointNet.from_pretrained):
        with pytest.raises(WeightsError, match="missing or damaged"):
            load(tmp_path / "mine")
    (tmp_path / "mine" / "model.safetensors").unlink()
    (tmp_path / "mine" / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(WeightsError, match="lacks model.safetensors"):
        KeypointNet.from_pretrained(tmp_path / "mine")
    assert not Path("sprung").exists()


@pytest.mark.parametrize("changes", [{"scheme": "ibug68"}, {"widths": [8, 8, 16, 32]}, {"head_width": 16}])
def test_weights_of_another_shape_are_refused(tmp_path, changes):
    change_config(saved(tmp_path / "mine"), **changes)
    with pytest.raises(WeightsError, match="do not fit their config.json"):
        load_net(tmp_path / "mine")


@pytest.mark.parametrize("change", [lambda t: t.pop("heat.bias"), lambda t: t.update(extra=torch.zeros(1))])
def test_a_missing_or_an_extra_tensor_is_refused(tmp_path, change):
    change_tensors(saved(tmp_path / "mine"), change)
    with pytest.raises(WeightsError, match=r"do not fit their config.json: .*(heat.bias|extra)"):
        load_net(tmp_path / "mine")


def test_the_defaults_are_those_of_the_shipped_network():
    assert ModelConfig().scheme == "ibug68" and ModelConfig().widths == (48, 96, 192, 256)
    assert 2.8e6 < sum(p.numel() for p in KeypointNet(ModelConfig()).parameters()) < 3.2e6


def test_points_keep_their_digits_under_autocast():
    heat = torch.zeros(1, 1, 4 * 32 * 32)
    heat[..., -1] = 1.0  # the last of the 2×2 sub-pixels, in the last row and column
    with torch.autocast("cpu", torch.bfloat16):
        points, _ = located(heat, torch.zeros(1, 1, 32, 32))
    assert points.dtype == torch.float32 and points.flatten().tolist() == [63.5 / 64] * 2


def test_a_network_that_was_asked_first_can_be_trained_after():
    sub_pixel_centres.cache_clear()
    net = tiny_net()
    with torch.inference_mode():
        net(some_crops(1, 64))
    net(some_crops(1, 64)).points.sum().backward()
    assert net.heat.weight.grad.abs().sum() > 0


def test_no_crops_no_points():
    assert tiny_net()(some_crops(0, 64)).points.shape == (0, 15, 2)
