"""Freeing the input size of CenterFace's ONNX file.

The file declares an input of 10×3×32×32 and lists its weights as inputs too. onnxruntime refuses other sizes, and does
not fold what could change. So the declarations are rewritten: one input of any size, outputs without a shape, which
also doubles the speed. The numbers below are field numbers of onnx.proto.
"""

from __future__ import annotations

from fkd.protobuf import field, fields

__all__ = ["with_free_input_size"]


def with_free_input_size(model: bytes) -> bytes:
    """Rewrite an ONNX model so that its input may have any size; model and result are the bytes of the file.

    The input keeps its name, ``input.1``; the outputs are declared without a shape. Bytes that are no such model raise
    whatever the walk through them stumbles over (IndexError, KeyError, StopIteration, TypeError), or give a model that
    onnxruntime refuses.
    """
    shape = field(1, b"") + field(1, field(1, 3)) + field(1, b"") * 2
    written = b""
    for number, value, whole in fields(model):
        if number == 1:  # ir_version: from 4 on, weights need not be inputs
            whole = field(1, 4)
        elif number == 7:  # graph
            graph = b""
            for inner, declared, inner_whole in fields(value):
                if inner in (11, 12):  # input, output
                    name = next(text for key, text, _ in fields(declared) if key == 1)
                    if inner == 11 and name != b"input.1":
                        continue
                    float_tensor = field(1, 1) + (field(2, shape) if inner == 11 else b"")
                    inner_whole = field(inner, field(1, name) + field(2, field(1, float_tensor)))
                graph += inner_whole
            whole = field(7, graph)
        written += whole
    return written
