"""LSE-D and LSE-C: how far lips and sound are apart, and how clearly at one lag.

Prajwal et al. (arXiv 2008.10010, section 4.1) after Chung & Zisserman 2016: embeddings of lips and
sound are compared at every lag of up to 15 pictures of a 25th of a second. Of the mean distances
by lag, the smallest is LSE-D; the median less the smallest is LSE-C. As published, what lies beyond
the ends of a track counts as zeros. A video's figures are the means over its tracks, weighted by
length.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensonic.metrics.networks.steady import RATE

MAX_LAG = 15
"""Pictures either way."""

Embedding = npt.NDArray[np.float32]
"""(D,) float32."""
Distances = npt.NDArray[np.float64]
"""(31,) float64, by lag."""


@dataclass(frozen=True)
class LipSync:
    """The figures of one track or video.

    Attributes:
        distance: LSE-D.
        confidence: LSE-C.
        lag_s: Lag at the smallest distance, s; above 0 the sound comes later than the lips.
        n_looks: Embeddings that were compared.
    """

    distance: float
    confidence: float
    lag_s: float
    n_looks: int


class LagDistances:
    """Mean distance of lips and sound by lag, over one track; holds the last 15 of each."""

    def __init__(self) -> None:
        self._sums = np.zeros(2 * MAX_LAG + 1)
        self._lips: deque[Embedding] = deque(maxlen=MAX_LAG)
        self._sounds: deque[Embedding] = deque(maxlen=MAX_LAG)
        self._n = 0

    def push(self, lips: Embedding, sound: Embedding) -> None:
        """Take lips and sound of the same moment, (D,) each; moments follow one another."""
        if not self._n:
            self._sounds.extend([np.zeros_like(sound)] * MAX_LAG)
        self._later(sound)
        sounds = np.stack([*self._sounds, sound])  # from 15 before to now
        self._sums[: MAX_LAG + 1] += np.linalg.norm(sounds - lips, axis=1)
        self._lips.append(lips)
        self._sounds.append(sound)
        self._n += 1

    def _later(self, sound: Embedding) -> None:
        """Compare a sound with the lips of up to 15 pictures before it."""
        if self._lips:
            gaps = np.linalg.norm(np.stack(self._lips) - sound, axis=1)[::-1]
            self._sums[MAX_LAG + 1 : MAX_LAG + 1 + len(gaps)] += gaps

    def finish(self) -> tuple[Distances, int]:
        """End the track.

        Returns:
            (31,) mean distances, entry i for a sound that comes i - 15 pictures late; and how many
            moments they are the means of.
        """
        for n_after, lips in enumerate(reversed(self._lips)):
            self._sums[MAX_LAG + 1 + n_after :] += float(np.linalg.norm(lips))
        return self._sums / max(self._n, 1), self._n


def score_tracks(tracks: Iterable[tuple[Distances, int]]) -> LipSync | None:
    """Give the figures of a video from the mean distances of its tracks.

    Args:
        tracks: What `LagDistances.finish` gave of each.

    Returns:
        The figures, or None where no track was compared.
    """
    kept = [(distances, n) for distances, n in tracks if n]
    if not kept:
        return None
    weights = np.array([n for _, n in kept], np.float64)
    table = np.stack([distances for distances, _ in kept])
    smallest, median = table.min(1), np.median(table, axis=1)
    best = int(np.argmin(weights @ table))
    return LipSync(
        distance=float(np.average(smallest, weights=weights)),
        confidence=float(np.average(median - smallest, weights=weights)),
        lag_s=(best - MAX_LAG) / RATE,
        n_looks=int(weights.sum()),
    )
