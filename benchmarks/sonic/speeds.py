"""What `--speed fast` and `faster` change: `python -m benchmarks.sonic.speeds`.

A network on the CPU samples a clip exactly and with each shortcut; the error is the root mean
square of the difference over that of the exact latents. As yardsticks, the exact way with fewer
steps. Networks: a tiny random one; with `--golden` that of the reference cases, with their inputs;
with `--full` one of the published size with random weights, bfloat16, 4 frames of 8 x 8 latents.
Random weights say nothing of how frames look.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from benchmarks.sonic.formulations import make_conditions
from safetensors.torch import load_file

from opensonic.engines.diffusion.conditions import Conditions, SamplerSettings
from opensonic.engines.diffusion.dimensions import UNetSizes, tiny
from opensonic.engines.diffusion.noise import draw_noise
from opensonic.engines.diffusion.sampler import Sampler
from opensonic.engines.diffusion.shortcuts import EXACT, SHORTCUTS, Shortcuts
from opensonic.engines.diffusion.state import start_state
from opensonic.engines.diffusion.unet import SonicUNet

N_FRAMES, SIDE, N_STEPS = 10, 16, 25
FULL_FRAMES, FULL_SIDE, FULL_STEPS = 4, 8, 8
CASES = ("c1_overlap0", "c2_overlap2", "c4_short", "c6_scale2_2")
PARTS = {
    "fast": SHORTCUTS["fast"],
    "faster": SHORTCUTS["faster"],
    "solver alone": Shortcuts(second_order=True),
    "branch left out alone": Shortcuts(leave_out_from=0.5),
    "deep features alone": Shortcuts(stay=2),
    "60 % of the steps": Shortcuts(steps_share=0.6),
    "40 % of the steps": Shortcuts(steps_share=0.4),
}


def sample(
    unet: SonicUNet, conditions: Conditions, settings: SamplerSettings, noise: torch.Tensor
) -> tuple[torch.Tensor, float]:
    """Give the latents of a clip and the seconds of processor time."""
    state = start_state(conditions, noise, settings)
    started = time.process_time()
    for _ in Sampler(unet, conditions, settings).run(state):
        pass
    return state.latents.float(), time.process_time() - started


def compare(
    name: str,
    unet: SonicUNet,
    conditions: Conditions,
    settings: SamplerSettings,
    noise: torch.Tensor,
) -> None:
    """Sample in every way and print the errors."""
    exact, exact_seconds = sample(unet, conditions, replace(settings, shortcuts=EXACT), noise)
    for part, shortcuts in PARTS.items():
        n_steps = shortcuts.count_steps(settings.n_steps)
        changed = replace(settings, n_steps=n_steps, shortcuts=shortcuts)
        latents, seconds = sample(unet, conditions, changed, noise)
        error = (latents - exact).square().mean().sqrt() / exact.square().mean().sqrt()
        print(
            f"{name:12} {part:22} error {error:.4f}, time {seconds / exact_seconds:.2f}",
            flush=True,
        )


def compare_random(sizes: UNetSizes, n_frames: int, side: int, settings: SamplerSettings) -> None:
    """Compare on a network with random weights, in PyTorch's default dtype."""
    torch.manual_seed(0)
    unet = SonicUNet(sizes).eval().requires_grad_(False)
    torch.manual_seed(1)
    conditions = make_conditions(sizes, n_frames, side, 6)
    noise = draw_noise(n_frames, (side, side), torch.Generator().manual_seed(0))
    compare("full" if sizes == UNetSizes() else "tiny", unet, conditions, settings, noise)


class StoredTokens:
    """Audio tokens of a reference case.

    Args:
        tokens: (F, N, D).
        silence: (1, N, D).
    """

    def __init__(self, tokens: torch.Tensor, silence: torch.Tensor) -> None:
        self.n_frames = len(tokens)
        self._tokens, self._silence = tokens, silence

    def of_frames(self, frames: tuple[int, ...]) -> torch.Tensor:
        """Give (n, N, D)."""
        return self._tokens[list(frames)]

    def of_silence(self) -> torch.Tensor:
        """Give (1, N, D)."""
        return self._silence


def _read_unet(folder: Path) -> SonicUNet:
    config = json.loads((folder / "b_unet_tiny2.json").read_text())["config"]
    known = {key: config[key] for key in config if key in UNetSizes.__dataclass_fields__}
    fields: Mapping[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in known.items()
    }
    unet: SonicUNet = SonicUNet(UNetSizes(**fields)).eval().requires_grad_(False)
    state = load_file(folder / "b_unet_tiny2_state.safetensors")
    unet.load_state_dict({name: each.float() for name, each in state.items()})
    return unet


def compare_golden(folder: Path) -> None:
    """Compare on the networks and inputs of reference cases, with as many steps as users take."""
    unet, inputs = _read_unet(folder), load_file(folder / "c_inputs.safetensors")
    for case in CASES:
        facts = json.loads((folder / f"{case}.json").read_text())
        n_frames, args = facts["num_frames"], facts["args"]
        conditions = Conditions(
            image_latents=inputs["vae.ref_latent_mean"],
            image_token=inputs["clip.image_embeds"][:, None],
            mask=inputs["in.face_mask"],
            buckets=inputs["in.buckets"][:n_frames].flatten(1),
            audio=StoredTokens(inputs["in.audio"][:n_frames], inputs["in.uncond"][:1]),
        )
        settings = SamplerSettings(
            n_steps=N_STEPS,
            window=args["frames_per_batch"],
            overlap=args["overlap"],
            shift=args["shift_offset"],
            image_guidance=(args["min_guidance_scale1"], args["max_guidance_scale1"]),
            audio_guidance=(args["min_guidance_scale2"], args["max_guidance_scale2"]),
        )
        compare(case, unet, conditions, settings, inputs["in.latents"][0, :n_frames])


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--golden", type=Path, help="folder of reference cases")
    parser.add_argument("--full", action="store_true", help="the published size; 10 GB, minutes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    compare_random(tiny().unet, N_FRAMES, SIDE, SamplerSettings(n_steps=N_STEPS, window=5, shift=2))
    if options.golden:
        compare_golden(options.golden)
    if options.full:
        torch.set_default_dtype(torch.bfloat16)
        compare_random(UNetSizes(), FULL_FRAMES, FULL_SIDE, SamplerSettings(n_steps=FULL_STEPS))


if __name__ == "__main__":
    main()
