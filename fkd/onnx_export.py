"""KeypointNet's convolutions as an ONNX model, for onnxruntime.

The graph is traced from ``KeypointNet.maps`` by torch.fx, and each of the few operations that occur there is written as
its ONNX counterpart (https://onnx.ai/onnx/operators/, opset 17). ``torch.onnx.export`` knows all operations, but needs
two more packages and the better part of a minute; this takes 0.1 s at every start. The numbers of fields below are
those of onnx.proto.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.fx import Node, Tracer

from fkd.model import KeypointNet
from fkd.protobuf import field

__all__ = ["INPUT", "onnx_maps"]

INPUT = "x"


def onnx_maps(net: KeypointNet) -> bytes:
    """The bytes of an ONNX model that computes ``net.maps`` in float32.

    Its input `INPUT` is (N, 3, S, S), any N, any S that the network takes; its outputs are those of ``maps`` in order.

    Args:
        net: a network without batch norms, see :func:`fkd.fast_net.folded`; it is only read.

    Raises:
        KeyError: if ``maps`` uses an operation that is not known here.
    """
    root = _Maps(net)
    nodes, tensors, outputs = [], [_tensor("double", torch.tensor([1.0, 1.0, 2.0, 2.0]))], []
    for node in Tracer().trace(root).nodes:
        if node.op == "output":
            outputs = [part.name for part in node.args[0]]
        elif node.op == "call_module":
            module = root.get_submodule(node.target)
            names = [f"{node.name}.{name}" for name, _ in module.named_parameters()]
            tensors += [_tensor(name, value) for name, (_, value) in zip(names, module.named_parameters(), strict=True)]
            nodes.append(_node(_MODULES[type(module)](module), node, names))
        elif node.op == "call_function":
            kind, extra_inputs = _FUNCTIONS[node.target]
            nodes.append(_node(kind, node, extra_inputs))
    graph = b"".join(field(1, each) for each in nodes) + field(2, "maps") + b"".join(field(5, each) for each in tensors)
    graph += field(11, _any_4d(INPUT)) + b"".join(field(12, _any_4d(name)) for name in outputs)
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17))  # ir_version, graph, opset


class _Maps(nn.Module):
    """``net.maps`` as a module's forward, for the tracer; the name of the argument is `INPUT`."""

    def __init__(self, net: KeypointNet):
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.net.maps(x)


def _conv(conv: nn.Conv2d) -> bytes:
    return field(4, "Conv") + _ints("strides", conv.stride) + _ints("pads", conv.padding * 2)


def _pool(pool: nn.AvgPool2d) -> bytes:
    return field(4, "AveragePool") + _ints("kernel_shape", [pool.kernel_size] * 2) + _ints("strides", [pool.stride] * 2)


# A node's operator and attributes, by the kind of its module; the module's parameters are its further inputs.
_MODULES = {
    nn.Conv2d: _conv,
    nn.AvgPool2d: _pool,
    nn.ReLU: lambda _: field(4, "Relu"),
    nn.Identity: lambda _: field(4, "Identity"),
}


def _text(name: str, value: str) -> bytes:
    return field(5, field(1, name) + field(4, value) + field(20, 3))


def _ints(name: str, values: Iterable[int]) -> bytes:
    return field(5, field(1, name) + b"".join(field(8, value) for value in values) + field(20, 7))


# The same by function, and the further inputs. All resizing doubles.
_NEAREST = _text("mode", "nearest") + _text("coordinate_transformation_mode", "asymmetric")
_FUNCTIONS = {
    operator.add: (field(4, "Add"), []),
    F.relu: (field(4, "Relu"), []),
    F.interpolate: (field(4, "Resize") + _NEAREST + _text("nearest_mode", "floor"), ["", "double"]),
}


def _node(kind: bytes, node: Node, further_inputs: list[str]) -> bytes:
    inputs = [arg.name for arg in node.args if isinstance(arg, Node)] + further_inputs
    return b"".join(field(1, name) for name in inputs) + field(2, node.name) + kind


def _tensor(name: str, value: torch.Tensor) -> bytes:
    values = value.detach().cpu().float().contiguous().numpy().astype("<f4")
    return b"".join(field(1, size) for size in value.shape) + field(2, 1) + field(8, name) + field(9, values.tobytes())


def _any_4d(name: str) -> bytes:
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, field(1, b"") * 4)))  # float32
