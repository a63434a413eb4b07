"""Latents to frames, some frames at a time, without visible seams.

SVD's decoder (arXiv 2311.15127) looks at neighbouring frames, so that what it gives depends on
which frames it is given together. The published program decodes 8 at a time, side by side: between
the 8th and the 9th frame the picture jumps. Here runs of frames overlap: the outermost two frames
of each, which have seen neighbours on one side only, are dropped, and the others fade from one run
to the next. Memory does not grow with the clip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import torch
from diffusers import AutoencoderKLTemporalDecoder

from opensonic.engines.diffusion.dimensions import LATENT_SIDE, VAESizes
from opensonic.engines.diffusion.finite import require_finite
from opensonic.engines.diffusion.shortage import is_out_of_memory
from opensonic.errors import InputError

LATENT_SCALE = 0.18215
CHUNK = 14
"""Frames that are decoded together."""
OVERLAP = 6
"""Frames that two neighbouring runs share."""
TRIM = 2
"""Of those, frames at each end that only the other run gives."""
COMPAT_CHUNK = 8


@dataclass(frozen=True, kw_only=True)
class Runs:
    """How much is decoded together; memory grows with it.

    Attributes:
        frames: Frames of a run.
        overlap: Frames that two neighbouring runs share, fewer than `frames`.
        tile: Side of the tiles of a frame, in latent cells; None for whole frames.

    Raises:
        InputError: The runs would not advance.
    """

    frames: int = CHUNK
    overlap: int = OVERLAP
    tile: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.frames:
            raise InputError(
                f"runs of {self.frames} frames cannot share {self.overlap}; expected at most "
                f"{self.frames - 1}"
            )


Retreat: TypeAlias = Callable[[RuntimeError], Runs]
"""Gives smaller runs, or raises when nothing is left to save."""


def build_vae(sizes: VAESizes) -> AutoencoderKLTemporalDecoder:
    """Build SVD's autoencoder with random weights, in evaluation mode, as diffusers names them."""
    return AutoencoderKLTemporalDecoder(**sizes.config()).eval()


def encode_picture(vae: AutoencoderKLTemporalDecoder, reference: torch.Tensor) -> torch.Tensor:
    """Encode (1, 3, H, W), -1 to 1, to the mean of its latents, (1, 4, h, w), unscaled."""
    with torch.no_grad():
        placed = reference.to(vae.device, vae.dtype)
        mean: torch.Tensor = vae.encode(placed).latent_dist.mode()
    return mean


def decode_frames(
    vae: AutoencoderKLTemporalDecoder, latents: torch.Tensor, tile: int | None = None
) -> torch.Tensor:
    """Decode frames together.

    Args:
        vae: From `build_vae`.
        latents: (n, 4, h, w), as the sampler leaves them.
        tile: Side of the tiles that are decoded one by one, in latent cells; None decodes whole
            frames.

    Returns:
        (n, 3, H, W) float32 on the VAE's device, about -1 to 1.

    Raises:
        InputError: The decoder gave values that are no numbers.
    """
    if tile is not None and tile < max(latents.shape[2:]):
        return _decode_tiles(vae, latents, tile)
    with torch.no_grad():
        placed = latents.to(vae.device, vae.dtype) / LATENT_SCALE
        decoded: torch.Tensor = vae.decode(placed, num_frames=len(placed)).sample
    frames = decoded.float()
    require_finite(frames, "the picture decoder", vae.dtype)
    return frames


