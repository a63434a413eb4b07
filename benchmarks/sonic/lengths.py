"""Memory as the video gets longer: `python -m benchmarks.sonic.lengths`.

A tiny model really samples and decodes clips of several lengths on the CPU while every tensor is
entered in a ledger; the clip's own latents and tokens are counted apart. Then the plan of the full
model, which is not run.
"""

from __future__ import annotations

import torch
from benchmarks.sonic.formulations import make_conditions

from opensonic.device import Device
from opensonic.engines.diffusion.conditions import SamplerSettings
from opensonic.engines.diffusion.decode import build_vae, decode_clip
from opensonic.engines.diffusion.dimensions import Dimensions, tiny
from opensonic.engines.diffusion.noise import draw_noise
from opensonic.engines.diffusion.plan import Job, gigabytes, plan_run
from opensonic.engines.diffusion.rehearsal import Ledger
from opensonic.engines.diffusion.sampler import Sampler
from opensonic.engines.diffusion.state import start_state
from opensonic.engines.diffusion.unet import SonicUNet

CARD = Device("cuda:0", "a GPU", 80 * 10**9, 80 * 10**9)
SIDE = 16
"""Of the tiny model's latents."""


def measure_lengths(lengths: tuple[int, ...] = (25, 50, 100, 200)) -> None:
    """Print the peak of tiny clips, of two steps each."""
    torch.manual_seed(0)
    unet = SonicUNet(tiny().unet).eval().requires_grad_(False)
    vae = build_vae(tiny().vae).requires_grad_(False)
    settings = SamplerSettings(n_steps=2, window=4, cache_bytes=0)
    for n_frames in lengths:
        conditions = make_conditions(tiny().unet, n_frames, SIDE, 6)
        noise = draw_noise(n_frames, (SIDE, SIDE), torch.Generator().manual_seed(0))
        state = start_state(conditions, noise, settings)
        with Ledger() as ledger:
            for _ in Sampler(unet, conditions, settings).run(state):
                pass
            denoising = ledger.peak
            for frames in decode_clip(vae, state.latents):
                del frames
        print(
            f"tiny, {n_frames:4} frames: {denoising / 2**20:6.2f} MiB denoising, "
            f"{ledger.peak / 2**20:6.2f} MiB decoding, {state.latents.nbytes / 2**20:5.2f} MiB kept"
        )


def plan_lengths(px: int, budget: int, seconds: tuple[int, ...] = (2, 10, 60, 3600)) -> None:
    """Print the plan of full-size videos."""
    for length in seconds:
        job = Job(
            dimensions=Dimensions(),
            size=(px, px),
            n_frames=int(12.5 * length),
            device=CARD,
            dtype="float16",
            chosen=SamplerSettings(),
        )
        plan = plan_run(job, budget=budget, time_it=False)
        parts = ", ".join(f"{part.name} {gigabytes(part.total)}" for part in plan.parts)
        print(
            f"{px} px, {length:5} s: {parts} GB; on the host {plan.host_bytes / 1e6:8.1f} MB "
            f"({plan.host_bytes_per_second / 1e6:.2f} MB per second of video)"
        )


def main() -> None:
    """Measure and plan."""
    measure_lengths()
    plan_lengths(512, 10 * 10**9)
    plan_lengths(1024, 20 * 10**9)


if __name__ == "__main__":
    main()
