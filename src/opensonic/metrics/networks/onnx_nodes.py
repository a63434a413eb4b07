"""The first operations of an ONNX file, read from its bytes (protocol buffers, two fields).

Enough to tell whether a network subtracts the mean of the pixels by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_GRAPH, _NODE, _OP_TYPE = 7, 1, 4
_BYTES = 2
_FIXED = {1: 8, 5: 4}


def first_operations(path: Path, n_most: int) -> list[str]:
    """Give the kinds of the first operations, such as "Sub"; what is damaged ends the list.

    Args:
        path: The file.
        n_most: How many are wanted.
    """
    names: list[str] = []
    try:
        for node in _fields(next(_fields(memoryview(path.read_bytes()), _GRAPH)), _NODE):
            names += [bytes(kind).decode("ascii", "replace") for kind in _fields(node, _OP_TYPE)]
            if len(names) >= n_most:
                break
    except (StopIteration, IndexError):
        pass
    return names[:n_most]


def _fields(message: memoryview, wanted: int) -> Iterator[memoryview]:
    """Give the contents of all fields of one number that hold bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _BYTES:
            length, at = _varint(message, at)
            if number == wanted:
                yield message[at : at + length]
            at += length
        elif kind in _FIXED:
            at += _FIXED[kind]
        else:
            _, at = _varint(message, at)


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128 or shift > 63:
            return value, at
