"""Whether lips meet where p, b or m is said, and only there.

Closures are spans of time. A true one counts as met, and a found one as right, where one of the
other kind overlaps it or comes within the tolerance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Spans = npt.NDArray[np.float64]
"""(N, 2) start and end, s."""

TOLERANCE_S = 0.04
"""How far apart a true and a found closure may lie, s."""
TOUCHING_GAP = 0.004
"""Largest gap between the inner lips that counts as touching, e (about a third of a millimetre)."""

_TRACKED_SHUT, _TRACKED_TREMBLE = 0.02, 0.015
_LONGEST_S = 0.24


class ClosureCounts(NamedTuple):
    """How many closures were met and right; counts of several recordings add up by `merge`.

    Attributes:
        met: True closures near which one was found.
        true: True closures.
        right: Found closures near which there is a true one.
        found: Found closures.
    """

    met: int = 0
    true: int = 0
    right: int = 0
    found: int = 0

    @property
    def recall(self) -> float:
        """Share of the true closures that were met; 0 where there is none."""
        return self.met / max(self.true, 1)

    @property
    def precision(self) -> float:
        """Share of the found closures that are right; 0 where none was found."""
        return self.right / max(self.found, 1)

    def merge(self, other: ClosureCounts) -> ClosureCounts:
        """Add the counts of another recording."""
        return ClosureCounts(*(a + b for a, b in zip(self, other, strict=True)))


def track_closures(
    gap: npt.NDArray[np.float32], true_gap: npt.NDArray[np.float32], fps: float
) -> ClosureCounts:
    """Compare brief closures of predicted lips with those of tracked ones.

    Trackers tremble and put closed lips a little apart, so tracked lips count as shut within
    0.015 e of the clip's 5th percentile, at least below 0.02 e. Only closures of up to 0.24 s are
    looked at; longer ones are rest. Where the prediction shuts for longer, it neither gains nor
    loses by it.

    Args:
        gap: (T,) predicted gap between the inner lips, e.
        true_gap: (T,) tracked gap, e.
        fps: Frames per second.
    """
    shut = true_gap <= max(_TRACKED_SHUT, float(np.quantile(true_gap, 0.05)) + _TRACKED_TREMBLE)
    true, found = find_spans(shut, fps), find_spans(gap <= TOUCHING_GAP, fps)
    right = _near(_brief(found), true, TOLERANCE_S)
    met = _near(_brief(true), found, TOLERANCE_S)
    return ClosureCounts(int(met.sum()), len(met), int(right.sum()), len(right))


def _brief(spans: Spans) -> Spans:
    return spans[spans[:, 1] - spans[:, 0] < _LONGEST_S + 1e-9]


def find_spans(flags: npt.NDArray[np.bool_], rate: float) -> Spans:
    """Give start and end in s of every run of True among flags at `rate` per second."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return edges.reshape(-1, 2) / rate


def _near(spans: Spans, others: Spans, tolerance_s: float) -> npt.NDArray[np.bool_]:
    """Tell for each span whether one of the others lies within the tolerance, (N,)."""
    starts_before_end = others[None, :, 0] < spans[:, None, 1] + tolerance_s - 1e-9
    ends_after_start = others[None, :, 1] > spans[:, None, 0] - tolerance_s + 1e-9
    return np.asarray((starts_before_end & ends_after_start).any(1), np.bool_)


def count_closures(
    true: Spans, found: Spans, rest: Spans | None = None, tolerance_s: float = TOLERANCE_S
) -> ClosureCounts:
    """Compare found closures with true ones.

    Args:
        true: (N, 2) when p, b or m is said.
        found: (M, 2) when the lips are held to be shut.
        rest: (K, 2) silence, in which lips may touch: a found closure that reaches into it counts
            only where it is right.
        tolerance_s: How far apart they may lie, s.
    """
    right = _near(found, true, tolerance_s)
    counted = right if rest is None else right | ~_near(found, rest, tolerance_s)
    return ClosureCounts(
        met=int(_near(true, found, tolerance_s).sum()),
        true=len(true),
        right=int(right.sum()),
        found=len(found) if rest is None else int(counted.sum()),
    )
