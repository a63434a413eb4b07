"""What a run of the sampler is told: what to show, and how to sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from opensonic.engines.diffusion.context import CACHE_BYTES
from opensonic.engines.diffusion.scheduler import karras_sigmas
from opensonic.engines.diffusion.shortcuts import EXACT, Shortcuts
from opensonic.engines.diffusion.windows import plan_windows
from opensonic.errors import InputError

MODEL_FPS = 12.5
"""Frames per second of the model's own clip."""
N_BRANCHES = 3
"""Guidance branches: nothing; the picture; picture and speech."""


class AudioTokens(Protocol):
    """The audio tokens of a clip, made as they are asked for."""

    n_frames: int

    def of_frames(self, frames: tuple[int, ...]) -> torch.Tensor:
        """Give the tokens of some frames: (n, N, D)."""
        ...

    def of_silence(self) -> torch.Tensor:
        """Give the unconditional tokens: (1, N, D)."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Conditions:
    """What the clip shall show.

    Attributes:
        image_latents: (1, 4, h, w) mean of the VAE's latents of the picture, unscaled.
        image_token: (1, 1, D) CLIP embedding of the picture.
        mask: (1, 1, H, W) float32 face mask, 0 to 1, H = 8 h.
        buckets: (F, 2) float32 translation and expression bucket of each frame.
        audio: The audio tokens of F frames.
    """

    image_latents: torch.Tensor
    image_token: torch.Tensor
    mask: torch.Tensor
    buckets: torch.Tensor
    audio: AudioTokens


@dataclass(frozen=True, kw_only=True)
class SamplerSettings:
    """How to sample; the defaults are the published values.

    Attributes:
        n_steps: Steps.
        window: Frames that are denoised together.
        overlap: Frames that neighbouring windows share.
        shift: Frames by which the windows move from step to step.
        image_guidance: Weight of the picture's branch at the first and the last step.
        audio_guidance: Weight of the speech's branch at the first and the last step.
        translation_scale: Factor of the translation bucket.
        expression_scale: Factor of the expression bucket.
        fps: Frames per second that the UNet is told.
        strength: Share of the steps that are run, the last ones; 1 runs all.
        audio_scale: Weight of the audio attention.
        compat: Whether windows wrap around the end of the clip, as published.
        plain: Whether attention follows the text token by token (slow; for comparison).
        branch_batch: Guidance branches per call of the UNet: 1 needs a third of the memory of 3.
        cache_bytes: Bytes of keys and values that may be kept.
        shortcuts: What is saved at the cost of exactness; nothing by default.
    """

    n_steps: int = 25
    window: int = 25
    overlap: int = 0
    shift: int = 7
    image_guidance: tuple[float, float] = (2.0, 2.0)
    audio_guidance: tuple[float, float] = (7.5, 7.5)
    translation_scale: float = 1.0
    expression_scale: float = 1.0
    fps: float = MODEL_FPS
    strength: float = 1.0
    audio_scale: float = 1.0
    compat: bool = False
    plain: bool = False
    branch_batch: int = N_BRANCHES
    cache_bytes: int = CACHE_BYTES
    shortcuts: Shortcuts = EXACT

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.window:
            raise InputError(
                f"overlap is {self.overlap} frames; expected 0 to {self.window - 1}, "
                "less than a window"
            )
        if not self.n_run:
            raise InputError(
                f"strength {self.strength} of {self.n_steps} steps leaves none; expected at least "
                f"{1 / max(self.n_steps, 1):g}, at most 1"
            )

    @property
    def n_run(self) -> int:
        """Steps that are run."""
        return min(int(self.n_steps * self.strength), self.n_steps)

    def sigmas(self) -> torch.Tensor:
        """Noise levels of the steps that are run: (n_run + 1,) float32."""
        return karras_sigmas(self.n_steps)[self.n_steps - self.n_run :]

    def turn(self, step: int) -> range:
        """List the steps that a window takes in a row, beginning with `step`."""
        return range(step, min(step + self.shortcuts.stay, self.n_run))

    def windows(self, n_frames: int, step: int) -> list[tuple[int, ...]]:
        """List the windows of a step of a clip; none where those of the step before stay."""
        if step % self.shortcuts.stay:
            return []
        return plan_windows(
            n_frames,
            step,
            length=self.window,
            overlap=self.overlap,
            shift=self.shift,
            compat=self.compat,
        )
