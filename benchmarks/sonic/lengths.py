"""Memory as the video gets longer: `python -m benchmarks.sonic.lengths`.

A tiny model really samples and decodes clips of several lengths on the CPU while every tensor is
entered in a ledger; the clip's own latents and tokens are counted apart. Then the memory of a whole
process that begins, walks through, keeps and reads clips at 1024 px, with a network that stands
still; and the plan of the full model, which is not run.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from benchmarks.sonic.formulations import make_conditions

from opensonic.device import Device
from opensonic.engines.diffusion.conditions import SamplerSettings
from opensonic.engines.diffusion.decode import build_vae, decode_clip
from opensonic.engines.diffusion.dimensions import AudioTokenSizes, Dimensions, tiny
from opensonic.engines.diffusion.noise import draw_noise
from opensonic.engines.diffusion.plan import Job, gigabytes, plan_run
from opensonic.engines.diffusion.rehearsal import Ledger
from opensonic.engines.diffusion.sampler import Sampler
from opensonic.engines.diffusion.state import SamplerState, start_state
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


class CondensedTokens:
    """What a run keeps of the sound: as much as at full size, without content."""

    def __init__(self, n_frames: int) -> None:
        self.n_frames = n_frames
        self._kept = torch.randn(n_frames, AudioTokenSizes().hidden)

    def of_frames(self, frames: tuple[int, ...]) -> torch.Tensor:
        """Give (n, 1, D)."""
        return self._kept[list(frames), None, : tiny().unet.cross_attention_dim]

    def of_silence(self) -> torch.Tensor:
        """Give (1, 1, D)."""
        return self.of_frames((0,))


class StillSampler(Sampler):
    """Walks through a clip as ever; the network predicts what it is given."""

    def predict(
        self,
        latents: torch.Tensor,
        window: tuple[int, ...],
        step: int,
        deep: dict[int, torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Give the latents back."""
        return latents


def walk(n_frames: int, answer: multiprocessing.SimpleQueue[int]) -> None:
    """Take a clip at 1024 px through a run and report the most private memory of the process."""
    torch.manual_seed(0)
    unet = SonicUNet(tiny().unet).half().requires_grad_(False)
    settings = SamplerSettings(n_steps=2)
    short = make_conditions(tiny().unet, 1, 128, 6)
    before = most = private_bytes()
    conditions = replace(
        short,
        image_latents=short.image_latents.half(),
        audio=CondensedTokens(n_frames),
        buckets=torch.full((n_frames, 2), 30.0),
    )
    noise = draw_noise(n_frames, (128, 128), torch.Generator().manual_seed(0), torch.float16)
    state = start_state(conditions, noise, settings)
    for _ in StillSampler(unet, conditions, settings).run(state):
        most = max(most, private_bytes())
    with tempfile.TemporaryDirectory() as folder:
        state.save(Path(folder) / "state")
        most = max(most, private_bytes())
        state = SamplerState.load(Path(folder) / "state")
    for frame in state.latents:
        frame += 1
    answer.put(max(most, private_bytes()) - before)


def private_bytes() -> int:
    """Give the memory of this process that no file stands behind (Linux)."""
    told = Path("/proc/self/status").read_text()
    return int(told.split("RssAnon:")[1].split()[0]) * 1024


def walk_lengths(lengths: tuple[int, ...] = (125, 625, 1250)) -> None:
    """Print what the host holds in clips of 10, 50 and 100 s at 1024 px, a process each."""
    if not Path("/proc/self/status").exists():
        print("memory of the host: measured on Linux only")
        return
    context = multiprocessing.get_context("spawn")
    last: tuple[int, int] | None = None
    for n_frames in lengths:
        answer: multiprocessing.SimpleQueue[int] = context.SimpleQueue()
        walker = context.Process(target=walk, args=(n_frames, answer))
        walker.start()
        most = answer.get()
        walker.join()
        grown = "" if last is None else _growth(last, (n_frames, most))
        print(f"1024 px, {n_frames / 12.5:4.0f} s: {most / 1e6:6.1f} MB of the host{grown}")
        last = n_frames, most


def _growth(before: tuple[int, int], now: tuple[int, int]) -> str:
    rate = (now[1] - before[1]) / (now[0] - before[0]) * 12.5
    return f", {rate / 1e6:.2f} MB per second of video"


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
            f"{px} px, {length:5} s: {parts} GB; on the host {plan.host_bytes / 1e6:7.1f} MB, "
            f"in a file {plan.file_bytes / 1e6:7.1f} MB"
        )


def main() -> None:
    """Measure and plan."""
    measure_lengths()
    walk_lengths()
    plan_lengths(512, 10 * 10**9)
    plan_lengths(1024, 20 * 10**9)


if __name__ == "__main__":
    main()
