"""The noise that a clip begins with, a frame at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch


def draw_noise(
    n_frames: int,
    latent_size: tuple[int, int],
    generator: torch.Generator,
    dtype: torch.dtype = torch.float32,
) -> Iterator[torch.Tensor]:
    """Draw the noise of a clip, the same on every device.

    One draw of (4, h, w) float32 per frame, in order, and nothing else: a longer clip begins like a
    shorter one.

    Args:
        n_frames: Frames of the clip.
        latent_size: h and w.
        generator: On the CPU, seeded.
        dtype: To round the noise to.

    Yields:
        (4, h, w) of `dtype`, for each frame.
    """
    for _ in range(n_frames):
        yield torch.randn((4, *latent_size), generator=generator).to(dtype)


def draw_published_noise(
    n_frames: int,
    latent_size: tuple[int, int],
    generator: torch.Generator,
    dtype: torch.dtype = torch.float16,
) -> Iterator[torch.Tensor]:
    """Draw the noise in the published order, on the generator's device.

    First the noise of the picture, (1, 3, H, W), which is multiplied by 0; then the latents' noise,
    (1, F, 4, h, w). The unused draws after each step change nothing. A CPU draws the same numbers
    frame by frame; a GPU must draw all at once, which is at most 400 s.

    Yields:
        (4, h, w) of `dtype` on the generator's device, for each frame.
    """
    height, width = latent_size
    place = {"generator": generator, "device": generator.device, "dtype": dtype}
    torch.randn((1, 3, 8 * height, 8 * width), **place)  # type: ignore[call-overload]
    together = 1 if generator.device.type == "cpu" else n_frames
    for _ in range(n_frames // together):
        yield from torch.randn((together, 4, height, width), **place)  # type: ignore[call-overload]
