"""What a run takes: memory of the device and of the host, work; rehearsed, not run.

Memory is added up from the weights of the networks that lie on the device in each part of the run
and from what the part's largest call holds at once (see `rehearsal`). None of it depends on the
length of the video but the latents and tokens on the host.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import torch

from opensonic.device import Device, DtypeName
from opensonic.engines.diffusion.between import PAIRS
from opensonic.engines.diffusion.clip_store import count_bytes, lies_in_file
from opensonic.engines.diffusion.conditions import SamplerSettings
from opensonic.engines.diffusion.context import CACHE_BYTES
from opensonic.engines.diffusion.dimensions import LATENT_SIDE, Dimensions
from opensonic.engines.diffusion.model import HALF_NETWORKS, SonicModel
from opensonic.engines.diffusion.rehearsal import (
    N_TOKENS,
    rehearse_decode,
    rehearse_encode,
    rehearse_window,
)
from opensonic.engines.diffusion.resources import Resources

CUDA_BYTES = 700_000_000
"""What a CUDA context and the workspaces of its libraries take beside PyTorch's tensors."""
GAPS = 0.08
"""Share of what calls hold that an allocator cannot reuse, as a careful guess."""
INTERPOLATION_BYTES = 350
"""Bytes per pixel that RIFE holds at once, for a pair; 343 by its rehearsal at 512 and 1024 px."""


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
        with_rife: Whether RIFE makes frames between frames, on the device; else optical flow does,
            on the CPU.
    """

    dimensions: Dimensions
    size: tuple[int, int]
    n_frames: int
    device: Device
    dtype: DtypeName
    chosen: SamplerSettings
    with_rife: bool = True

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


def count_memory(job: Job, resources: Resources) -> tuple[Part, ...]:
    """Add up what each part of a run takes of the device."""
    return (
        count_looking(job, resources),
        count_denoising(job, resources),
        count_decoding(job, resources),
    )


def count_looking(job: Job, resources: Resources) -> Part:
    """Add up what looking at the picture and listening to the sound take."""
    encode = rehearse_encode(job.dimensions.vae, job.latent_size, job.torch_dtype)
    needed = ("clip", "vae", "whisper", "audio_tokens", "buckets")
    return _part(job, resources, "looking and listening", needed, encode.peak_bytes)


def count_denoising(job: Job, resources: Resources) -> Part:
    """Add up what the largest window takes."""
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


def count_decoding(job: Job, resources: Resources) -> Part:
    """Add up what decoding and interpolating take."""
    runs, latent_size = resources.runs(compat=job.chosen.compat), job.latent_size
    together = min(runs.frames, job.n_frames)
    height, width = (min(side, runs.tile or side) for side in latent_size)
    vae, kind = job.dimensions.vae, job.torch_dtype
    held = rehearse_decode(vae, (height, width), kind, n_frames=together).peak_bytes
    n_pixels = job.size[0] * job.size[1]
    frame = 3 * 4 * n_pixels
    pair = INTERPOLATION_BYTES * n_pixels if job.with_rife else 0
    n_pairs = 1 if job.device.kind == "cpu" else PAIRS
    held = max(held + pair, n_pairs * pair + together * frame) + frame * (2 * runs.overlap + 8)
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


def count_host(job: Job) -> tuple[int, int]:
    """Count what grows with the video: latents, condensed tokens, buckets.

    Returns:
        Bytes in the memory of the host, and bytes in temporary files.
    """
    latents = count_bytes((job.n_frames, 4, *job.latent_size), job.torch_dtype)
    n_clips = 2 if job.chosen.shortcuts.second_order else 1  # what the step before foretold
    tokens, buckets = job.dimensions.audio_tokens, job.dimensions.buckets
    heard = job.n_frames * 4 * (tokens.hidden + buckets.buckets)
    if lies_in_file(latents):
        return heard, n_clips * latents
    return heard + n_clips * latents, 0


@lru_cache(maxsize=8)
def weigh(dimensions: Dimensions, dtype: torch.dtype) -> dict[str, int]:
    """Give the bytes of the weights of each network."""
    model = SonicModel.build_on_meta(dimensions)
    size = torch.empty(0, dtype=dtype).element_size()
    return {
        name: sum(p.numel() for p in network.parameters()) * (size if name in HALF_NETWORKS else 4)
        for name, network in model.networks().items()
    }


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
