"""CSIM: whether it is the same person, against the reference and over time.

The cosine of the angle between two faces' embeddings; papers give its mean over the pictures
against the portrait. Against the video's own beginning it tells whether the face drifts away.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from opensonic.metrics.evaluation import Row, Sight
from opensonic.metrics.networks.embedding import FaceEmbedder
from opensonic.metrics.networks.sums import LineFit, Mean, Pace
from opensonic.metrics.scales import make_row
from opensonic.values import Portrait, Speech

STEP_S = 0.2
"""Time between the pictures that are looked at, s."""
BEGINNING_S = 1.0
"""What counts as the beginning, s after the first face."""
LONG_ENOUGH_S = 10.0
"""Shorter videos have no loss over time."""


class IdentityObserver:
    """CSIM of one video.

    Args:
        embedder: The network with its weights.
        network: What the rows call it.
        portrait: The picture that the video was made of. Without it, CSIM is taken against the
            reference's picture at the same time.
    """

    def __init__(
        self, embedder: FaceEmbedder, network: str, portrait: Portrait | None = None
    ) -> None:
        self._embedder, self._network = embedder, network
        self._portrait = embedder.embed(portrait.image, portrait.face) if portrait else None
        self._pace = Pace(STEP_S)
        self._against, self._own, self._line = Mean(), Mean(), LineFit()
        self._beginning: npt.NDArray[np.float32] | None = None
        self._begins_s = 0.0
        self._has_other = portrait is not None
        self._first: list[npt.NDArray[np.float32]] = []

    def look(self, sight: Sight, reference: Sight | None) -> None:
        """Look at the next picture."""
        self._has_other |= reference is not None
        if sight.face is None or not self._pace.is_due(sight.time_s):
            return
        face = self._embedder.embed(sight.image, sight.face)
        self._compare_with_reference(face, reference)
        if not self._first:
            self._begins_s = sight.time_s
        if sight.time_s < self._begins_s + BEGINNING_S:
            self._first.append(face)
            return
        if self._beginning is None:
            self._beginning = np.stack(self._first).mean(0, dtype=np.float32)
            self._beginning /= max(float(np.linalg.norm(self._beginning)), 1e-12)
        likeness = float(face @ self._beginning)
        self._own.add(likeness)
        self._line.add(sight.time_s, likeness)

    def rows(self, speech: Speech | None, lag_s: float | None) -> Sequence[Row]:
        """Give CSIM, the likeness to the beginning, and what is lost of it in a minute."""
        against = "the portrait" if self._portrait is not None else "the reference"
        told = f"{self._network}, {self._against.n} pictures against {against}"
        if not self._against.n:
            told = "no face in both" if self._has_other else "needs a portrait or a reference"
        start = f"{self._network}, {self._own.n} pictures against the first second"
        if not self._own.n:
            start = "no face is seen for longer than a second"
        return (
            make_row("csim", self._against.value, told),
            make_row("csim_start", self._own.value, start),
            self._loss(),
        )

    def _compare_with_reference(
        self, face: npt.NDArray[np.float32], reference: Sight | None
    ) -> None:
        other = self._portrait
        if other is None and reference is not None and reference.face is not None:
            other = self._embedder.embed(reference.image, reference.face)
        if other is not None:
            self._against.add(float(face @ other))

    def _loss(self) -> Row:
        if self._line.span < LONG_ENOUGH_S:
            return make_row("csim_loss", None, f"needs {LONG_ENOUGH_S:g} s with a face")
        return make_row("csim_loss", -60 * self._line.slope, "slope of a straight line")
