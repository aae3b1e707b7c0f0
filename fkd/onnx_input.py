"""Freeing the input size of CenterFace's ONNX file.

The file declares an input of 10×3×32×32 and lists its weights as inputs too. onnxruntime refuses other sizes, and does
not fold what could change. So the declarations are rewritten: one input of any size, outputs without a shape, which
also doubles the speed. The numbers below are field numbers of onnx.proto; the few that are needed are no reason to
require the onnx package.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["with_free_input_size"]


def with_free_input_size(model: bytes) -> bytes:
    """Rewrite an ONNX model so that its input may have any size; model and result are the bytes of the file.

    The input keeps its name, ``input.1``; the outputs are declared without a shape. Bytes that are no such model raise
    whatever the walk through them stumbles over (IndexError, KeyError, StopIteration, TypeError), or give a model that
    onnxruntime refuses.
    """
    shape = _field(1, b"") + _field(1, b"\x08\x03") + _field(1, b"") * 2
    written = b""
    for number, value, whole in _fields(model):
        if number == 1:  # ir_version: from 4 on, weights need not be inputs
            whole = b"\x08\x04"
        elif number == 7:  # graph
            graph = b""
            for inner, declared, inner_whole in _fields(value):
                if inner in (11, 12):  # input, output
                    name = next(text for field, text, _ in _fields(declared) if field == 1)
                    if inner == 11 and name != b"input.1":
                        continue
                    float_tensor = b"\x08\x01" + (_field(2, shape) if inner == 11 else b"")
                    inner_whole = _field(inner, _field(1, name) + _field(2, _field(1, float_tensor)))
                graph += inner_whole
            whole = _field(7, graph)
        written += whole
    return written


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes, bytes]]:
    """Walk a protobuf message: (field number, value, the field as it is written)."""
    at = 0
    while at < len(message):
        start = at
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
        else:
            size, at = _varint(message, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            value, at = message[at : at + size], at + size
        yield key >> 3, value, message[start:at]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while message[at] > 127:
        value |= (message[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return value | message[at] << shift, at + 1


def _field(number: int, payload: bytes) -> bytes:
    size, rest = b"", len(payload)
    while rest > 127:
        size, rest = size + bytes([rest & 127 | 128]), rest >> 7
    return bytes([number << 3 | 2]) + size + bytes([rest]) + payload
