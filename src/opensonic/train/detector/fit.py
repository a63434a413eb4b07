"""Train the face detector.

    python -m opensonic.train.detector.fit --faces DIR --out DIR1 --steps 4000 --stop 2250
    python -m opensonic.train.detector.fit --faces DIR --out DIR2 --steps 1200 --mix strict \
        --rate 1.2e-3 --seed 3 --start DIR1/detector.pt

One thread is enough: three quarters of an hour on one core with bfloat16 matrix units.
"""

from __future__ import annotations

import argparse
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from opensonic.train.detector.compose import Composer
from opensonic.train.detector.data import load_crops, load_scenes
from opensonic.train.detector.loss import assign, detection_loss
from opensonic.train.detector.mistakes import Mistakes
from opensonic.train.detector.mix import BROAD, STRICT
from opensonic.train.detector.network import DetectorNetwork
from opensonic.train.detector.sample import Sample

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How long and how fast to learn."""

    steps: int = 4000
    stop: int | None = None
    strict: bool = False
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    warm_up: int = 100
    average: float = 0.998
    sizes_px: tuple[int, ...] = (192, 256, 320)
    size_shares: tuple[float, ...] = (0.15, 0.55, 0.30)
    save_every: int = 200
    replayed: int = 5
    seed: int = 2


def rate_at(step: int, settings: FitSettings) -> float:
    """Learning rate of a step: linear warm-up, then half a cosine down to 1 % of the peak."""
    if step < settings.warm_up:
        return settings.learning_rate * (step + 1) / settings.warm_up
    share = (step - settings.warm_up) / max(1, settings.steps - settings.warm_up)
    return settings.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2)


def batches(composer: Composer, settings: FitSettings) -> Iterator[tuple[list[Sample], int]]:
    """Draw the batches of one training: samples and their side in px."""
    rng = np.random.default_rng([settings.seed, 1])
    for _ in range(settings.stop or settings.steps):
        size = int(rng.choice(settings.sizes_px, p=settings.size_shares))
        yield [composer.draw(size) for _ in range(settings.batch)], size


class AveragedWeights:
    """Running mean of the weights (and of the batch statistics) of a network."""

    def __init__(self, network: torch.nn.Module, keep: float) -> None:
        self.keep = keep
        self.state = {name: value.clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: torch.nn.Module, step: int) -> None:
        """Take in the weights after `step`; early steps count more."""
        keep = min(self.keep, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[name].lerp_(value, 1 - keep)
            else:
                self.state[name].copy_(value)


def fit(faces: Path, out: Path, settings: FitSettings, start: Path | None = None) -> Path:
    """Train on a faces folder and keep the averaged weights.

    Args:
        faces: Folder with `mesh/`, `mesh_labels.npz`, `scenes/` and `scene_labels.json`.
        out: Folder for `detector.pt`.
        settings: Length, rates, seed.
        start: Weights of an earlier phase to go on from.

    Returns:
        The weight file, a state dict that `torch.load(weights_only=True)` reads.
    """
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng([settings.seed, 0])
    mix = STRICT if settings.strict else BROAD
    composer = Composer(load_crops(faces), load_scenes(faces), rng, mix)
    mistakes = Mistakes(np.random.default_rng([settings.seed, 2]))
    network = DetectorNetwork()
    if start:
        network.load_state_dict(torch.load(start, weights_only=True))
    network = network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=settings.weight_decay)
    averaged = AveragedWeights(network, settings.average)
    out.mkdir(parents=True, exist_ok=True)
    target = out / "detector.pt"
    started, means = time.monotonic(), dict.fromkeys(("score", "box", "points"), 0.0)
    for step, (samples, size) in enumerate(batches(composer, settings)):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, settings)
        if settings.strict:
            samples = mistakes.replay(samples, settings.replayed)
        pixels = torch.from_numpy(np.stack([s.image for s in samples])).permute(0, 3, 1, 2)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = network(pixels.float() / 255)
        targets = assign(samples, size)
        losses = detection_loss(outputs, targets)
        optimiser.zero_grad()
        losses["total"].backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimiser.step()
        averaged.update(network, step)
        if settings.strict:
            mistakes.note(samples, outputs, targets)
        for name in means:
            means[name] += (float(losses[name].detach()) - means[name]) / min(step + 1, 50)
        if (step + 1) % 50 == 0:
            text = " ".join(f"{name} {value:.4f}" for name, value in means.items())
            log.info("step %d %s %.0f s", step + 1, text, time.monotonic() - started)
        if (step + 1) % settings.save_every == 0:
            torch.save(averaged.state, target)
    torch.save(averaged.state, target)
    return target


def main() -> None:
    """Parse the command line and train."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, required=True, help="folder of labelled faces")
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights")
    parser.add_argument("--steps", type=int, default=FitSettings.steps)
    parser.add_argument("--stop", type=int, help="leave the schedule after this many steps")
    parser.add_argument("--mix", choices=("broad", "strict"), default="broad")
    parser.add_argument("--rate", type=float, default=FitSettings.learning_rate)
    parser.add_argument("--start", type=Path, help="weights of an earlier phase")
    parser.add_argument("--seed", type=int, default=FitSettings.seed)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    cv2.setNumThreads(chosen.threads)
    settings = FitSettings(
        steps=chosen.steps,
        stop=chosen.stop,
        strict=chosen.mix == "strict",
        learning_rate=chosen.rate,
        seed=chosen.seed,
    )
    fit(chosen.faces, chosen.out, settings, chosen.start)


if __name__ == "__main__":
    main()