def decode_clip(
    vae: AutoencoderKLTemporalDecoder,
    latents: torch.Tensor,
    *,
    runs: Runs | None = None,
    compat: bool = False,
    retreat: Retreat | None = None,
) -> Iterator[torch.Tensor]:
    """Decode a clip as a stream.

    Args:
        vae: From `build_vae`.
        latents: (F, 4, h, w), on any device.
        runs: How much is decoded together; by default `Runs()`, in `compat` 8 frames.
        compat: Whether runs lie side by side, as published.
        retreat: Asked for smaller runs when the device is out of memory; the run in hand is then
            tried again, and nothing that was decoded is lost. None lets the error through.

    Yields:
        (n, 3, H, W) float32 on the VAE's device, 0 to 1; together F frames.

    Raises:
        InputError: The decoder gave values that are no numbers.
    """
    runs = runs or Runs(frames=COMPAT_CHUNK if compat else CHUNK)
    start, n_frames = 0, len(latents)
    held = latents.new_empty(0)
    while start < n_frames:
        stop = min(start + runs.frames, n_frames)
        frames = _try_decode(vae, latents[start:stop], runs.tile)
        if isinstance(frames, RuntimeError):
            if retreat is None:
                raise frames
            runs = retreat(frames)
            spare = max(0, len(held) - min(runs.overlap, runs.frames - 1))
            if spare:
                yield to_unit(held[:spare])
                held, start = held[spare:], start + spare
            continue
        if len(held):
            frames[: len(held)] = _fade(held, frames[: len(held)])
        if compat or stop == n_frames:
            yield to_unit(frames)
            start = stop
            continue
        after = min(stop - runs.overlap, n_frames - runs.frames)
        yield to_unit(frames[: after - start])
        held, start = frames[after - start :], after


def _try_decode(
    vae: AutoencoderKLTemporalDecoder, latents: torch.Tensor, tile: int | None
) -> torch.Tensor | RuntimeError:
    """Decode, or say that memory was short, without holding on to what was half done.

    Raises:
        RuntimeError: Something else went wrong.
    """
    try:
        return decode_frames(vae, latents, tile)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return error.with_traceback(None)


def _decode_tiles(
    vae: AutoencoderKLTemporalDecoder, latents: torch.Tensor, tile: int
) -> torch.Tensor:
    """Decode tiles that overlap by a quarter and fade into each other.

    Not exact: the decoder's norms and its attention see the tile alone.
    """
    n, _, height, width = latents.shape
    side = LATENT_SIDE
    out = torch.zeros(n, 3, side * height, side * width, device=vae.device)
    total = torch.zeros(side * height, side * width, device=vae.device)
    for y in _tile_starts(height, tile):
        for x in _tile_starts(width, tile):
            piece = decode_frames(vae, latents[:, :, y : y + tile, x : x + tile])
            rows, columns = piece.shape[2:]
            weight = _ramp(rows, side * tile // 4)[:, None] * _ramp(columns, side * tile // 4)
            weight = weight.to(out.device)
            place = (slice(side * y, side * y + rows), slice(side * x, side * x + columns))
            out[(..., *place)] += piece * weight
            total[place] += weight
    return out / total


def _tile_starts(length: int, tile: int) -> list[int]:
    last = max(0, length - tile)
    return [*range(0, last, tile - tile // 4), last]


def _ramp(length: int, fade: int) -> torch.Tensor:
    """Rise from nearly 0 to 1 over `fade` numbers, and fall at the end: (length,)."""
    steps = torch.arange(length)
    return ((torch.minimum(steps, steps.flip(0)) + 1) / fade).clamp(max=1)


def _fade(leaving: torch.Tensor, coming: torch.Tensor) -> torch.Tensor:
    """Go from one run to the next over the frames that both have."""
    n = len(leaving)
    trim = min(TRIM, (n - 1) // 2)
    steps = torch.arange(n, device=coming.device)
    weights = ((steps - trim + 1) / (n - 2 * trim + 1)).clamp(0, 1)
    return torch.lerp(leaving, coming, weights.view(-1, 1, 1, 1))


def to_unit(frames: torch.Tensor) -> torch.Tensor:
    """Map -1 to 1 onto 0 to 1 and clamp."""
    return (frames * 0.5 + 0.5).clamp(0, 1)


def to_bytes(frames: torch.Tensor, *, compat: bool = False) -> torch.Tensor:
    """Turn frames into what a video takes.

    Args:
        frames: (n, 3, H, W) float, 0 to 1.
        compat: Whether to cut off below each level, as published, and not round.

    Returns:
        (n, H, W, 3) uint8 on the host, RGB.
    """
    levels = frames * 255 if compat else (frames * 255).round()
    return levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu()
