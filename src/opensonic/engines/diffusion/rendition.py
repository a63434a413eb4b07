"""One pass of the Sonic engine over one portrait and one recording."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from opensonic.engines.base import Run
from opensonic.engines.diffusion.between import BuildIFNet, Frames
from opensonic.engines.diffusion.clip import (
    count_video_frames,
    network_picture,
    network_size,
    sampler_settings,
)
from opensonic.engines.diffusion.conditions import Conditions, SamplerSettings
from opensonic.engines.diffusion.decode import Runs
from opensonic.engines.diffusion.finishing import finish_clip
from opensonic.engines.diffusion.model import SonicModel
from opensonic.engines.diffusion.noise import draw_noise, draw_published_noise
from opensonic.engines.diffusion.resources import Resources, smaller, smaller_runs, visiting
from opensonic.engines.diffusion.resume import (
    Fingerprint,
    StateFile,
    digest_files,
    digest_picture,
    digest_settings,
    digest_sound,
    held_signals,
)
from opensonic.engines.diffusion.sampler import Sampler
from opensonic.engines.diffusion.shortage import is_out_of_memory
from opensonic.engines.diffusion.state import SamplerState, start_state
from opensonic.engines.diffusion.whisper import SAMPLE_RATE
from opensonic.errors import InputError
from opensonic.progress import Report
from opensonic.settings import Settings
from opensonic.values import Portrait, Speech

DECIDING = (
    "inference_steps",
    "audio_guidance",
    "image_guidance",
    "dynamic_scale",
    "motion_scale",
    "speed",
    "compat",
    "seed",
)
"""Settings that decide the latents."""


@dataclass(frozen=True, eq=False)
class Networks:
    """What was loaded.

    Attributes:
        model: The networks up to the latents, and the VAE.
        build_ifnet: Gives RIFE's network, on the device; None where its file is not there.
        files: Where they came from, in a fixed order.
    """

    model: SonicModel
    build_ifnet: BuildIFNet | None
    files: tuple[Path, ...]


@dataclass(eq=False, kw_only=True)
class Rendition:
    """Everything that one pass works with.

    Attributes:
        networks: Loaded, on the device, or on the host where `resources` says so.
        portrait: The picture.
        speech: The sound.
        settings: What the user chose.
        run: Who watches, and where finished work is kept.
        device: Where the networks run, as PyTorch calls it.
        dtype: Of UNet, VAE and image encoder.
        resources: How much is done at once; less, once the device ran out of memory.
        mends: Whether frames that jump are made anew.
    """

    networks: Networks
    portrait: Portrait
    speech: Speech
    settings: Settings
    run: Run
    device: str
    dtype: torch.dtype
    resources: Resources
    mends: bool = False

    def frames(self) -> Iterator[Frames]:
        """Denoise the clip, then decode it.

        Yields:
            (T, H, W, 3) uint8 RGB, consecutive frames of the video.

        Raises:
            InputError: The device has too little memory, or finished work is of another video.
            EncodeError: Finished work cannot be kept.
        """
        keeper = self._state_file()
        kept = keeper.load() if keeper else None
        chosen = sampler_settings(self.settings, self.networks.model.dimensions.unet.num_frames)
        state = self._denoised(kept, chosen, keeper)
        if keeper:
            keeper.save(state)
        yield from self._finished(state.latents)

    def _state_file(self) -> StateFile | None:
        if self.run.state is None:
            return None
        self._report("looking for finished work")
        return StateFile(self.run.state, self._fingerprint())

    def _fingerprint(self) -> Fingerprint:
        whole = self.portrait.original or self.portrait
        size = network_size(self.portrait, self.settings)
        chosen = {name: getattr(self.settings, name) for name in DECIDING}
        return {
            "picture": digest_picture(whole.image, whole.face.box, *size),
            "sound": digest_sound(self.speech.blocks(SAMPLE_RATE)),
            "settings": digest_settings(
                chosen | {"device": self.device.partition(":")[0], "dtype": self.dtype}
            ),
            "weights": digest_files(self.networks.files),
        }

    def _denoised(
        self, kept: SamplerState | None, chosen: SamplerSettings, keeper: StateFile | None
    ) -> SamplerState:
        if kept is not None and kept.step == chosen.n_run:
            return kept
        model = self.networks.model
        self._report("hearing")
        conditions = self._conditions()
        state = kept or self._start(conditions, chosen)
        while state.step < chosen.n_run:
            fitted = replace(
                chosen,
                branch_batch=self.resources.branch_batch,
                cache_bytes=self.resources.cache_bytes,
            )
            try:
                with self._placed(model.unet, model.audio_tokens):
                    self._denoise(Sampler(model.unet, conditions, fitted), fitted, state, keeper)
            except RuntimeError as error:
                if is_out_of_memory(error):
                    self._take_less(smaller(self.resources), error)
                elif model.unet.run_plain():  # what the compiler is to blame for does not come back
                    self._report("torch.compile failed: going on without")
                else:
                    raise
        return state

    def _conditions(self) -> Conditions:
        model = self.networks.model
        picture = network_picture(self.portrait, self.settings, model.dimensions.clip.image_size)
        listening = (model.clip, model.vae, model.whisper, model.buckets, model.audio_tokens)
        while True:
            try:
                with self._placed(*listening):
                    return model.prepare(
                        picture, self.speech.blocks(SAMPLE_RATE), compat=self.settings.compat
                    )
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._take_less(smaller(self.resources), error)

    def _start(self, conditions: Conditions, chosen: SamplerSettings) -> SamplerState:
        """Begin with noise; the sampler needs it no more afterwards."""
        height, width = conditions.image_latents.shape[2:]
        noise = self._noise(conditions.audio.n_frames, (height, width))
        return start_state(conditions, noise, chosen)

    def _noise(self, n_frames: int, latent_size: tuple[int, int]) -> Iterator[torch.Tensor]:
        if self.settings.compat:
            generator = torch.Generator(self.device).manual_seed(self.settings.seed)
            return draw_published_noise(n_frames, latent_size, generator, self.dtype)
        generator = torch.Generator().manual_seed(self.settings.seed)
        return draw_noise(n_frames, latent_size, generator, self.dtype)

    def _denoise(
        self,
        sampler: Sampler,
        chosen: SamplerSettings,
        state: SamplerState,
        keeper: StateFile | None,
    ) -> None:
        per_step = [len(chosen.windows(len(state.latents), i)) for i in range(chosen.n_run)]
        self._report_windows(per_step, state.step, state.window)
        with held_signals() if keeper else nullcontext(lambda: None) as let_stop:
            for _ in sampler.run(state):
                self._report_windows(per_step, state.step, state.window)
                if keeper:
                    keeper.save_now_and_then(state)
                try:
                    let_stop()
                except BaseException:
                    if keeper:
                        keeper.save(state)
                    raise

    def _report_windows(self, per_step: list[int], step: int, window: int) -> None:
        detail = ""
        if step < len(per_step):
            detail = f"step {step + 1} of {len(per_step)}, window {window + 1} of {per_step[step]}"
        done = sum(per_step[:step]) + window
        self.run.progress(Report("denoising", done, sum(per_step), "windows", detail))

    def _finished(self, latents: torch.Tensor) -> Iterator[Frames]:
        """Decode; after an out-of-memory once more with less, without what was given already.

        Raises:
            RuntimeError: Something else went wrong.
        """
        settings, vae = self.settings, self.networks.model.vae
        height, width = self.portrait.image.shape[:2]
        given = 0
        n_frames = count_video_frames(self.speech, settings)
        while given < n_frames:
            skipped = given
            try:
                with self._placed(vae):
                    for frames in finish_clip(
                        vae,
                        latents,
                        self.networks.build_ifnet,
                        fps=settings.fps,
                        n_frames=n_frames,
                        size=(width, height),
                        compat=settings.compat,
                        runs=self.resources.runs(compat=settings.compat),
                        retreat=self._decode_less,
                        make_room=self._make_room,
                        jumped=self.run.jumped if self.mends else None,
                    ):
                        fresh = frames[skipped:]
                        skipped -= len(frames) - len(fresh)
                        given += len(fresh)
                        if len(fresh):
                            yield fresh
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._decode_less(error)

    def _decode_less(self, error: RuntimeError) -> Runs:
        compat = self.settings.compat
        self._take_less(smaller_runs(self.resources, compat=compat), error)
        self.networks.model.vae.to(self.device)
        return self.resources.runs(compat=compat)

    def _make_room(self, error: RuntimeError) -> bool:
        """Send to the host what is not needed on the device, if that was not done yet."""
        if self.resources.offload:
            return False
        self._decode_less(error)
        return True

    def _placed(self, *networks: nn.Module) -> AbstractContextManager[None]:
        """Bring networks that wait on the host to the device, and back afterwards."""
        return visiting(self.device, *networks) if self.resources.offload else nullcontext()

    def _take_less(self, resources: Resources | None, error: Exception) -> None:
        """Go on with less memory.

        Raises:
            InputError: There is nothing left to save.
        """
        if resources is None:
            raise InputError(
                f"{self.device} has too little memory for this video at the least that a run "
                "takes; choose a smaller min_resolution"
            ) from error
        self._report("the device ran out of memory: going on with less")
        if resources.offload and not self.resources.offload:
            self.networks.model.move("cpu")
        self.resources = resources
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()

    def _report(self, stage: str) -> None:
        self.run.progress(Report(stage, 0, 1))
