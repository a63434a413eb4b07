"""The sampler: denoises a clip window by window, step by step, and can stop and go on anywhere.

Sonic (arXiv 2411.16331): three guidance branches (nothing; the picture; picture and speech), Euler
steps, windows that shift with the steps. All frames' latents stay on the host; the device holds one
window. A frame is written back as soon as its last window of the step is done, so that besides the
latents only the frames of the overlap are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from opensonic.engines.diffusion.conditions import N_BRANCHES, Conditions, SamplerSettings
from opensonic.engines.diffusion.context import CONSTANT, Branch, Context, KVCache
from opensonic.engines.diffusion.finite import require_finite
from opensonic.engines.diffusion.mask import MaskGrids
from opensonic.engines.diffusion.scheduler import euler_step, scale_input, timestep
from opensonic.engines.diffusion.shortcuts import foretell_clean, second_order_step
from opensonic.engines.diffusion.state import SamplerState
from opensonic.engines.diffusion.unet import SonicUNet


@dataclass(frozen=True)
class Position:
    """How far sampling is.

    Attributes:
        step: Step of the window that was just done, from 0.
        n_steps: Steps in all.
        window: The window that was just done, from 0.
        n_windows: Windows of this step.
    """

    step: int
    n_steps: int
    window: int
    n_windows: int


class Sampler:
    """Denoises one clip.

    Args:
        unet: On its device, in its dtype.
        conditions: What to show.
        settings: How.
    """

    def __init__(self, unet: SonicUNet, conditions: Conditions, settings: SamplerSettings) -> None:
        weight = unet.conv_in.weight
        self._unet, self._settings = unet, settings
        self._device, self._dtype = weight.device, weight.dtype
        self._audio = conditions.audio
        self._buckets = conditions.buckets
        self._image_latents = self._place(conditions.image_latents)
        self._image_token = self._place(conditions.image_token)
        self._silence = self._place(conditions.audio.of_silence())
        self._mask = MaskGrids(conditions.mask.to(self._device))
        self._cache = None if settings.plain else KVCache(settings.cache_bytes)
        self._sigmas = settings.sigmas()

    def run(self, state: SamplerState) -> Iterator[Position]:
        """Denoise on from `state`, which is brought up to date before each report.

        Yields:
            The position after each window. After the last one, `state.latents` are the clip's.

        Raises:
            InputError: The network gave values that are no numbers; `state` is as it was before.
        """
        n_frames, n_steps = len(state.latents), self._settings.n_run
        while state.step < n_steps:
            turn = self._settings.turn(state.step)
            windows = self._settings.windows(n_frames, state.step)
            last_use = {frame: k for k, window in enumerate(windows) for frame in window}
            for k in range(state.window, len(windows)):
                self._denoise(state, windows[k], turn)
                closed = {f for f in windows[k] if last_use[f] == k}
                state.close_frames(closed)
                state.window = k + 1
                if state.window == len(windows):
                    state.step, state.window = turn[-1] + 1, 0
                yield Position(turn[-1], n_steps, k, len(windows))

    def _denoise(self, state: SamplerState, window: tuple[int, ...], turn: range) -> None:
        """Take the steps of a turn with a window and add the result to the sums of its frames."""
        latents = self._place(state.latents[list(window)])
        clean: torch.Tensor | None = None
        if state.foretold is not None and turn[0]:
            clean = self._place(state.foretold[list(window)])
        deep: dict[int, torch.Tensor] | None = {} if len(turn) > 1 else None
        with torch.no_grad():
            for step in turn:
                prediction = self.predict(latents, window, step, deep)
                latents, clean = self._step(prediction, latents, clean, step)
        require_finite(latents, "the denoising network", self._dtype)
        if clean is not None:
            state.fresh.update(zip(window, clean.to(latents.dtype).cpu(), strict=True))
        for frame, result in zip(window, latents.cpu(), strict=True):
            state.sums[frame] = state.sums[frame] + result if frame in state.sums else result
            state.counts[frame] = state.counts.get(frame, 0) + 1

    def _step(
        self,
        prediction: torch.Tensor,
        latents: torch.Tensor,
        before: torch.Tensor | None,
        step: int,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Take one step, with second order where that is chosen and the step before is known.

        Args:
            prediction: (f, 4, h, w) of v.
            latents: Same shape, noisy.
            before: Same shape, the clean latents that the step before foretold.
            step: Number of the step.

        Returns:
            The latents, and what this step foretold, if a solver of second order will ask.
        """
        now, following = self._sigmas[step], self._sigmas[step + 1]
        if not self._settings.shortcuts.second_order:
            return euler_step(prediction, latents, now, following), None
        clean = foretell_clean(prediction, latents, now)
        if before is None:
            return euler_step(prediction, latents, now, following), clean
        levels = (self._sigmas[step - 1], now, following)
        return second_order_step(latents, clean, before, levels), clean

    def predict(
        self,
        latents: torch.Tensor,
        window: tuple[int, ...],
        step: int,
        deep: dict[int, torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Predict v for a window, guided.

        Args:
            latents: (f, 4, h, w) noisy, on the device.
            window: Number of each frame in the clip.
            step: Number of the step.
            deep: Deep features by branch; filled where it is empty, else used.

        Returns:
            (f, 4, h, w).
        """
        settings, sigma = self._settings, self._sigmas[step]
        branches = self._branches(window)
        noisy = scale_input(latents, sigma)
        time_ids = self.time_ids(window)
        early: dict[str, torch.Tensor] = {}
        outputs: list[torch.Tensor] = []
        leave_out = settings.shortcuts.leaves_out(step, settings.n_run)
        for first in range(int(leave_out), N_BRANCHES, settings.branch_batch):
            chosen = range(first, min(first + settings.branch_batch, N_BRANCHES))
            has_twin = N_BRANCHES - 1 in chosen and not settings.plain
            context = Context(
                tuple(branches[i] for i in chosen),
                len(window),
                self._mask,
                audio_scale=settings.audio_scale,
                plain=settings.plain,
                cache=self._cache,
                twin=len(chosen) - 1 if has_twin else None,
                early=None if settings.plain else early,
            )
            sample = torch.stack([self._join_image(noisy, with_image=i > 0) for i in chosen])
            ids = time_ids.expand(len(chosen), -1)
            known = None if deep is None else [deep[i] for i in chosen if i in deep]
            outputs += self._unet(sample, timestep(sigma), context, ids, known)
            if deep is not None:
                deep.update(zip(chosen, known or (), strict=True))
        return self._guide(outputs, step)

    def time_ids(self, window: tuple[int, ...]) -> torch.Tensor:
        """Give the added numbers of a window: (1, 3) frame rate and mean buckets, scaled."""
        means = self._buckets[list(window)].float().mean(0)
        scales = (self._settings.translation_scale, self._settings.expression_scale)
        scaled = means * torch.tensor(scales, device=means.device)
        return self._place(torch.cat([scaled.new_tensor([self._settings.fps]), scaled])[None])

    def _branches(self, window: tuple[int, ...]) -> tuple[Branch, ...]:
        heard = self._place(self._audio.of_frames(window))
        nothing = torch.zeros_like(self._image_token)
        return (
            Branch(nothing, self._silence, CONSTANT),
            Branch(self._image_token, self._silence, CONSTANT),
            Branch(self._image_token, heard, window),
        )

    def _join_image(self, noisy: torch.Tensor, *, with_image: bool) -> torch.Tensor:
        """Append the picture's latents, or zeros: (f, 4, h, w) to (f, 8, h, w)."""
        image = self._image_latents if with_image else torch.zeros_like(self._image_latents)
        return torch.cat([noisy, image.expand(len(noisy), -1, -1, -1)], dim=1)

    def _guide(self, outputs: list[torch.Tensor], step: int) -> torch.Tensor:
        settings = self._settings
        *rest, picture, speech = outputs
        nothing = rest[0] if rest else picture
        image, audio = (
            float(torch.linspace(*ramp, settings.n_run)[step].to(picture.dtype))
            for ramp in (settings.image_guidance, settings.audio_guidance)
        )
        return nothing + image * (picture - nothing) + audio * (speech - picture)

    def _place(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self._device, self._dtype)
