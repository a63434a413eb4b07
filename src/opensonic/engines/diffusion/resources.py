"""How much of the work is done at once: what a run takes of the device."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Resources:
    """The knobs between memory and time; the defaults take most memory.

    Attributes:
        branch_batch: Guidance branches per call of the UNet, 1 to 3.
        cache_bytes: Bytes of keys and values of audio tokens that may be kept on the device.
        decode_frames: Frames that are decoded together; None takes the decoder's own number.
        offload: Whether networks wait on the host and come to the device only for their part.
    """

    branch_batch: int = 3
    cache_bytes: int = 256 * 2**20
    decode_frames: int | None = None
    offload: bool = False


def smaller(resources: Resources) -> Resources | None:
    """Go one step down after the device ran out of memory; None where nothing is left to save."""
    if resources.branch_batch > 1:
        return replace(resources, branch_batch=1)
    if resources.cache_bytes:
        return replace(resources, cache_bytes=0)
    return None if resources.offload else replace(resources, offload=True)


def smaller_runs(resources: Resources, usual: int) -> Resources | None:
    """The same while frames are decoded, of which `usual` are decoded together by default."""
    together = resources.decode_frames or usual
    return None if together == 1 else replace(resources, decode_frames=max(together // 2, 1))
