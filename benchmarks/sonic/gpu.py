"""The full-size model with random weights on a GPU: `python -m benchmarks.sonic.gpu`.

Time of a guided window of 25 frames (three branches), its peak memory against the plan's, and the
share of the rate that a large bfloat16 product reaches on the same card. Without CUDA it says so.
"""

from __future__ import annotations

import argparse
import time

import torch
from benchmarks.sonic.formulations import make_conditions

from opensonic.engines.diffusion.conditions import SamplerSettings
from opensonic.engines.diffusion.dimensions import UNetSizes
from opensonic.engines.diffusion.rehearsal import rehearse_window
from opensonic.engines.diffusion.sampler import Sampler
from opensonic.engines.diffusion.unet import SonicUNet


@torch.no_grad()
def measure_window(unet: SonicUNet, px: int, word: str, n_runs: int = 3) -> None:
    """Time the prediction of one window and print it."""
    side, settings = px // 8, SamplerSettings()
    latents = 20 * torch.randn(25, 4, side, side, device="cuda", dtype=torch.bfloat16)
    sampler = Sampler(unet, make_conditions(UNetSizes(), 25, side, 32), settings)
    sampler.predict(latents, tuple(range(25)), 12)
    torch.cuda.reset_peak_memory_stats()
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(n_runs):
        sampler.predict(latents, tuple(range(25)), 12)
    torch.cuda.synchronize()
    seconds = (time.perf_counter() - started) / n_runs
    need = rehearse_window(UNetSizes(), settings, (side, side), torch.bfloat16, n_frames=25)
    weights = sum(weight.nbytes for weight in unet.parameters())
    print(
        f"{px} px {word}: {seconds:.3f} s per window and step, {need.flops / seconds / 1e12:.0f} "
        f"TFLOP/s = {need.flops / seconds / measure_peak():.0%} of a plain product; peak "
        f"{torch.cuda.max_memory_allocated() / 1e9:.2f} GB, foretold "
        f"{(need.peak_bytes + weights) / 1e9:.2f}"
    )


def measure_peak(side: int = 8192) -> float:
    """Give the operations per second of a large bfloat16 product."""
    rows = torch.randn(side, side, device="cuda", dtype=torch.bfloat16)
    rows @ rows
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(10):
        rows @ rows
    torch.cuda.synchronize()
    return 20 * side**3 / (time.perf_counter() - started)


def main() -> None:
    """Measure, if there is a GPU."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--compile", action="store_true", help="with torch.compile, too")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("GPU: none here that PyTorch can use; nothing was measured on one")
        return
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device("cuda"):
            unet = SonicUNet(UNetSizes()).eval().requires_grad_(False)
    finally:
        torch.set_default_dtype(before)
    unet.lay_out_for_gpu()
    for px in (512, 1024):
        measure_window(unet, px, "as it is")
    if options.compile:
        unet.compile_blocks()
        for px in (512, 1024):
            measure_window(unet, px, "compiled")


if __name__ == "__main__":
    main()
