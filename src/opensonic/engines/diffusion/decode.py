"""Latents to frames, some frames at a time, without visible seams.

SVD's decoder (arXiv 2311.15127) looks at neighbouring frames, so that what it gives depends on
which frames it is given together. The published program decodes 8 at a time, side by side: between
the 8th and the 9th frame the picture jumps. Here runs of frames overlap: the outermost two frames
of each, which have seen neighbours on one side only, are dropped, and the others fade from one run
to the next. Memory does not grow with the clip.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from diffusers import AutoencoderKLTemporalDecoder

from opensonic.engines.diffusion.dimensions import VAESizes
from opensonic.errors import InputError

LATENT_SCALE = 0.18215
CHUNK = 14
"""Frames that are decoded together."""
OVERLAP = 6
"""Frames that two neighbouring runs share."""
TRIM = 2
"""Of those, frames at each end that only the other run gives."""
COMPAT_CHUNK = 8


def build_vae(sizes: VAESizes) -> AutoencoderKLTemporalDecoder:
    """Build SVD's autoencoder with random weights, in evaluation mode, as diffusers names them."""
    return AutoencoderKLTemporalDecoder(**sizes.config()).eval()


def encode_picture(vae: AutoencoderKLTemporalDecoder, reference: torch.Tensor) -> torch.Tensor:
    """Encode (1, 3, H, W), -1 to 1, to the mean of its latents, (1, 4, h, w), unscaled."""
    with torch.no_grad():
        placed = reference.to(vae.device, vae.dtype)
        mean: torch.Tensor = vae.encode(placed).latent_dist.mode()
    return mean


def decode_frames(vae: AutoencoderKLTemporalDecoder, latents: torch.Tensor) -> torch.Tensor:
    """Decode frames together.

    Args:
        vae: From `build_vae`.
        latents: (n, 4, h, w), as the sampler leaves them.

    Returns:
        (n, 3, H, W) float32 on the VAE's device, about -1 to 1.
    """
    with torch.no_grad():
        placed = latents.to(vae.device, vae.dtype) / LATENT_SCALE
        decoded: torch.Tensor = vae.decode(placed, num_frames=len(placed)).sample
    return decoded.float()


def decode_clip(
    vae: AutoencoderKLTemporalDecoder,
    latents: torch.Tensor,
    *,
    chunk: int | None = None,
    overlap: int = OVERLAP,
    compat: bool = False,
) -> Iterator[torch.Tensor]:
    """Decode a clip as a stream.

    Args:
        vae: From `build_vae`.
        latents: (F, 4, h, w), on any device.
        chunk: Frames that are decoded together; memory grows with it. By default 14, in `compat` 8.
        overlap: Frames that two runs share, fewer than `chunk`.
        compat: Whether runs lie side by side, as published.

    Yields:
        (n, 3, H, W) float32 on the VAE's device, 0 to 1; together F frames.

    Raises:
        InputError: The runs would not advance.
    """
    chunk = chunk or (COMPAT_CHUNK if compat else CHUNK)
    if overlap >= chunk and not compat:
        raise InputError(
            f"runs of {chunk} frames cannot share {overlap}; expected at most {chunk - 1}"
        )
    if compat or len(latents) <= chunk:
        for run in latents.split(chunk):
            yield to_unit(decode_frames(vae, run))
        return
    starts = [*range(0, len(latents) - chunk, chunk - overlap), len(latents) - chunk]
    held = latents.new_empty(0)
    for start, after in zip(starts, [*starts[1:], len(latents)], strict=True):
        frames = decode_frames(vae, latents[start : start + chunk])
        if len(held):
            frames[: len(held)] = _fade(held, frames[: len(held)])
        yield to_unit(frames[: after - start])
        held = frames[after - start :]


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
