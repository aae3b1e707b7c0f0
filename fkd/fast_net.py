"""The same network, made to predict and nothing else: fewer operations, and a runtime or a precision that suits."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn as nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fkd.crop_net import CropNet, Prediction
from fkd.device import memory_format
from fkd.model import KeypointNet, located
from fkd.onnx_export import INPUT, onnx_maps
from fkd.onnx_session import cpu_session

__all__ = ["OnnxNet", "fast_net", "folded"]


def fast_net(net: CropNet, device: torch.device) -> Callable[[torch.Tensor], Prediction]:
    """The fastest way to ask `net` on a device; `net` stays as it is, and later changes to it are not seen.

    On the CPU the flagship runs in onnxruntime, in float32; on CUDA it has half precision, elsewhere PyTorch's float32.
    """
    if device.type == "cpu" and isinstance(net, KeypointNet):
        return OnnxNet(net)
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    return folded(net).to(device, dtype, memory_format=memory_format(device))


def folded(net: CropNet) -> CropNet:
    """A copy whose batch norms are part of the convolutions before them; it predicts the same and cannot be trained."""
    net = copy.deepcopy(net).eval().requires_grad_(False)
    for parent in list(net.modules()):
        for (name, conv), (norm_name, norm) in pairwise(list(parent.named_children())):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(parent, name, fuse_conv_bn_eval(conv, norm))
                setattr(parent, norm_name, nn.Identity())
    return net


class OnnxNet:
    """A KeypointNet whose convolutions onnxruntime computes, on as many CPU threads as PyTorch has at the start."""

    def __init__(self, net: KeypointNet):
        self.config, self.flip_order = net.config, net.flip_order
        self._net = folded(net)
        self._session = cpu_session(onnx_maps(self._net), torch.get_num_threads())

    def __call__(self, crops: torch.Tensor) -> Prediction:
        """As :meth:`fkd.model.KeypointNet.forward`, without gradients and without the heatmaps."""
        seen = self._net.seen(crops.float()).contiguous().numpy()  # (N, 3, S, S)
        logits, spread = map(torch.from_numpy, self._session.run(None, {INPUT: seen}))
        heat = logits.unflatten(1, (-1, 4)).flatten(2).softmax(dim=2)  # (N, K, 4·S/8·S/8)
        return Prediction(*located(heat, spread), None)
