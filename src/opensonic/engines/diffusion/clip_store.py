"""Tensors as long as a clip: in memory while they are small, else in a temporary file.

Latents are read and written a window at a time, so that they need not lie in memory: a second of
video at 1024 px would take 1.6 MB of it. In a file that is mapped the system may write them out
whenever memory is wanted elsewhere. The file has no name and is gone with the process.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from math import prod
from pathlib import Path

import torch

FILE_FROM_BYTES = 16 * 2**20
"""Smaller ones stay in memory: 10 s of video at 1024 px, 40 s at 512 px."""
LASTING = Path("/var/tmp")
"""Temporary files lie on a disk there, where /tmp may be memory itself."""
_BLOCK = bytes(2**20)


def hold_clip(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Give room for a tensor on the host, of any content.

    Args:
        shape: Frames first.
        dtype: Of the tensor.

    Returns:
        A tensor whose large content lies in a file; in memory where no such file can be made.
    """
    n_bytes = count_bytes(shape, dtype)
    if not lies_in_file(n_bytes):
        return torch.empty(shape, dtype=dtype)
    try:
        mapped = _map_file(n_bytes)
    except OSError:  # no room, or no folder to write to: the sums are the same without
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(mapped, dtype=dtype, count=prod(shape)).view(shape)


def lies_in_file(n_bytes: int) -> bool:
    """Say whether a tensor of this size is kept in a file."""
    return n_bytes >= FILE_FROM_BYTES


def count_bytes(shape: tuple[int, ...], dtype: torch.dtype) -> int:
    """Count the bytes of a tensor."""
    return prod(shape) * torch.empty(0, dtype=dtype).element_size()


def _map_file(n_bytes: int) -> mmap.mmap:
    """Map a nameless file all of whose room is taken beforehand, so that none is wanting later."""
    with tempfile.TemporaryFile(dir=_folder()) as file:
        for start in range(0, n_bytes, len(_BLOCK)):
            file.write(_BLOCK[: n_bytes - start])
        file.flush()
        return mmap.mmap(file.fileno(), n_bytes)


def _folder() -> Path | None:
    """Give the folder for temporary files; None for the one that Python takes."""
    chosen = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    return LASTING if not chosen and os.access(LASTING, os.W_OK) else None
