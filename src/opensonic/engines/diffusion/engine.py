"""The Sonic engine: the whole clip is denoised, then decoded and handed out frame by frame.

Sonic (arXiv 2411.16331), with the published weights or those of a training of one's own. The parts
stand in the other modules of this folder; here they meet the seam of the engines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from opensonic.device import Device, DtypeName, read_bytes
from opensonic.engines.base import PLAIN_RUN, Engine, Run, n_frames
from opensonic.engines.diffusion.between import BuildIFNet, ByRife, ByteBetween
from opensonic.engines.diffusion.clip import (
    count_model_frames,
    count_video_frames,
    network_size,
    refuse_unfit,
    sampler_settings,
)
from opensonic.engines.diffusion.compiling import why_not_compile
from opensonic.engines.diffusion.costs import Job
from opensonic.engines.diffusion.dimensions import MODEL_RATE, Dimensions
from opensonic.engines.diffusion.model import SonicModel, read_file_sizes
from opensonic.engines.diffusion.picture import SIDE_MULTIPLE
from opensonic.engines.diffusion.plan import Plan, plan_run
from opensonic.engines.diffusion.published_face import (
    detector_notes,
    find_detector,
    with_published_face,
)
from opensonic.engines.diffusion.rendition import Networks, Rendition
from opensonic.engines.diffusion.requirements import needed_files
from opensonic.engines.diffusion.resources import Resources
from opensonic.engines.diffusion.shortage import is_out_of_memory
from opensonic.engines.diffusion.state import read_step
from opensonic.errors import InputError, WeightsError
from opensonic.post.interpolate.ifnet import load_ifnet
from opensonic.post.interpolate.stream import Between
from opensonic.progress import Report
from opensonic.settings import Settings
from opensonic.values import Chunk, Motion, Performance, Portrait, Speech
from opensonic.weights.check import require_files
from opensonic.weights.networks import network_files
from opensonic.weights.places import Found, find_file
from opensonic.weights.records import RIFE

FILES = {
    "unet": "unet",
    "vae": "vae",
    "clip": "image_encoder",
    "whisper": "whisper",
    "audio_tokens": "audio2token",
    "buckets": "audio2bucket",
}
"""Record of the file of each network."""
SQUEEZE_TOLD = 0.1
"""Change of the picture's proportions in the network from which it is told."""


