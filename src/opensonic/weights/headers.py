"""The safetensors file format, as far as it can be read and written without PyTorch.

A file is eight bytes with the length of its header (little endian), the header in JSON (name,
dtype, shape and place of each tensor, and free text under `__metadata__`), and the tensors' bytes.
https://huggingface.co/docs/safetensors says more.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

from opensonic.errors import WeightsError
from opensonic.weights.expected import Shapes

LONGEST = 100_000_000
"""Longest header in bytes that is believed."""

BITS = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "I64": 64,
    "U64": 64,
    "F64": 64,
}
"""Bits of one value by dtype."""


@dataclass(frozen=True)
class Header:
    """What a safetensors file says of itself.

    Attributes:
        shapes: Shape of every tensor by name.
        dtypes: Dtype of every tensor by name, as safetensors writes it.
        places: First byte in the file, and the first after it, of every tensor by name.
        notes: Free text by key.
    """

    shapes: Shapes
    dtypes: dict[str, str]
    places: dict[str, tuple[int, int]]
    notes: dict[str, str]


def read_header(path: Path) -> Header:
    """Read and check the header of a safetensors file; the tensors stay on the disk.

    Args:
        path: The file.

    Raises:
        WeightsError: It cannot be read, is something else, or is cut off.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            raw, start = _raw_header(file, size, path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        entries = json.loads(raw)
        notes = entries.pop("__metadata__", {})
        header = Header(
            {name: tuple(map(int, entry["shape"])) for name, entry in entries.items()},
            {name: str(entry["dtype"]) for name, entry in entries.items()},
            {
                name: (start + entry["data_offsets"][0], start + entry["data_offsets"][1])
                for name, entry in entries.items()
            },
            {str(key): str(value) for key, value in notes.items()},
        )
        end = max((int(entry["data_offsets"][1]) for entry in entries.values()), default=0)
        whole = all(_fits(entry) for entry in entries.values())
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise WeightsError(f"{path}: its header is damaged; fetch the file again") from error
    if start + end != size or not whole:
        raise WeightsError(
            f"{path}: holds {size} bytes, its header promises {start + end}; "
            "it is cut off or damaged, fetch it again"
        )
    return header


def _raw_header(file: IO[bytes], size: int, path: Path) -> tuple[bytes, int]:
    first = file.read(8)
    if first.startswith(b"version "):
        raise WeightsError(
            f"{path}: is a Git LFS pointer, not the file itself; fetch it with git lfs pull, "
            "or with opensonic models pull"
        )
    length = struct.unpack("<Q", first)[0] if len(first) == 8 else 0
    raw = file.read(length) if 2 <= length <= min(size - 8, LONGEST) else b""
    if not raw.startswith(b"{"):
        raise WeightsError(
            f"{path}: is no safetensors file ({size} bytes, begins with {first!r}); fetch it again"
        )
    return raw, 8 + length


def _fits(entry: Mapping[str, Any]) -> bool:
    first, last = entry["data_offsets"]
    bits = BITS.get(entry["dtype"])
    right = bits is None or prod(entry["shape"]) * bits == 8 * (last - first)
    return bool(0 <= first <= last and right)


def write_header(
    file: IO[bytes], tensors: Iterable[tuple[str, str, tuple[int, ...]]], notes: Mapping[str, str]
) -> None:
    """Write the header of a safetensors file; the tensors' bytes must follow in the same order.

    Args:
        file: Open for writing, at its start.
        tensors: Name, dtype and shape of each.
        notes: Free text by key.
    """
    entries: dict[str, Any] = {"__metadata__": dict(notes)}
    place = 0
    for name, dtype, shape in tensors:
        size = prod(shape) * BITS[dtype] // 8
        entries[name] = {
            "dtype": dtype,
            "shape": list(shape),
            "data_offsets": [place, place + size],
        }
        place += size
    raw = json.dumps(entries, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    file.write(struct.pack("<Q", len(raw)) + raw)
