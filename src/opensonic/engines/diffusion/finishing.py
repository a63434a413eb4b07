"""From the latents of a clip to the frames of the video, some at a time.

Decoded at the model's 12.5 frames per second, brought to the video's rate by RIFE, turned into
bytes and resized once. No more than a run of the decoder is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKLTemporalDecoder
from PIL import Image

from opensonic.engines.diffusion.clip import MODEL_RATE
from opensonic.engines.diffusion.decode import Retreat, Runs, decode_clip, to_bytes
from opensonic.post.interpolate.ifnet import IFNet
from opensonic.post.interpolate.stream import double_frames, resample_frames

CHUNK_FRAMES = 8
"""Frames that are handed out together."""

Frames = npt.NDArray[np.uint8]


def finish_clip(
    vae: AutoencoderKLTemporalDecoder,
    latents: torch.Tensor,
    build_ifnet: Callable[[], IFNet],
    *,
    fps: Fraction,
    n_frames: int,
    size: tuple[int, int],
    compat: bool = False,
    runs: Runs | None = None,
    retreat: Retreat | None = None,
) -> Iterator[Frames]:
    """Decode a clip and bring it to the rate and the size of the video.

    Args:
        vae: On its device.
        latents: (F, 4, h, w) at 12.5 frames per second, on any device.
        build_ifnet: Gives RIFE's network on the VAE's device; called once, where the rate needs it.
        fps: Frames per second of the video.
        n_frames: Frames of the video.
        size: Width and height of the video, px.
        compat: Whether to decode, interpolate and round as published.
        runs: How much is decoded together; None takes the decoder's own measure.
        retreat: See `decode_clip`.

    Yields:
        (T, H, W, 3) uint8 RGB; together `n_frames`.
    """
    between = Between(build_ifnet)
    decoded = decode_clip(vae, latents, runs=runs, compat=compat, retreat=retreat)
    if compat and fps != MODEL_RATE:
        frames = double_frames(decoded, between)
    else:
        frames = resample_frames(
            decoded, between, source_fps=MODEL_RATE, fps=fps, n_frames=n_frames
        )
    held: list[torch.Tensor] = []
    for frame in frames:
        held.append(frame)
        if len(held) == CHUNK_FRAMES:
            yield _resized(to_bytes(torch.cat(held), compat=compat).numpy(), size)
            held = []
    if held:
        yield _resized(to_bytes(torch.cat(held), compat=compat).numpy(), size)


class Between:
    """Makes frames between frames, with a network that is built when the first is asked for."""

    def __init__(self, build_ifnet: Callable[[], IFNet]) -> None:
        self._build = build_ifnet
        self._network: IFNet | None = None

    def __call__(self, first: torch.Tensor, second: torch.Tensor, share: Fraction) -> torch.Tensor:
        """Make the frame at a share of the way: (1, 3, H, W) float32, 0 to 1, all three."""
        if self._network is None:
            self._network = self._build()
        with torch.no_grad():
            made: torch.Tensor = self._network(first, second, share)
        return made


def _resized(frames: Frames, size: tuple[int, int]) -> Frames:
    width, height = size
    if frames.shape[1:3] == (height, width):
        return frames
    return np.stack(
        [
            np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))
            for frame in frames
        ]
    )
