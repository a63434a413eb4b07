"""Closure recall and precision: whether the lips of a video meet on p, b and m, and only there.

Tracked lips that touch still measure a little apart: they count as shut within 0.015 e of the 5th
percentile of the gap, at least below 0.02 e and never above 0.045 e. A closure is met if a picture
within 40 ms of it shows shut lips (*recall*). *Precision* is the share of the time with shut lips,
silence left out, that lies within 60 ms of a p, b or m; a mouth that never opens gets no more than
the share of the time in which these are said, `by_chance`. Nothing is shifted: what comes late is
missed, as a viewer misses it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opensonic.metrics.closures import TOLERANCE_S, Spans
from opensonic.metrics.evaluation import Curve
from opensonic.metrics.silence import within

PRECISION_TOLERANCE_S = 0.06
"""How far from p, b and m shut lips may lie, s."""

_LEAST_SHUT, _MOST_SHUT, _TREMBLE = 0.02, 0.045, 0.015


class ShutLips(NamedTuple):
    """How well lips close.

    Attributes:
        recall: Share of the closures that are met; NaN where there is none.
        precision: Share of shut pictures, silence left out, that are near one; NaN where no lips
            shut.
        by_chance: The precision that lips get that shut anywhere.
        true: Closures that could be seen.
        missed_s: (M, 2) those that were missed.
    """

    recall: float
    precision: float
    by_chance: float
    true: int
    missed_s: Spans


def find_shut(gap: Curve) -> npt.NDArray[np.bool_]:
    """Tell in which pictures the lips touch, (N,).

    Args:
        gap: (N,) gap between the inner lips, e; NaN where no face is seen.
    """
    return np.asarray(np.nan_to_num(gap, nan=np.inf) <= shut_gap(gap), np.bool_)


def shut_gap(gap: Curve) -> float:
    """Give the largest gap that counts as shut in a video, e.

    Args:
        gap: (N,) gap between the inner lips, e; NaN where no face is seen.
    """
    seen = gap[np.isfinite(gap)]
    lowest = float(np.quantile(seen, 0.05)) if len(seen) else 0.0
    return min(max(_LEAST_SHUT, lowest + _TREMBLE), _MOST_SHUT)


def judge_closures(
    gap: Curve, time_s: npt.NDArray[np.float64], closures_s: Spans, silences_s: Spans
) -> ShutLips:
    """Compare the lips of a video with what is said.

    Args:
        gap: (N,) gap between the inner lips, e; NaN where no face is seen.
        time_s: (N,) times of the pictures, s.
        closures_s: (M, 2) when p, b or m is said, ascending.
        silences_s: (K, 2) silences, ascending.
    """
    shut, seen = find_shut(gap), np.isfinite(gap)
    visible = _count(seen, time_s, closures_s) > 0
    met = _count(shut, time_s, closures_s) > 0
    near = within(time_s, _widen(closures_s, PRECISION_TOLERANCE_S))
    spoken = seen & (near | ~within(time_s, silences_s))
    n_shut, n_spoken = int((shut & spoken).sum()), int(spoken.sum())
    nan = float("nan")
    return ShutLips(
        recall=float(met[visible].mean()) if visible.any() else nan,
        precision=float((shut & near).sum() / n_shut) if n_shut else nan,
        by_chance=float((near & seen).sum() / n_spoken) if n_spoken else nan,
        true=int(visible.sum()),
        missed_s=closures_s[visible & ~met],
    )


def _count(
    flags: npt.NDArray[np.bool_], time_s: npt.NDArray[np.float64], spans: Spans
) -> npt.NDArray[np.int64]:
    """Count the flagged pictures within the tolerance of each span."""
    sums = np.concatenate([[0], np.cumsum(flags)])
    first = np.searchsorted(time_s, spans[:, 0] - TOLERANCE_S - 1e-9)
    last = np.searchsorted(time_s, spans[:, 1] + TOLERANCE_S + 1e-9, side="right")
    return np.asarray(sums[last] - sums[first], np.int64)


def _widen(spans: Spans, by_s: float) -> Spans:
    """Widen spans at both ends and join those that then meet."""
    joined: list[list[float]] = []
    for start, end in spans:
        if joined and start - by_s <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end + by_s)
        else:
            joined.append([start - by_s, end + by_s])
    return np.array(joined, np.float64).reshape(-1, 2)
