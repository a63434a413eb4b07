"""Pictures on which the network lately saw a face where there is none, shown to it again.

Online hard example mining (Shrivastava et al., arXiv 1604.03540) at the level of pictures.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
import torch

from opensonic.train.detector.loss import Targets
from opensonic.train.detector.patterns import random_colour
from opensonic.train.detector.photometry import distort
from opensonic.train.detector.sample import Placement, Sample, build_similarity


class Mistakes:
    """A short memory of false alarms, one for each size of picture.

    Args:
        rng: Source of all chance.
        capacity: Pictures remembered per size; the oldest is forgotten first.
        alarm: Score on background that makes a picture worth remembering.
    """

    def __init__(self, rng: np.random.Generator, capacity: int = 96, alarm: float = 0.35) -> None:
        self.rng = rng
        self.capacity = capacity
        self.alarm = alarm
        self.seen: dict[int, deque[Sample]] = {}

    @torch.no_grad()
    def note(
        self,
        samples: Sequence[Sample],
        outputs: Sequence[torch.Tensor],
        targets: Sequence[Targets],
    ) -> None:
        """Remember the samples of a batch whose background scores above `alarm`."""
        worst = torch.zeros(len(samples))
        for output, target in zip(outputs, targets, strict=True):
            score = torch.sigmoid(output[:, 0].float())
            background = torch.where(target.score == 0, score, 0.0)
            worst = torch.maximum(worst, background.amax(dim=(1, 2)))
        size = samples[0].image.shape[0]
        memory = self.seen.setdefault(size, deque(maxlen=self.capacity))
        memory.extend(
            s for s, alarm in zip(samples, worst.tolist(), strict=True) if alarm > self.alarm
        )

    def replay(self, samples: list[Sample], count: int) -> list[Sample]:
        """Put up to `count` remembered pictures, moved and recoloured, in place of the first."""
        size = samples[0].image.shape[0]
        memory = self.seen.get(size, deque())
        count = min(count, len(memory) // 4)
        old = [self._again(memory[int(self.rng.integers(0, len(memory)))]) for _ in range(count)]
        return [*old, *samples[count:]]

    def _again(self, sample: Sample) -> Sample:
        size = sample.image.shape[0]
        middle = np.full(2, size / 2, np.float32)
        scale, angle = float(np.exp(self.rng.normal(0, 0.12))), float(self.rng.normal(0, 0.1))
        mirror = bool(self.rng.random() < 0.5)
        end = middle + self.rng.normal(0, 0.06 * size, 2).astype(np.float32)
        place = Placement(build_similarity(scale, angle, middle, end, mirror), scale, mirror)
        copy = Sample(np.full((size, size, 3), random_colour(self.rng), np.uint8))
        share = copy.paste(sample.image, None, place)
        copy.add(share, sample.faces, sample.ignore, place)
        copy.image = distort(copy.image, self.rng)
        return copy.settle(size)
