"""Reading and writing protobuf messages, as far as ONNX files need it (https://protobuf.dev/programming-guides/encoding/).

The onnx package would do this too, but is 35 MB and takes a second to import.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["field", "fields"]


def fields(message: bytes) -> Iterator[tuple[int, int | bytes, bytes]]:
    """Walk a message: (field number, value, the field as it is written).

    Bytes that are no message raise IndexError or KeyError.
    """
    at = 0
    while at < len(message):
        start = at
        key, at = _read_varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _read_varint(message, at)
        else:
            size, at = _read_varint(message, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            value, at = message[at : at + size], at + size
        yield key >> 3, value, message[start:at]


def field(number: int, value: int | str | bytes) -> bytes:
    """Write a field: a whole number from 0 up as a varint, text and bytes (a message, too) with their length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    payload = value.encode("utf-8") if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while message[at] > 127:
        value |= (message[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return value | message[at] << shift, at + 1


def _varint(value: int) -> bytes:
    written = b""
    while value > 127:
        written, value = written + bytes([value & 127 | 128]), value >> 7
    return written + bytes([value])
