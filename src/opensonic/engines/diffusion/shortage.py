"""Which errors of PyTorch say that a device is out of memory."""

from __future__ import annotations

import torch

_WORDS = ("out of memory", "can't allocate memory", "not enough memory")
"""What CPU and MPS say in a plain `RuntimeError`, in small letters."""


def is_out_of_memory(error: RuntimeError) -> bool:
    """Say whether an error means that less at once may succeed."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    said = str(error).lower()
    return any(words in said for words in _WORDS)
