"""From the latents of a clip to the frames of the video, some at a time.

Decoded at the model's 12.5 frames per second, brought to the video's rate by RIFE, turned into
bytes and resized once. No more than a run of the decoder is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKLTemporalDecoder
from PIL import Image

from opensonic.engines.diffusion.clip import MODEL_RATE
from opensonic.engines.diffusion.decode import Retreat, Runs, decode_clip, to_bytes
from opensonic.engines.diffusion.shortage import is_out_of_memory
from opensonic.post.interpolate.ifnet import IFNet
from opensonic.post.interpolate.stream import Pair, double_frames, resample_frames

CHUNK_FRAMES = 8
"""Frames that are handed out together."""
PAIRS = 4
"""Pairs that RIFE looks at together on a GPU; on a CPU nothing is gained."""

MakeRoom: TypeAlias = Callable[[RuntimeError], bool]
"""Frees memory of the device, if anything on it can be spared, and says whether it could."""

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
    make_room: MakeRoom | None = None,
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
        make_room: See `Between`.

    Yields:
        (T, H, W, 3) uint8 RGB; together `n_frames`.
    """
    between = Between(build_ifnet, make_room)
    decoded = decode_clip(vae, latents, runs=runs, compat=compat, retreat=retreat)
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


class Between:
    """Makes frames between frames, with a network that is built when the first is asked for.

    Where the device runs out of memory it takes one pair at a time, then asks for room, and at last
    goes on with the CPU: no frame is lost, and none is decoded again.

    Args:
        build_ifnet: Gives the network on the device.
        make_room: Frees memory of the device.
    """

    def __init__(self, build_ifnet: Callable[[], IFNet], make_room: MakeRoom | None = None) -> None:
        self._build, self._make_room = build_ifnet, make_room
        self._network: IFNet | None = None
        self._device = torch.device("cpu")
        self._together = PAIRS

    def __call__(self, pairs: list[Pair]) -> Iterator[torch.Tensor]:
        """Make the frame of each pair, (1, 3, H, W) float32, 0 to 1, as the two are.

        Raises:
            RuntimeError: The CPU, too, has not enough memory.
        """
        start = 0
        while start < len(pairs):
            made = self._try(pairs[start : start + self._together])
            if isinstance(made, RuntimeError):
                self._take_less(made)
                continue
            yield from made.split(1)
            start += len(made)

    def _try(self, pairs: list[Pair]) -> torch.Tensor | RuntimeError:
        """Make frames, or say that memory was short, without holding on to what was half done.

        Raises:
            RuntimeError: Something else went wrong.
        """
        try:
            return self._make(pairs)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return error.with_traceback(None)

    def _make(self, pairs: list[Pair]) -> torch.Tensor:
        if self._network is None:
            self._network = self._build()
            self._device = next(self._network.parameters()).device
            self._together = 1 if self._device.type == "cpu" else PAIRS
        some = pairs[: self._together]
        first = torch.cat([pair[0] for pair in some]).to(self._device)
        second = torch.cat([pair[1] for pair in some]).to(self._device)
        with torch.no_grad():
            made: torch.Tensor = self._network(first, second, [pair[2] for pair in some])
        return made

    def _take_less(self, error: RuntimeError) -> None:
        """Go on with less of the device's memory."""
        if self._together > 1:
            self._together = 1
        elif self._make_room is None or not self._make_room(error):
            if self._network is None or self._device.type == "cpu":
                raise error
            self._device = torch.device("cpu")
            self._network = self._network.to(self._device)


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
