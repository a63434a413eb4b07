"""The plain formulation against ours, on a CPU: `python -m benchmarks.sonic.formulations`.

Times one guided prediction of a window (three branches), both formulations in turns in one process,
by the processor's time and the best of some runs, more of what is short, and prints the largest
difference of the results. Then counts the work of a full-size call (25 frames, 512 px) without
doing it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.utils.flop_counter import FlopCounterMode

from opensonic.engines.diffusion.conditions import Conditions, SamplerSettings
from opensonic.engines.diffusion.context import Branch, Context
from opensonic.engines.diffusion.dimensions import UNetSizes, tiny
from opensonic.engines.diffusion.mask import MaskGrids
from opensonic.engines.diffusion.sampler import Sampler
from opensonic.engines.diffusion.unet import SonicUNet

MIDDLE = UNetSizes(
    block_out_channels=(128, 256, 256), num_attention_heads=(2, 4, 4), layers_per_block=1
)
FOUR_LEVELS = UNetSizes(block_out_channels=(64, 128, 256, 256), num_attention_heads=(1, 2, 4, 4))
"""The published shape at a fifth of its width: 80 M weights."""
CONFIGS: dict[str, tuple[UNetSizes, int, int, int]] = {
    "tiny": (tiny().unet, 4, 16, 6),
    "tiny, full tokens": (replace(tiny().unet, cross_attention_dim=1024), 4, 16, 32),
    "four levels": (FOUR_LEVELS, 8, 16, 32),
    "middle": (MIDDLE, 8, 32, 32),
}
"""Sizes, frames, side of the latents, audio tokens."""
LEAST_S = 20.0
"""Seconds for which each size is timed, at least."""
FACE_SHARE = 0.5
"""Sides of the face over the picture's."""


class RandomTokens:
    """Audio tokens without content."""

    def __init__(self, n_frames: int, n_tokens: int, dim: int) -> None:
        self.n_frames = n_frames
        self._tokens = torch.randn(n_frames + 1, n_tokens, dim)

    def of_frames(self, frames: tuple[int, ...]) -> torch.Tensor:
        """Give (n, N, D)."""
        return self._tokens[list(frames)]

    def of_silence(self) -> torch.Tensor:
        """Give (1, N, D)."""
        return self._tokens[-1:]


def make_conditions(sizes: UNetSizes, n_frames: int, side: int, n_tokens: int) -> Conditions:
    """Make conditions of random content with a face in the middle."""
    dim = sizes.cross_attention_dim
    mask = torch.zeros(1, 1, 8 * side, 8 * side)
    edge = round((1 - FACE_SHARE) / 2 * 8 * side)
    mask[..., edge:-edge, edge:-edge] = 1
    return Conditions(
        image_latents=torch.randn(1, 4, side, side),
        image_token=torch.randn(1, 1, dim),
        mask=mask,
        buckets=torch.full((n_frames, 2), 30.0),
        audio=RandomTokens(n_frames, n_tokens, dim),
    )


@torch.no_grad()
def time_formulations(name: str, branch_batches: Sequence[int], n_runs: int) -> None:
    """Time one prediction of each formulation and print it."""
    sizes, n_frames, side, n_tokens = CONFIGS[name]
    torch.manual_seed(0)
    unet = SonicUNet(sizes).eval().requires_grad_(False)
    conditions = make_conditions(sizes, n_frames, side, n_tokens)
    latents = 20 * torch.randn(n_frames, 4, side, side)
    kinds = {"plain": SamplerSettings(plain=True)}
    kinds |= {f"ours, {n} at a time": SamplerSettings(branch_batch=n) for n in branch_batches}
    samplers = {kind: Sampler(unet, conditions, each) for kind, each in kinds.items()}
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    results = {}
    while len(seconds["plain"]) < n_runs or sum(map(sum, seconds.values())) < LEAST_S:
        for kind, sampler in samplers.items():
            started = time.process_time()
            results[kind] = sampler.predict(latents, tuple(range(n_frames)), 12)
            seconds[kind].append(time.process_time() - started)
    for kind in kinds:
        worst = (results[kind] - results["plain"]).abs().max() / results["plain"].abs().max()
        ratio = min(seconds["plain"]) / min(seconds[kind])
        print(
            f"{name:18} {kind:18} {min(seconds[kind]):8.3f} s  {ratio:5.2f}x  differs {worst:.1e}"
        )


class MetaGrids(MaskGrids):
    """A mask of which only the size of its support matters.

    Args:
        share: Cells in the support over all cells.
    """

    def __init__(self, share: float) -> None:
        super().__init__(torch.empty(1, 1, 8, 8, device="meta"))
        self._share = share

    def weights(self, n_cells: int) -> torch.Tensor:
        """Give the mask on a grid."""
        return torch.empty(n_cells, device="meta")

    def support(self, n_cells: int) -> torch.Tensor:
        """Give the cells in the support."""
        return torch.empty(round(n_cells * self._share), dtype=torch.long, device="meta")


@torch.no_grad()
def count_work(side: int, n_frames: int = 25) -> None:
    """Count the operations of one full-size call, three branches, on tensors without memory."""
    with torch.device("meta"):
        unet = SonicUNet(UNetSizes()).to("meta").half()
        token, silence, heard = (
            torch.empty(n, n_tokens, 1024, dtype=torch.float16)
            for n, n_tokens in ((1, 1), (1, 32), (n_frames, 32))
        )
        sample = torch.empty(3, n_frames, 8, side, side, dtype=torch.float16)
        timestep, ids = torch.empty(()), torch.empty(3, 3, dtype=torch.float16)
    branches = (Branch(token, silence), Branch(token, silence), Branch(token, heard))
    for word, plain, share in (("plain", True, 1.0), ("ours", False, 1.0), ("ours", False, 0.25)):
        twin = None if plain else 2
        context = Context(branches, n_frames, MetaGrids(share), plain=plain, twin=twin)
        counter = FlopCounterMode(display=False)
        with counter:
            unet(sample, timestep, context, ids)
        work = counter.get_total_flops() / 1e12
        print(f"{8 * side} px, {n_frames} frames, face {share:4.0%}: {word:5} {work:6.2f} TFLOP")


def main() -> None:
    """Time and count."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="of each formulation, at least")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in CONFIGS:
        time_formulations(name, (3, 2, 1), options.runs)
    count_work(64)


if __name__ == "__main__":
    main()
