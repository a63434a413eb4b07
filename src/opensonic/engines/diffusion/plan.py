"""What a run will take, before it starts: memory of the device and the host, work and time.

Memory is added up from the weights of the networks that lie on the device in each part of the run
and from what the part's largest call holds at once, which is rehearsed without content (see
`rehearsal`). Of the ways to share out the work the first one that fits is taken, from the fastest
to the smallest; what cannot fit is refused with the nearest setting that does. None of it depends
on the length of the video but the latents and tokens on the host.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import torch

from opensonic.device import Device, DtypeName
from opensonic.engines.diffusion.attention import CACHE_BYTES
from opensonic.engines.diffusion.dimensions import LATENT_SIDE, Dimensions
from opensonic.engines.diffusion.model import HALF_NETWORKS, SonicModel
from opensonic.engines.diffusion.rate import measure_rate
from opensonic.engines.diffusion.rehearsal import (
    N_TOKENS,
    published,
    rehearse_decode,
    rehearse_encode,
    rehearse_window,
)
from opensonic.engines.diffusion.resources import COMPAT_RUNS, RUNS, Resources
from opensonic.engines.diffusion.sampler import MODEL_FPS, SamplerSettings
from opensonic.engines.diffusion.shortcuts import EXACT
from opensonic.errors import InputError

CUDA_BYTES = 700_000_000
"""What a CUDA context and the workspaces of its libraries take beside PyTorch's tensors."""
GAPS = 0.08
"""Share of what calls hold that an allocator cannot reuse, as a careful guess."""
INTERPOLATION_BYTES = 350
"""Bytes per pixel that RIFE holds at once; 343 by its rehearsal at 512 and 1024 px."""
STEP_PX = 64
"""Sides of the networks' pictures are multiples of this."""
MIN_SIDE_PX = 128
"""The smallest short side that may be asked for."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a run.

    Attributes:
        name: What is done.
        weights: Bytes of the networks on the device.
        held: Bytes that its largest call holds at once, with all that is kept beside it.
        reserve: Bytes for the device's libraries and for gaps.
    """

    name: str
    weights: int
    held: int
    reserve: int

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.weights + self.held + self.reserve


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be done, and where.

    Attributes:
        dimensions: Sizes of the networks.
        size: Width and height of the networks' pictures, px, multiples of 64.
        n_frames: Frames at the model's 12.5 per second.
        device: Where the networks run.
        dtype: Numbers of UNet, VAE and image encoder.
        chosen: How to sample.
    """

    dimensions: Dimensions
    size: tuple[int, int]
    n_frames: int
    device: Device
    dtype: DtypeName
    chosen: SamplerSettings

    @property
    def latent_size(self) -> tuple[int, int]:
        """Height and width of the latents."""
        width, height = self.size
        return height // LATENT_SIDE, width // LATENT_SIDE

    @property
    def window(self) -> int:
        """Frames that are denoised together."""
        chosen = self.chosen
        return chosen.window if chosen.compat else min(chosen.window, self.n_frames)

    @property
    def torch_dtype(self) -> torch.dtype:
        """The numbers, as PyTorch calls them."""
        kind: torch.dtype = getattr(torch, self.dtype)
        return kind

    def settings(self, resources: Resources) -> SamplerSettings:
        """Give the sampler's settings with what the resources say."""
        return replace(
            self.chosen,
            branch_batch=resources.branch_batch,
            cache_bytes=resources.cache_bytes,
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a run will be done and what it takes; all figures are estimates.

    Attributes:
        job: What is to be done.
        resources: How it is shared out.
        budget: Bytes of the device that may be used.
        parts: What each part of the run takes of the device.
        host_bytes: Latents and tokens of the whole clip on the host.
        flops: Operations of the whole run.
        seconds: Time of the whole run; None where the device was not tried.
    """

    job: Job
    resources: Resources
    budget: int
    parts: tuple[Part, ...]
    host_bytes: int
    flops: int
    seconds: float | None

    @property
    def peak(self) -> Part:
        """The part that takes most."""
        return max(self.parts, key=lambda part: part.total)

    @property
    def host_bytes_per_second(self) -> float:
        """What a second of video adds on the host."""
        return self.host_bytes / self.job.n_frames * MODEL_FPS

    def notes(self) -> tuple[str, ...]:
        """Tell what will be used and how long it will take, a line each."""
        peak, runs = self.peak, self.resources.runs(compat=self.job.chosen.compat)
        together = {1: "one after another", 2: "two at a time", 3: "together"}
        tiles = "" if runs.tile is None else f" in tiles of {runs.tile * LATENT_SIDE} px"
        waiting = ", networks wait on the host" if self.resources.offload else ""
        lines = [
            f"memory of {self.job.device.model}: {gigabytes(peak.total)} of "
            f"{gigabytes(self.budget)} GB while {peak.name} (networks {gigabytes(peak.weights)}, "
            f"work {gigabytes(peak.held)}, reserve {gigabytes(peak.reserve)})",
            f"guidance branches {together[self.resources.branch_batch]}, {runs.frames} frames "
            f"decoded at once{tiles}{waiting}; on the host {gigabytes(self.host_bytes)} GB, "
            f"{self.host_bytes_per_second / 1e6:.2f} MB per second of video",
        ]
        if self.seconds is not None:
            lines.append(
                f"{_teraflops(self.flops)} TFLOP: about {duration(self.seconds)}, an estimate"
            )
        return tuple(lines)


def plan_run(job: Job, *, budget: int | None = None, time_it: bool = True) -> Plan:
    """Find the fastest way to do a job that fits the device.

    Args:
        job: What is to be done.
        budget: Bytes of the device that may be used, of those that are free; None takes them all.
        time_it: Whether to try the device's speed, which takes a fraction of a second.

    Raises:
        InputError: It does not fit, in any way; the message names the nearest setting that does.
    """
    free = job.device.free_bytes
    limit = free if budget is None else min(budget, free)
    best = _find(job, limit)
    if best is None:
        raise InputError(_refusal(job, limit))
    flops = count_work(job, best)
    rate = measure_rate(job.device.name, job.dtype) if time_it else None
    return Plan(
        job=job,
        resources=best,
        budget=limit,
        parts=count_memory(job, best),
        host_bytes=count_host_bytes(job),
        flops=flops,
        seconds=flops / rate if rate else None,
    )


def count_memory(job: Job, resources: Resources) -> tuple[Part, ...]:
    """Add up what each part of a run takes of the device."""
    return _looking(job, resources), _denoising(job, resources), _decoding(job, resources)


def _looking(job: Job, resources: Resources) -> Part:
    encode = rehearse_encode(job.dimensions.vae, job.latent_size, job.torch_dtype)
    needed = ("clip", "vae", "whisper", "audio_tokens", "buckets")
    return _part(job, resources, "looking and listening", needed, encode.peak_bytes)


def _denoising(job: Job, resources: Resources) -> Part:
    window = rehearse_window(
        job.dimensions.unet,
        job.settings(resources),
        job.latent_size,
        job.torch_dtype,
        n_frames=job.window,
        turn=job.chosen.turn(0),
    )
    held = window.peak_bytes + min(resources.cache_bytes, _keys_bytes(job))
    return _part(job, resources, "denoising", ("unet", "audio_tokens"), held)


def _decoding(job: Job, resources: Resources) -> Part:
    runs, latent_size = resources.runs(compat=job.chosen.compat), job.latent_size
    together = min(runs.frames, job.n_frames)
    height, width = (min(side, runs.tile or side) for side in latent_size)
    vae, kind = job.dimensions.vae, job.torch_dtype
    held = rehearse_decode(vae, (height, width), kind, n_frames=together).peak_bytes
    n_pixels = job.size[0] * job.size[1]
    frame = 3 * 4 * n_pixels
    held += frame * (2 * runs.overlap + 8) + INTERPOLATION_BYTES * n_pixels
    tiled = runs.tile is not None and runs.tile < max(latent_size)
    held += frame * together if tiled else 0
    return _part(job, resources, "decoding", ("vae",), held)


def _part(job: Job, resources: Resources, name: str, needed: tuple[str, ...], held: int) -> Part:
    weights = weigh(job.dimensions, job.torch_dtype)
    context = CUDA_BYTES if job.device.kind == "cuda" else 0
    return Part(
        name=name,
        weights=sum(weights[each] for each in (needed if resources.offload else weights)),
        held=held,
        reserve=context + int(GAPS * held),
    )


def count_work(job: Job, resources: Resources) -> int:
    """Count the operations of a run: every window of every step, and decoding."""
    chosen = job.settings(resources)
    flops = 0
    alike: dict[tuple[bool, ...], range] = {}  # turns of the same kind are rehearsed once
    for step in range(chosen.n_run):
        turn = chosen.turn(step)
        kind = tuple(chosen.shortcuts.leaves_out(each, chosen.n_run) for each in turn)
        for window in chosen.windows(job.n_frames, step):
            flops += _window_flops(job, chosen, len(window), alike.setdefault(kind, turn))
    runs = resources.runs(compat=chosen.compat)
    together = min(runs.frames, job.n_frames)
    decode = rehearse_decode(
        job.dimensions.vae, job.latent_size, job.torch_dtype, n_frames=together
    )
    stride = runs.frames if chosen.compat else runs.frames - runs.overlap
    n_runs = 1 + max(0, -(-(job.n_frames - runs.frames) // stride))
    return flops + n_runs * decode.flops


def count_published_work(job: Job) -> int:
    """Count the operations that the published program needs for the same frames and steps."""
    chosen = replace(published(job.chosen), compat=True, shortcuts=EXACT)
    per_window = _window_flops(job, chosen, chosen.window)
    decode = rehearse_decode(job.dimensions.vae, job.latent_size, job.torch_dtype, n_frames=1)
    n_windows = sum(len(chosen.windows(job.n_frames, step)) for step in range(chosen.n_run))
    return per_window * n_windows + decode.flops * job.n_frames


def count_host_bytes(job: Job) -> int:
    """Count what grows with the video: latents, condensed tokens, buckets."""
    height, width = job.latent_size
    latents = 4 * height * width * torch.empty(0, dtype=job.torch_dtype).element_size()
    latents *= 2 if job.chosen.shortcuts.second_order else 1  # what the step before foretold
    tokens, buckets = job.dimensions.audio_tokens, job.dimensions.buckets
    return job.n_frames * (latents + 4 * tokens.hidden + 4 * buckets.buckets)


@lru_cache(maxsize=8)
def weigh(dimensions: Dimensions, dtype: torch.dtype) -> dict[str, int]:
    """Give the bytes of the weights of each network."""
    model = SonicModel.build_on_meta(dimensions)
    size = torch.empty(0, dtype=dtype).element_size()
    return {
        name: sum(p.numel() for p in network.parameters()) * (size if name in HALF_NETWORKS else 4)
        for name, network in model.networks().items()
    }


def gigabytes(n_bytes: float) -> str:
    """Write bytes as GB of 10^9."""
    return f"{n_bytes / 1e9:.1f}"


def _teraflops(flops: int) -> str:
    return f"{flops / 1e12:,.0f}" if flops > 1e13 else f"{flops / 1e12:.2g}"


def duration(seconds: float) -> str:
    """Write a time as a person says it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def _window_flops(job: Job, chosen: SamplerSettings, n_frames: int, turn: range = range(1)) -> int:
    settings = replace(chosen, branch_batch=3, cache_bytes=CACHE_BYTES)  # which change no work
    sizes, kind = job.dimensions.unet, job.torch_dtype
    need = rehearse_window(sizes, settings, job.latent_size, kind, n_frames=n_frames, turn=turn)
    return need.flops


def _keys_bytes(job: Job) -> int:
    """Bytes of the keys and values of the whole clip, of all spatial layers."""
    unet = job.dimensions.unet
    channels, n = unet.block_out_channels, unet.layers_per_block
    per_token = sum(width * (n + n + 1) for width in channels[:-1]) + channels[-1]
    size = torch.empty(0, dtype=job.torch_dtype).element_size()
    return (job.n_frames + 1) * N_TOKENS * 2 * size * per_token


def _ways(job: Job) -> Iterator[Resources]:
    """List the ways to share out the work, from the fastest to the smallest."""
    yield Resources()
    moves = job.device.kind != "cpu"
    n_decodings = len(COMPAT_RUNS) if job.chosen.compat else len(RUNS)
    for decoding in range(1 if job.chosen.compat else n_decodings):
        for branches in (3, 2, 1):
            yield Resources(branch_batch=branches, decoding=decoding, offload=moves)
        yield Resources(branch_batch=1, cache_bytes=0, decoding=decoding, offload=moves)


def _fits(job: Job, resources: Resources, limit: int) -> bool:
    parts = (_decoding, _looking, _denoising)  # the one that takes seconds to rehearse comes last
    return all(part(job, resources).total <= limit for part in parts)


def _find(job: Job, limit: int) -> Resources | None:
    return next((way for way in _ways(job) if _fits(job, way, limit)), None)


def _refusal(job: Job, limit: int) -> str:
    *_, least = _ways(job)
    width, height = job.size
    need = max(part.total for part in count_memory(job, least))
    told = (
        f"{width}x{height} px in {job.dtype} needs at least {gigabytes(need)} GB of "
        f"{job.device.model} and may use {gigabytes(limit)} GB; "
    )
    others = []
    if job.dtype == "float32" and job.device.kind != "cpu":
        halved = replace(job, dtype="float16")
        if _find(halved, limit):
            others.append("--dtype fp16")
    short = _largest_short_side(job, least, limit)
    if short:
        others.append(f"--min-resolution {short}")
    if need <= job.device.free_bytes:
        others.append(f"--memory-budget {gigabytes(need + 1e8)}GB")
    others.append("--engine mesh")
    return told + "take " + " or ".join(others)


def _largest_short_side(job: Job, least: Resources, limit: int) -> int | None:
    """Find the largest short side that fits, px, beginning where memory per pixel says."""
    short, long = min(job.size), max(job.size)
    parts = count_memory(job, least)
    fixed = max(part.weights for part in parts)
    fixed += min(part.reserve - int(GAPS * part.held) for part in parts)
    per_area = max(part.total - fixed for part in parts)
    guess = short * (max(limit - fixed, 0) / per_area) ** 0.5
    start = min(short - STEP_PX, (int(guess) // STEP_PX + 1) * STEP_PX)
    for side in range(start, MIN_SIDE_PX - 1, -STEP_PX):
        other = max(side, round(long * side / short / STEP_PX) * STEP_PX)
        size = (side, other) if job.size[0] <= job.size[1] else (other, side)
        if _fits(replace(job, size=size), least, limit):
            return side
    return None
