"""Prediction in a ZeroGPU Space: what has to hold of it where there is none, with the CPU in the place of the GPU."""

from __future__ import annotations

import importlib.util
import pickle
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path

import numpy as np
import pytest
import torch
from gradio.context import LocalContext

from fkd.predictor import KeypointPredictor
from fkd.ui import zero_gpu
from fkd.ui.models import ServedModels
from tests.nets import tiny_net
from tests.pictures import PORTRAIT_PATH


@pytest.fixture
def weights(tmp_path) -> Path:
    tiny_net(version="tiny-1").save_pretrained(tmp_path / "weights")
    return tmp_path / "weights"


@pytest.fixture
def on_the_cpu(monkeypatch):
    """The GPU's part on the CPU, in the precision that it has there; a visitor asks."""
    monkeypatch.setattr(zero_gpu, "_DEVICE", "cpu")
    monkeypatch.setattr(zero_gpu, "_DTYPE", torch.float32)
    monkeypatch.setattr(zero_gpu, "_placed", {})
    asked = LocalContext.request.set(object())
    yield
    LocalContext.request.reset(asked)


def test_elsewhere_nothing_is_different(monkeypatch):
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert zero_gpu.predictor_class() is KeypointPredictor


def test_in_such_a_space_the_app_predicts_by_it(monkeypatch, weights, on_the_cpu):
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    predictor = ServedModels(weights).predictor("kaggle15")
    assert isinstance(predictor, zero_gpu.ZeroGpuPredictor) and predictor.version == "tiny-1"


def test_it_predicts_what_the_plain_predictor_does(weights, on_the_cpu):
    (there,) = zero_gpu.ZeroGpuPredictor.from_pretrained(weights)(PORTRAIT_PATH)
    (here,) = KeypointPredictor.from_pretrained(weights, device="cpu")(PORTRAIT_PATH)
    np.testing.assert_allclose(there.points, here.points, atol=0.01)
    np.testing.assert_allclose(there.confidence, here.confidence, atol=1e-3)
    box = there.box_xyxy
    assert zero_gpu.ZeroGpuPredictor.from_pretrained(weights).in_box(PORTRAIT_PATH, box).points.shape == (15, 2)


def test_frames_of_a_clip_are_predicted_without_a_gpu(weights, on_the_cpu, monkeypatch):
    there = zero_gpu.ZeroGpuPredictor.from_pretrained(weights)
    monkeypatch.setattr(zero_gpu, "_predict", None)  # nothing is lent
    here = zero_gpu.for_frames(there)
    assert len(here(PORTRAIT_PATH)) == 1 and here.version == "tiny-1"
    assert zero_gpu.for_frames(here) is here


def test_the_network_is_on_the_device_as_soon_as_it_is_loaded(weights, on_the_cpu):
    zero_gpu.ZeroGpuPredictor.from_pretrained(weights)
    assert list(zero_gpu._placed) == [str(weights.resolve())]


def test_weights_that_are_loaded_while_it_runs_are_left_to_the_process_that_has_the_gpu(weights, on_the_cpu):
    # Only in the main thread does `spaces` make promises; elsewhere the device is refused.
    with ThreadPoolExecutor() as threads:
        predictor = threads.submit(zero_gpu.ZeroGpuPredictor.from_pretrained, weights).result()
    assert zero_gpu._placed == {}
    (face,) = predictor(PORTRAIT_PATH)
    assert face.points.shape == (15, 2) and list(zero_gpu._placed) == [predictor.folder]


def test_a_photo_that_waits_in_the_queue_takes_nobodys_share_of_the_gpu(weights, on_the_cpu, monkeypatch):
    predictor = zero_gpu.ZeroGpuPredictor.from_pretrained(weights)
    (there,) = predictor(PORTRAIT_PATH)
    monkeypatch.setattr(zero_gpu, "_predict", None)  # nothing is lent
    with ThreadPoolExecutor() as threads:  # nobody's request, as where the queue's photos are read
        (here,) = threads.submit(predictor, PORTRAIT_PATH).result()
    np.testing.assert_allclose(here.points, there.points, atol=0.01)


def test_a_process_that_was_forked_before_loads_the_weights_itself(weights, on_the_cpu):
    crops = np.full((1, 3, 64, 64), 100, np.float32)
    predictor = zero_gpu.ZeroGpuPredictor.from_pretrained(weights)
    expected, _ = predictor.predict_crops(torch.from_numpy(crops))
    zero_gpu._placed.clear()
    np.testing.assert_allclose(zero_gpu._predict(predictor.folder, crops)[0], expected, atol=1e-6)


def test_what_crosses_to_the_process_that_has_the_gpu_can_be_pickled(weights, monkeypatch):
    calls = []

    def lent(duration: int):
        def decorated(task):
            def run(*args):
                calls.append(duration)
                return pickle.loads(pickle.dumps(task(*pickle.loads(pickle.dumps(args)))))

            return run

        return decorated

    monkeypatch.setitem(sys.modules, "spaces", types.SimpleNamespace(GPU=lent))
    spec = importlib.util.spec_from_file_location("zero_gpu_in_a_space", zero_gpu.__file__)
    in_a_space = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(in_a_space)
    in_a_space._DEVICE, in_a_space._DTYPE = "cpu", torch.float32
    monkeypatch.setattr(LocalContext, "request", ContextVar("request"))
    LocalContext.request.set(object())
    (face,) = in_a_space.ZeroGpuPredictor.from_pretrained(weights)(PORTRAIT_PATH)
    assert face.points.shape == (15, 2) and calls and set(calls) == {15}
