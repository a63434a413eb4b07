"""FID and FVD: how far two sets of pictures, or of clips, are apart as a whole.

Each picture (clip) is a point in the space of a network's features; the distance is that of Fréchet
between normal distributions with the same mean and covariance (torchmetrics computes it, and keeps
sums only). Few points say little: a covariance of D features needs more than D of them, and the
value shrinks as they grow in number, so it serves to compare videos over the same pictures, and
papers take thousands.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch
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
FEW_PICTURES = 10_000
"""Pictures under which FID comes with a warning: its authors ask for as many."""
FEW_CLIPS = 256
"""Clips under which FVD comes with a warning: its authors found it unsteady with fewer."""

Image = npt.NDArray[np.uint8]


class FidObserver:
    """FID of one video against its reference, from pictures of the same times.

    Args:
        network: Inception with its weights.
    """

    def __init__(self, network: Inception) -> None:
        self._distance = FrechetInceptionDistance(feature=network)
        self._pace = Pace(STEP_S)
        self._n = 0
        self._has_reference = False

    def look(self, sight: Sight, reference: Sight | None) -> None:
        """Look at the next picture and the one beside it."""
        if reference is None or not self._pace.is_due(sight.time_s):
            return
        self._n += 1
        for each, real in ((reference, True), (sight, False)):
            picture = np.ascontiguousarray(each.image.transpose(2, 0, 1)[None])
            self._distance.update(torch.from_numpy(picture), real=real)

    def rows(self, speech: Speech | None, lag_s: float | None) -> Sequence[Row]:
        """Give FID."""
        note = f"{self._n} pictures, every {STEP_S:g} s"
        return (_row("fid", self._distance, self._n, note, FEW_PICTURES, "pictures"),)


class FvdObserver:
    """FVD of one video against its reference, from clips of 16 pictures at 25 a second.

    Args:
        network: I3D with its weights.
    """

    def __init__(self, network: I3d) -> None:
        self._distance = FrechetInceptionDistance(feature=network)
        self._steady: Steady[tuple[Image, Image] | None] = Steady()
        self._clip: list[tuple[Image, Image]] = []
        self._n = 0

    def look(self, sight: Sight, reference: Sight | None) -> None:
        """Look at the next picture and the one beside it."""
        pair = None if reference is None else (_small(reference.image), _small(sight.image))
        for _, shown in self._steady.push(sight.time_s, pair):
            self._take(shown)

    def rows(self, speech: Speech | None, lag_s: float | None) -> Sequence[Row]:
        """Give FVD; a clip that is not full is left out."""
        for _, shown in self._steady.finish():
            self._take(shown)
        note = f"{self._n} clips of {N_PICTURES} pictures"
        return (_row("fvd", self._distance, self._n, note, FEW_CLIPS, "clips"),)

    def _take(self, pair: tuple[Image, Image] | None) -> None:
        if pair is None:
            self._clip.clear()
            return
        self._clip.append(pair)
        if len(self._clip) < N_PICTURES:
            return
        self._n += 1
        for side, real in ((0, True), (1, False)):
            clip = np.stack([pictures[side] for pictures in self._clip])  # (T, H, W, 3)
            clip = np.ascontiguousarray(clip.transpose(3, 0, 1, 2)[None])
            self._distance.update(torch.from_numpy(clip), real=real)
        self._clip.clear()


def _row(
    name: str, distance: FrechetInceptionDistance, n: int, note: str, few: int, things: str
) -> Row:
    if n < 2:
        why = f"needs a reference with at least two {things} beside the video's"
        return make_row(name, None, why)
    if n < few:
        note += f"; far fewer than {few}: compare it only with values from the same {things}"
    return make_row(name, float(distance.compute()), note)


def _small(image: Image) -> Image:
    """Bring a picture to the size of I3D; its sides are stretched to a square, as published."""
    return np.asarray(
        cv2.resize(image, (CLIP_SIZE, CLIP_SIZE), interpolation=cv2.INTER_LINEAR), np.uint8
    )
