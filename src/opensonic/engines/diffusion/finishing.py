"""From the latents of a clip to the frames of the video, some at a time.

Decoded at the model's 12.5 frames per second, mended where frames jump, brought to the video's
rate by RIFE or by optical flow, turned into bytes and resized once. No more than a run of the
decoder is in memory, and the frames that wait until it is known whether they jump.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import torch
from diffusers import AutoencoderKLTemporalDecoder
from PIL import Image

from opensonic.engines.diffusion.between import (
    BuildIFNet,
    Frames,
    MakeRoom,
    choose_between,
)
from opensonic.engines.diffusion.decode import Retreat, Runs, decode_clip, to_bytes
from opensonic.engines.diffusion.dimensions import MODEL_RATE
from opensonic.engines.diffusion.mending import mend_frames
from opensonic.post.interpolate.stream import double_frames, resample_frames

CHUNK_FRAMES = 8
"""Frames that are handed out together."""


def finish_clip(
    vae: AutoencoderKLTemporalDecoder,
    latents: torch.Tensor,
    build_ifnet: BuildIFNet | None,
    *,
    fps: Fraction,
    n_frames: int,
    size: tuple[int, int],
    compat: bool = False,
    runs: Runs | None = None,
    retreat: Retreat | None = None,
    make_room: MakeRoom | None = None,
    jumped: Callable[[int], None] | None = None,
) -> Iterator[Frames]:
    """Decode a clip and bring it to the rate and the size of the video.

    Args:
        vae: On its device.
        latents: (F, 4, h, w) at 12.5 frames per second, on any device.
        build_ifnet: Gives RIFE's network on the VAE's device; called once, where frames are to be
            made. None takes optical flow.
        fps: Frames per second of the video.
        n_frames: Frames of the video.
        size: Width and height of the video, px.
        compat: Whether to decode, interpolate and round as published.
        runs: How much is decoded together; None takes the decoder's own measure.
        retreat: See `decode_clip`.
        make_room: See `ByRife`.
        jumped: Told the number of each decoded frame that jumps and is made anew; None leaves all
            as they are.

    Yields:
        (T, H, W, 3) uint8 RGB; together `n_frames`.
    """
    between = choose_between(build_ifnet, make_room)
    decoded = decode_clip(vae, latents, runs=runs, compat=compat, retreat=retreat)
    if jumped is not None:
        decoded = mend_frames(decoded, between, jumped)
    if compat and fps != MODEL_RATE:
        frames = double_frames(decoded, between)
    else:
        frames = resample_frames(
            decoded, between, source_fps=MODEL_RATE, fps=fps, n_frames=n_frames
        )
    held: list[Frames] = []
    for frame in frames:
        held.append(_resized(to_bytes(frame, compat=compat).numpy(), size))
        if len(held) == CHUNK_FRAMES:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


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