class SonicEngine(Engine):
    """Draws the video with a Sonic model; loads it when the first frame is asked for.

    Args:
        device: Where the networks run.
        dtype: Numbers that UNet, VAE and image encoder compute with.
    """

    name = "sonic"
    follows_motion = False
    tells_motion = False
    wants_original = True
    may_jump = True
    mends_jumps = True
    in_silence = "what the mouth does then is up to the model"

    def __init__(self, device: Device, dtype: DtypeName) -> None:
        self._device, self._dtype_name = device, dtype
        self._dtype: torch.dtype = getattr(torch, dtype)
        self._loaded: dict[tuple[Path | None, bool, tuple[str, ...], bool], Networks] = {}

    def count_frames(self, source: Speech | Motion | Performance, settings: Settings) -> int:
        """See `Engine.count_frames`; in `compat` as many as the published program writes."""
        if isinstance(source, Speech):
            return count_video_frames(source, settings)
        return n_frames(source, settings.fps)

    def between(self) -> Between | None:
        """See `Engine.between`: RIFE's network, once it is loaded and where its file is there."""
        networks = next(iter(self._loaded.values()), None)
        if networks is None or networks.build_ifnet is None:
            return None
        return ByteBetween(ByRife(networks.build_ifnet))

    def check(
        self, portrait: Portrait, source: Speech | Motion | Performance, settings: Settings
    ) -> tuple[str, ...]:
        """See `Engine.check`."""
        speech = _require_speech(source)
        refuse_unfit(speech, settings)
        plan = self._plan(portrait, speech, settings)
        width, height = plan.job.size
        rows, columns = portrait.image.shape[:2]
        note = f"drawn at {width}x{height} in {self._dtype_name} on {self._device.model}"
        if (columns, rows) != (width, height):
            note += f", then brought to {columns}x{rows}"
        squeezed = max(rows * width, columns * height) / min(rows * width, columns * height) - 1
        if squeezed > SQUEEZE_TOLD and not settings.compat:
            note += (
                f": sides of a multiple of {SIDE_MULTIPLE} px change its proportions by "
                f"{squeezed:.0%}, less so with a larger min_resolution"
            )
        return (
            note,
            *plan.notes(),
            *detector_notes(settings),
            *self._rife_notes(settings),
            *self._compile_notes(settings),
        )

    def animate(
        self,
        portrait: Portrait,
        source: Speech | Motion | Performance,
        settings: Settings,
        run: Run = PLAIN_RUN,
    ) -> Iterator[Chunk]:
        """See `Engine.animate`."""
        speech = _require_speech(source)
        refuse_unfit(speech, settings)
        return self._animate(portrait, speech, settings, run)

    def _animate(
        self, portrait: Portrait, speech: Speech, settings: Settings, run: Run
    ) -> Iterator[Chunk]:
        plan = self._plan(portrait, speech, settings)
        resources, n_steps = plan.resources, plan.job.chosen.n_run
        is_denoised = run.state is not None and read_step(run.state) == n_steps
        needed = ("vae",) if is_denoised else tuple(FILES)
        try:
            networks = self._load(settings, resources, run, needed)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            resources = replace(resources, offload=True)
            networks = self._load(settings, resources, run, needed)
        if detector := find_detector(settings):
            portrait = with_published_face(portrait, detector)
        rendition = Rendition(
            networks=networks,
            portrait=portrait,
            speech=speech,
            settings=settings,
            run=run,
            device=self._device.name,
            dtype=self._dtype,
            resources=resources,
            mends=self.smooths(settings),
        )
        for frames in rendition.frames():
            yield Chunk(frames)

    def _load(
        self, settings: Settings, resources: Resources, run: Run, needed: tuple[str, ...]
    ) -> Networks:
        """Load what is needed, unless it was loaded for the last video."""
        folder = settings.models_path()
        place = "cpu" if resources.offload else self._device.name
        key = folder, settings.compile, needed, find_file(RIFE, folder) is not None
        if key not in self._loaded:
            run.progress(Report("loading networks", 0, 1))
            files = network_files(
                folder,
                lambda told: run.progress(Report(told, 0, 1)),
                needed_files(settings),
            )
            model = SonicModel.load(
                {ours: files[theirs] for ours, theirs in FILES.items()},
                dtype=self._dtype,
                device=place,
                only=needed,
            )
            if self._device.kind == "cuda":
                model.unet.lay_out_for_gpu()
            if settings.compile and not why_not_compile(self._device.name):
                model.unet.compile_blocks()
            used = tuple(files[theirs] for theirs in FILES.values())
            build_ifnet = self._load_ifnet(files.get(RIFE))
            self._loaded = {key: Networks(model, build_ifnet, used)}
        networks = self._loaded[key]
        networks.model.move(place)
        return networks

    def _load_ifnet(self, path: Path | None) -> BuildIFNet | None:
        """Load RIFE's network on the host: it is small, and a wrong file is told before any step.

        Raises:
            WeightsError: The file is not of this network.
        """
        if path is None:
            return None
        try:
            return partial(load_ifnet(load_file(path)).to, self._device.name)
        except WeightsError as error:
            raise WeightsError(f"{path}: {error}") from error

    def _rife_notes(self, settings: Settings) -> tuple[str, ...]:
        """Tell that optical flow stands in for RIFE, where frames are made between frames."""
        if settings.fps == MODEL_RATE and not self.smooths(settings):
            return ()
        if find_file(RIFE, settings.models_path()):
            return ()
        return (
            "RIFE is not there: optical flow makes the frames between frames, a bit less well; "
            f"fetch RIFE with: opensonic models pull {RIFE}",
        )

    def _compile_notes(self, settings: Settings) -> tuple[str, ...]:
        if not settings.compile:
            return ()
        if reason := why_not_compile(self._device.name):
            return (f"compile: PyTorch cannot compile here ({reason}): going on without",)
        return (
            "compile: the first window of each size takes minutes; frames differ from the plain "
            "way's by rounding",
        )

    def _plan(self, portrait: Portrait, speech: Speech, settings: Settings) -> Plan:
        """Share out the work so that it fits.

        Raises:
            InputError: It cannot fit.
        """
        dimensions = _read_dimensions(settings)
        window = dimensions.unet.num_frames
        job = Job(
            dimensions=dimensions,
            size=network_size(portrait, settings),
            n_frames=count_model_frames(speech, compat=settings.compat),
            device=self._device,
            dtype=self._dtype_name,
            chosen=sampler_settings(settings, window),
            with_rife=find_file(RIFE, settings.models_path()) is not None,
        )
        budget = None if settings.memory_budget is None else read_bytes(settings.memory_budget)
        return plan_run(job, budget=budget)


def _read_dimensions(settings: Settings) -> Dimensions:
    """Read the sizes of the networks; files not yet converted have the published ones."""
    found = require_files(settings.models_path(), needed_files(settings))
    places = {ours: found[theirs] for ours, theirs in FILES.items()}
    ready = {ours: each.path for ours, each in places.items() if _is_ready(each)}
    sizes: dict[str, Any] = {name: read_file_sizes(name, path) for name, path in ready.items()}
    return Dimensions(**sizes)


def _is_ready(found: Found) -> bool:
    return not found.is_pickle and not found.is_single


def _require_speech(source: Speech | Motion | Performance) -> Speech:
    if isinstance(source, Speech):
        return source
    raise InputError(
        "the sonic engine hears speech and makes its own movement; it cannot follow motion: give "
        "it the speech alone, or take the mesh engine"
    )
