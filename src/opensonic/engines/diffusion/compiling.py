"""Whether PyTorch can compile on this machine, found out on something small."""

from __future__ import annotations

from functools import lru_cache

import torch


@lru_cache(maxsize=8)
def why_not_compile(device: str) -> str:
    """Say why `torch.compile` does not work here; empty where it does.

    Takes some seconds, once per device.

    Args:
        device: Where the networks run, as PyTorch calls it.
    """
    try:
        torch.compile(_sample)(torch.ones(64, device=device))
    except Exception as error:  # noqa: BLE001 - whatever the compilers of a machine come up with
        lines = str(error).strip().splitlines()
        return lines[0] if lines else type(error).__name__
    return ""


def _sample(values: torch.Tensor) -> torch.Tensor:
    return torch.sin(values) * 2 + 1
