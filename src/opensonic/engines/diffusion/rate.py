"""How fast a device computes: tried once, for a fraction of a second, to foretell a run's time."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache

import torch
import torch.nn.functional as F

from opensonic.device import DtypeName

SHARE_REACHED = 0.5
"""Share of the trial's rate that the networks reach on the whole: norms, activations and moves of
data are not counted as operations."""
TRIAL_S = 0.15
"""Time of one trial, seconds."""


@lru_cache(maxsize=8)
def measure_rate(device: str, dtype: DtypeName) -> float:
    """Estimate the operations per second that the networks reach on a device.

    The mean of a matrix product and a convolution, the two thirds and the third of the networks'
    work, times a share found on CPUs. Good to a factor of two, not more.

    Args:
        device: As PyTorch calls it.
        dtype: Numbers to compute with.
    """
    kind: torch.dtype = getattr(torch, dtype)
    side = 512 if device == "cpu" else 4096
    rows = torch.ones(side, side, dtype=kind, device=device)
    grid = 32 if device == "cpu" else 64
    images = torch.ones(2 if device == "cpu" else 16, 320, grid, grid, dtype=kind, device=device)
    kernel = torch.ones(320, 320, 3, 3, dtype=kind, device=device)
    with torch.no_grad():
        product = _time(lambda: rows @ rows, device)
        convolution = _time(lambda: F.conv2d(images, kernel, padding=1), device)
    product_rate = 2 * side**3 / product
    convolution_rate = 2 * images.shape[0] * grid**2 * kernel.numel() / convolution
    return SHARE_REACHED / (2 / 3 / product_rate + 1 / 3 / convolution_rate)


def _time(run: Callable[[], object], device: str) -> float:
    """Give the seconds of one run, after a first one."""
    run()
    _wait(device)
    n, started = 0, time.perf_counter()
    while time.perf_counter() - started < TRIAL_S:
        run()
        _wait(device)
        n += 1
    return (time.perf_counter() - started) / n


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device == "mps":
        torch.mps.synchronize()
