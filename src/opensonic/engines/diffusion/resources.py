"""How much of the work is done at once: what a run takes of the device, and how to take less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from torch import nn

from opensonic.engines.diffusion.context import CACHE_BYTES
from opensonic.engines.diffusion.decode import COMPAT_CHUNK, Runs

RUNS = (
    Runs(),
    Runs(frames=10, overlap=5),
    Runs(frames=8, overlap=4),
    Runs(frames=6, overlap=3),
    Runs(frames=6, overlap=3, tile=64),
    Runs(frames=6, overlap=3, tile=48),
    Runs(frames=6, overlap=3, tile=32),
    Runs(frames=3, overlap=1, tile=32),
)
"""Ways to decode, from the smoothest to the one that takes least memory."""
COMPAT_RUNS = tuple(
    Runs(frames=frames, overlap=0, tile=tile)
    for frames, tile in ((COMPAT_CHUNK, None), (4, None), (2, None), (2, 64), (2, 32))
)
"""The same in `compat`: as published, then what departs from it."""


@dataclass(frozen=True, kw_only=True)
class Resources:
    """The knobs between memory and time; the defaults take most memory.

    Attributes:
        branch_batch: Guidance branches per call of the UNet, 1 to 3.
        cache_bytes: Bytes of keys and values of audio tokens that may be kept on the device.
        decoding: Number of the way to decode, in `RUNS` or `COMPAT_RUNS`.
        offload: Whether networks wait on the host and come to the device only for their part.
    """

    branch_batch: int = 3
    cache_bytes: int = CACHE_BYTES
    decoding: int = 0
    offload: bool = False

    def runs(self, *, compat: bool) -> Runs:
        """Give the way to decode."""
        return (COMPAT_RUNS if compat else RUNS)[self.decoding]


def smaller(resources: Resources) -> Resources | None:
    """Go one step down after the device ran out of memory; None where nothing is left to save.

    None of these steps changes a number.
    """
    if not resources.offload:
        return replace(resources, offload=True)
    if resources.branch_batch > 1:
        return replace(resources, branch_batch=resources.branch_batch - 1)
    return replace(resources, cache_bytes=0) if resources.cache_bytes else None


def smaller_runs(resources: Resources, *, compat: bool) -> Resources | None:
    """The same while frames are decoded; only the first step changes no number."""
    if not resources.offload:
        return replace(resources, offload=True)
    n_ways = len(COMPAT_RUNS if compat else RUNS)
    following = resources.decoding + 1
    return replace(resources, decoding=following) if following < n_ways else None


@contextmanager
def visiting(device: str, *networks: nn.Module) -> Iterator[None]:
    """Bring networks that wait on the host to a device, and back afterwards."""
    try:
        for network in networks:
            network.to(device)
        yield
    finally:
        for network in networks:
            network.to("cpu")
