"""The sampler: denoises a clip window by window, step by step, and can stop and go on anywhere.

Sonic (arXiv 2411.16331): three guidance branches (nothing; the picture; picture and speech), Euler
steps, windows that shift with the steps. All frames' latents stay on the host; the device holds one
window. A frame is written back as soon as its last window of the step is done, so that besides the
latents only the frames of the overlap are kept. With what was heard, a second of video takes
0.46 MB at 512 px in half precision, 0.97 MB at 768 px and 1.69 MB at 1024 px.

Longer than most modules, because what a run is told, its state and its steps are read together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from opensonic.engines.diffusion.attention import CACHE_BYTES, CONSTANT, Branch, Context, KVCache
from opensonic.engines.diffusion.mask import MaskGrids
from opensonic.engines.diffusion.scheduler import (
    euler_step,
    karras_sigmas,
    scale_input,
    timestep,
)
from opensonic.engines.diffusion.shortcuts import (
    EXACT,
    Shortcuts,
    foretell_clean,
    second_order_step,
)
from opensonic.engines.diffusion.unet import SonicUNet
from opensonic.engines.diffusion.windows import plan_windows
from opensonic.errors import InputError

MODEL_FPS = 12.5
"""Frames per second of the model's own clip."""
IMAGE_LATENT_SCALE = 0.18215
"""The picture's latents times this are what noise is added to."""
_N_BRANCHES = 3


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
    strength: float = 1.0
    audio_scale: float = 1.0
    compat: bool = False
    plain: bool = False
    branch_batch: int = _N_BRANCHES
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


