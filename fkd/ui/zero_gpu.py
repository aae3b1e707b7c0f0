"""Prediction on ZeroGPU: in such a Space a GPU is lent for the time of a call, to a process forked for it.

The network that the app starts with is put on the device when it is loaded; the package `spaces`, which such a Space
has, makes that a promise that the forked process keeps (https://huggingface.co/docs/hub/spaces-zerogpu). It can do that
in the thread that imported it, the main one, and nowhere else: what is loaded later (another scheme, promoted weights)
the forked process reads itself. What the main process computes has to stay on the CPU: photos are read, faces found and
cut out there, and only crops go to the GPU.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import torch
from gradio.context import LocalContext

from fkd import hub
from fkd.crop_net import CropNet
from fkd.fast_net import folded
from fkd.model import answer, load_net
from fkd.predictor import KeypointPredictor

__all__ = ["ZeroGpuPredictor", "for_frames", "predictor_class"]

_DEVICE, _DTYPE = "cuda", torch.float16
# By weights folder. A forked process loads what is not in here.
_placed: dict[str, CropNet] = {}


def predictor_class() -> type[KeypointPredictor]:
    """What predicts here: on the GPU that is lent in a ZeroGPU Space, on the app's own device everywhere else."""
    in_zero_gpu = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
    return ZeroGpuPredictor if in_zero_gpu else KeypointPredictor


def for_frames(predictor: KeypointPredictor) -> KeypointPredictor:
    """The predictor for a clip or a camera, where every frame waits for the one before.

    To be lent a GPU for each of them takes longer than a frame does on the CPU, and uses up the visitor's share.
    """
    if isinstance(predictor, ZeroGpuPredictor):
        return KeypointPredictor.from_pretrained(predictor.folder, device="cpu")
    return predictor


class ZeroGpuPredictor(KeypointPredictor):
    """A KeypointPredictor whose network runs on the GPU that ZeroGPU lends for each batch of crops."""

    @classmethod
    def from_pretrained(
        cls, source: str | Path, *, revision: str | None = None, device: str = "auto"
    ) -> ZeroGpuPredictor:
        """As :meth:`KeypointPredictor.from_pretrained`; the device is ZeroGPU's, whatever is asked for."""
        folder = hub.weights_folder(source, revision).resolve()
        predictor = super().from_pretrained(folder, device="cpu")
        predictor.folder = str(folder)
        if threading.current_thread() is threading.main_thread():
            _place(predictor.folder, predictor.net)
        return predictor

    def predict_crops(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As :meth:`KeypointPredictor.predict_crops`; on the CPU where nobody asked, as for photos that wait in the
        queue: a GPU is lent to visitors, and the app's own share is soon used up."""
        if LocalContext.request.get(None) is None:
            return super().predict_crops(crops)
        points, scale = _predict(self.folder, crops.numpy())
        return torch.from_numpy(points), torch.from_numpy(scale)


def _place(folder: str, net: CropNet) -> CropNet:
    # Folded on the CPU: the main process cannot compute on the GPU.
    _placed[folder] = folded(net).to(_DEVICE, _DTYPE, memory_format=torch.channels_last)
    return _placed[folder]


@torch.inference_mode()
def _predict(folder: str, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In the process that has the GPU: as :meth:`fkd.predictor.KeypointPredictor.predict_crops`, but for arrays."""
    net = _placed.get(folder) or _place(folder, load_net(Path(folder)))
    points, scale = answer(net, torch.from_numpy(crops).to(_DEVICE))
    return points.float().cpu().numpy(), scale.float().cpu().numpy()


try:
    import spaces
except ImportError:  # no Space: `_predict` as it is
    pass
else:
    _predict = spaces.GPU(duration=15)(_predict)
