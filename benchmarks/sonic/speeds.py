"""What `--speed fast` and `faster` change: `python -m benchmarks.sonic.speeds`.

A tiny random model on the CPU samples a clip exactly and with each shortcut; the error is the root
mean square of the difference over that of the exact latents. As a yardstick, the exact way with
twice the steps: what 25 steps themselves leave out. Random weights say nothing of how frames look.
"""

from __future__ import annotations

import time

import torch
from benchmarks.sonic.formulations import make_conditions

from opensonic.engines.diffusion.dimensions import tiny
from opensonic.engines.diffusion.sampler import Sampler, SamplerSettings, draw_noise, start_state
from opensonic.engines.diffusion.shortcuts import EXACT, SHORTCUTS, Shortcuts
from opensonic.engines.diffusion.unet import SonicUNet

N_FRAMES, SIDE, N_STEPS = 10, 16, 25


def sample(unet: SonicUNet, shortcuts: Shortcuts, n_steps: int) -> tuple[torch.Tensor, float]:
    """Give the latents of a clip and the seconds of processor time."""
    torch.manual_seed(1)
    conditions = make_conditions(unet.sizes, N_FRAMES, SIDE, 6)
    settings = SamplerSettings(
        n_steps=shortcuts.count_steps(n_steps), window=5, shift=2, shortcuts=shortcuts
    )
    noise = draw_noise(N_FRAMES, (SIDE, SIDE), torch.Generator().manual_seed(0))
    state = start_state(conditions, noise, settings)
    started = time.process_time()
    for _ in Sampler(unet, conditions, settings).run(state):
        pass
    return state.latents, time.process_time() - started


def main() -> None:
    """Compare and print."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    unet = SonicUNet(tiny().unet).eval().requires_grad_(False)
    exact, exact_seconds = sample(unet, EXACT, N_STEPS)
    cases = {word: (SHORTCUTS[word], N_STEPS) for word in ("fast", "faster")}
    cases |= {
        "solver alone, 25 steps": (Shortcuts(second_order=True), N_STEPS),
        "branch left out alone": (Shortcuts(leave_out_from=0.5), N_STEPS),
        "yardstick: 15 steps": (EXACT, 15),
        "yardstick: 10 steps": (EXACT, 10),
        "yardstick: 50 steps": (EXACT, 2 * N_STEPS),
    }
    for name, (shortcuts, n_steps) in cases.items():
        latents, seconds = sample(unet, shortcuts, n_steps)
        error = (latents - exact).square().mean().sqrt() / exact.square().mean().sqrt()
        print(f"{name:24} error {error:.4f}, time {seconds / exact_seconds:.2f} of the exact way")


if __name__ == "__main__":
    main()
