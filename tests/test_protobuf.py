"""Protobuf messages, as ONNX files are made of them."""

from __future__ import annotations

import pytest

from fkd.protobuf import field, fields

# The three examples of https://protobuf.dev/programming-guides/encoding/
EXAMPLES = [
    (field(1, 150), b"\x08\x96\x01"),
    (field(2, "testing"), b"\x12\x07testing"),
    (field(3, field(1, 150)), b"\x1a\x03\x08\x96\x01"),
]


@pytest.mark.parametrize(("written", "expected"), EXAMPLES)
def test_the_examples_of_the_documentation(written, expected):
    assert written == expected


def test_what_is_written_can_be_read():
    message = field(1, 0) + field(16, 2**40) + field(3, b"\x00" * 300) + field(4, "µ")
    read = [(number, value) for number, value, _ in fields(message)]
    assert read == [(1, 0), (16, 2**40), (3, b"\x00" * 300), (4, "µ".encode())]
    assert b"".join(whole for _, _, whole in fields(message)) == message


def test_numbers_of_fixed_size_are_walked_over():
    message = b"\x0d\x00\x00\x80\x3f" + b"\x11" + b"\x01" * 8 + field(3, 7)  # a float, a double, a varint
    assert [(number, value) for number, value, _ in fields(message)] == [
        (1, b"\x00\x00\x80\x3f"),
        (2, b"\x01" * 8),
        (3, 7),
    ]


def test_a_message_that_was_cut_off():
    with pytest.raises(IndexError):
        list(fields(b"\x08\x96"))