@dataclass(eq=False)
class SamplerState:
    """Where sampling stands: all that is needed to go on. No randomness is left in it.

    Attributes:
        latents: (F, 4, h, w) on the host.
        step: Number of the step at work, from 0.
        window: Number of the next window in that step.
        sums: Frames that some but not all windows of this step have done: the sum of the results.
        counts: Number of results in each sum.
        foretold: By step and frame, the clean latents that a solver of second order looks back to.
    """

    latents: torch.Tensor
    step: int = 0
    window: int = 0
    sums: dict[int, torch.Tensor] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    foretold: dict[int, dict[int, torch.Tensor]] = field(default_factory=dict)

    def save(self, path: Path, notes: Mapping[str, str] | None = None) -> None:
        """Write the state to a safetensors file, replacing it in one move.

        Args:
            path: The file; its folder exists.
            notes: Text by key that the file shall carry.
        """
        frames = sorted(self.sums)
        tensors = {
            "latents": self.latents,
            "position": torch.tensor([self.step, self.window]),
            "frames": torch.tensor(frames, dtype=torch.int64),
            "counts": torch.tensor([self.counts[f] for f in frames], dtype=torch.int64),
            "sums": torch.stack([self.sums[f] for f in frames]) if frames else self.latents[:0],
        }
        for step, rows in self.foretold.items():
            if rows:
                tensors[f"foretold.{step}.frames"] = torch.tensor([*rows])
                tensors[f"foretold.{step}.latents"] = torch.stack([*rows.values()])
        part = path.with_name(path.name + ".part")
        whole = {name: each.contiguous() for name, each in tensors.items()}
        try:
            save_file(whole, part, metadata=dict(notes or {}))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> SamplerState:
        """Read a state that `save` wrote.

        Raises:
            InputError: The file cannot be read or is not such a state.
        """
        try:
            with safe_open(path, "pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            step, window = tensors["position"].tolist()
            frames = tensors["frames"].tolist()
            sums = dict(zip(frames, tensors["sums"].unbind(), strict=True))
            counts = dict(zip(frames, tensors["counts"].tolist(), strict=True))
            foretold = {
                int(name.split(".")[1]): dict(
                    zip(
                        numbers.tolist(),
                        tensors[name.replace("frames", "latents")].unbind(),
                        strict=True,
                    )
                )
                for name, numbers in tensors.items()
                if name.startswith("foretold.") and name.endswith(".frames")
            }
            return cls(tensors["latents"], step, window, sums, counts, foretold)
        except Exception as error:  # safetensors' errors have no common base
            raise InputError(
                f"{path}: not the state of an interrupted run ({error}); start the run anew"
            ) from error


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


def draw_noise(
    n_frames: int,
    latent_size: tuple[int, int],
    generator: torch.Generator,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """Draw the noise of a clip, the same on every device.

    One draw of (4, h, w) float32 per frame, in order, and nothing else: a longer clip begins like a
    shorter one.

    Args:
        n_frames: Frames of the clip.
        latent_size: h and w.
        generator: On the CPU, seeded.
        dtype: To keep the noise in.

    Returns:
        (F, 4, h, w) of `dtype`.
    """
    noise = torch.empty(n_frames, 4, *latent_size, dtype=dtype)
    for frame in noise:
        frame.copy_(torch.randn(frame.shape, generator=generator))
    return noise


def draw_published_noise(
    n_frames: int,
    latent_size: tuple[int, int],
    generator: torch.Generator,
    dtype: torch.dtype = torch.float16,
) -> torch.Tensor:
    """Draw the noise in the published order, on the generator's device.

    First the noise of the picture, (1, 3, H, W), which is multiplied by 0; then the latents' noise,
    (1, F, 4, h, w). The unused draws after each step change nothing.

    Returns:
        (F, 4, h, w) of `dtype` on the generator's device.
    """
    height, width = latent_size
    place = {"generator": generator, "device": generator.device, "dtype": dtype}
    torch.randn((1, 3, 8 * height, 8 * width), **place)  # type: ignore[call-overload]
    noise: torch.Tensor = torch.randn((1, n_frames, 4, height, width), **place)  # type: ignore[call-overload]
    return noise[0]


def start_state(
    conditions: Conditions, noise: torch.Tensor, settings: SamplerSettings
) -> SamplerState:
    """Begin: the picture's latents in every frame, with noise of the first level on them.

    Args:
        conditions: Their image latents are the start.
        noise: (F, 4, h, w) of unit variance.
        settings: Say the first level.
    """
    still = (conditions.image_latents[0] * IMAGE_LATENT_SCALE).cpu()
    level = settings.sigmas()[0].to(still.dtype)
    latents = torch.empty(noise.shape, dtype=still.dtype)
    for frame, drawn in zip(latents, noise, strict=True):
        frame.copy_(still + drawn.to("cpu", still.dtype) * level)
    return SamplerState(latents)


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
        """
        n_frames, n_steps = len(state.latents), self._settings.n_run
        while state.step < n_steps:
            turn = self._settings.turn(state.step)
            windows = self._settings.windows(n_frames, state.step)
            last_use = {frame: k for k, window in enumerate(windows) for frame in window}
            for k in range(state.window, len(windows)):
                self._denoise(state, windows[k], turn)
                closed = {f for f in windows[k] if last_use[f] == k}
                _close_frames(state, closed)
                for frame in closed:
                    state.foretold.get(turn[0] - 1, {}).pop(frame, None)
                state.window = k + 1
                if state.window == len(windows):
                    state.step, state.window = turn[-1] + 1, 0
                yield Position(turn[-1], n_steps, k, len(windows))

    def _denoise(self, state: SamplerState, window: tuple[int, ...], turn: range) -> None:
        """Take the steps of a turn with a window and add the result to the sums of its frames."""
        latents = self._place(state.latents[list(window)])
        past = state.foretold.get(turn[0] - 1, {})
        clean: torch.Tensor | None = None
        if past and all(frame in past for frame in window):
            clean = self._place(torch.stack([past[frame] for frame in window]))
        deep: dict[int, torch.Tensor] | None = {} if len(turn) > 1 else None
        with torch.no_grad():
            for step in turn:
                prediction = self.predict(latents, window, step, deep)
                latents, clean = self._step(prediction, latents, clean, step)
        if clean is not None:
            for old in [step for step in state.foretold if step < turn[0] - 1]:
                del state.foretold[old]
            kept = clean.to(latents.dtype).cpu()
            state.foretold.setdefault(turn[-1], {}).update(zip(window, kept, strict=True))
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
        for first in range(int(leave_out), _N_BRANCHES, settings.branch_batch):
            chosen = range(first, min(first + settings.branch_batch, _N_BRANCHES))
            has_twin = _N_BRANCHES - 1 in chosen and not settings.plain
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
        return self._place(torch.cat([scaled.new_tensor([MODEL_FPS]), scaled])[None])

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
            float(torch.linspace(*ramp, settings.n_run)[step])
            for ramp in (settings.image_guidance, settings.audio_guidance)
        )
        return nothing + image * (picture - nothing) + audio * (speech - picture)

    def _place(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self._device, self._dtype)


def _close_frames(state: SamplerState, frames: set[int]) -> None:
    """Write frames back that no later window of this step reads or writes."""
    for frame in frames:
        state.latents[frame] = state.sums.pop(frame) / state.counts.pop(frame)
