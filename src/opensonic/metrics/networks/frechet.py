"""FID and FVD: how far two sets of pictures, or of clips, are apart as a whole.

Each picture (clip) is a point in the space of a network's features; the distance is that of Fréchet
between normal distributions with the same mean and covariance (torchmetrics computes it, and keeps
sums only). Few points say little: a covariance of D features needs more than D of them, and the
value shrinks as they grow in number, so it serves to compare videos over the same pictures, and
papers take thousands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from opensonic.metrics.evaluation import Row, Sight
from opensonic.metrics.networks.i3d import N_PICTURES, I3d
from opensonic.metrics.networks.i3d import SIZE as CLIP_SIZE
from opensonic.metrics.networks.inception import Inception
from opensonic.metrics.networks.steady import Steady
from opensonic.metrics.networks.sums import Pace
from opensonic.metrics.scales import make_row
from opensonic.values import Speech

STEP_S = 0.2
"""Time between the pictures that FID takes, s."""

Image = npt.NDArray[np.uint8]


class Things(NamedTuple):
    """What is compared.

    Attributes:
        name: What messages call it.
        few: Under how many of them the distance comes with a warning.
    """

    name: str
    few: int


PICTURES = Things("pictures", 10_000)
"""FID's authors ask for as many."""
CLIPS = Things(f"clips of {N_PICTURES} pictures", 256)
"""FVD's authors found it unsteady with fewer."""


class PointSets:
    """Two sets of points, the reference's and the video's; keeps sums alone.

    Args:
        n_features: Numbers per point.
        things: What the points stand for.
    """

    def __init__(self, n_features: int, things: Things) -> None:
        self._distance = FrechetInceptionDistance(feature=_Features(n_features))
        self._things = things
        self._n = 0

    def add(self, reference: Tensor, video: Tensor) -> None:
        """Take the features of the same moment of both, (1, D) each."""
        self._distance.update(reference, real=True)
        self._distance.update(video, real=False)
        self._n += 1

    def row(self, name: str) -> Row:
        """Give the distance.

        Args:
            name: Key of `scales.SCALES`.
        """
        if self._n < 2:
            return make_row(name, None, f"needs a reference, and at least 2 {self._things.name}")
        note = f"{self._n} {self._things.name}"
        if self._n < self._things.few:
            note += f", far fewer than {self._things.few}: compare it only over the same ones"
        distance = float(self._distance.compute())
        return make_row(name, max(distance, 0.0), note)  # rounding may take it below


class _Features(nn.Module):
    """Hands features on: torchmetrics asks for a network."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        """Give what came."""
        return features


class FidObserver:
    """FID of one video against its reference, from pictures of the same times.

    Args:
        network: Inception with its weights.
        pool: Takes the points of all videos.
    """

    def __init__(self, network: Inception, pool: PointSets) -> None:
        self._network = network
        self._sets = (PointSets(network.num_features, PICTURES), pool)
        self._pace = Pace(STEP_S)

    def look(self, sight: Sight, reference: Sight | None) -> None:
        """Look at the next picture and the one beside it."""
        if reference is None or not self._pace.is_due(sight.time_s):
            return
        pair = [
            self._network(
                torch.from_numpy(np.ascontiguousarray(each.image.transpose(2, 0, 1))[None])
            )
            for each in (reference, sight)
        ]
        for each in self._sets:
            each.add(*pair)

    def rows(self, speech: Speech | None, lag_s: float | None) -> Sequence[Row]:
        """Give FID."""
        return (self._sets[0].row("fid"),)


class FvdObserver:
    """FVD of one video against its reference, from clips of 16 pictures at 25 a second.

    Args:
        network: I3D with its weights.
        pool: Takes the points of all videos.
    """

    def __init__(self, network: I3d, pool: PointSets) -> None:
        self._network = network
        self._sets = (PointSets(network.num_features, CLIPS), pool)
        self._steady: Steady[tuple[Image, Image] | None] = Steady()
        self._clip: list[tuple[Image, Image]] = []

    def look(self, sight: Sight, reference: Sight | None) -> None:
        """Look at the next picture and the one beside it."""
        pair = None if reference is None else (_small(reference.image), _small(sight.image))
        for _, shown in self._steady.push(sight.time_s, pair):
            self._take(shown)

    def rows(self, speech: Speech | None, lag_s: float | None) -> Sequence[Row]:
        """Give FVD; a clip that is not full is left out."""
        for _, shown in self._steady.finish():
            self._take(shown)
        return (self._sets[0].row("fvd"),)

    def _take(self, pair: tuple[Image, Image] | None) -> None:
        if pair is None:
            self._clip.clear()
            return
        self._clip.append(pair)
        if len(self._clip) < N_PICTURES:
            return
        points = []
        for side in (0, 1):
            clip = np.stack([pictures[side] for pictures in self._clip])  # (T, H, W, 3)
            points.append(self._network(torch.from_numpy(clip).permute(3, 0, 1, 2)[None]))
        for each in self._sets:
            each.add(*points)
        self._clip.clear()


def _small(image: Image) -> Image:
    """Bring a picture to the size of I3D; its sides are stretched to a square, as published."""
    return np.asarray(
        cv2.resize(image, (CLIP_SIZE, CLIP_SIZE), interpolation=cv2.INTER_LINEAR), np.uint8
    )
