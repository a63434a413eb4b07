"""How alike two curves of a mouth are, and how late one of them comes.

Pearson's r forgives size and level, so it judges when the mouth moves and how the movements compare
with each other. Lags finer than a frame come from a parabola through the peak of r over the lag.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Curve = npt.NDArray[np.float32]
"""(T,) float32."""

MAX_LAG = 3
"""Frames either way in which the best lag is searched."""
_BLOCKS = 8


class Peak(NamedTuple):
    """Where two curves agree best.

    Attributes:
        r: Pearson's r at the best whole lag.
        lag: That lag in frames, refined by a parabola; above 0 the first curve comes late.
    """

    r: float
    lag: float


def correlate_lagged(found: Curve, true: Curve, max_lag: int = MAX_LAG) -> dict[int, float]:
    """Give Pearson's r for each lag of `-max_lag` to `max_lag` frames; above 0 `found` comes late.

    Where one of the curves is flat, r is 0.
    """
    results = {}
    for lag in range(-max_lag, max_lag + 1):
        a = found[max(0, lag) : len(found) + min(0, lag)]
        b = true[max(0, -lag) : len(true) + min(0, -lag)]
        flat = len(a) < 2 or a.std() == 0 or b.std() == 0
        results[lag] = 0.0 if flat else float(np.corrcoef(a, b)[0, 1])
    return results


def find_peak(by_lag: dict[int, float]) -> Peak:
    """Find the best lag between whole frames.

    Args:
        by_lag: Pearson's r for consecutive lags, as `correlate_lagged` gives it.

    Returns:
        The peak; at the edge of the search its lag is a whole number of frames.
    """
    best = max(by_lag, key=lambda lag: (by_lag[lag], -abs(lag)))
    if best - 1 not in by_lag or best + 1 not in by_lag:
        return Peak(by_lag[best], float(best))
    before, here, after = by_lag[best - 1], by_lag[best], by_lag[best + 1]
    bend = before - 2 * here + after
    shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return Peak(here, best + shift)


def remove_drift(curve: Curve, window: int) -> Curve:
    """Take the running mean over `window` frames away: what is left are the quick movements.

    Lags are measured on such curves: moods and poses move slowly and blur the peak.
    """
    weights = np.ones(min(window, len(curve)))
    counts = np.convolve(np.ones(len(curve)), weights, "same")
    slow = np.convolve(curve, weights, "same") / counts
    return (curve - slow).astype(np.float32)


def find_lag(found: Curve, true: Curve, window: int, max_lag: int = MAX_LAG) -> tuple[Peak, float]:
    """Measure how late `found` comes, and how sure that is.

    Args:
        found: The curve that may come late.
        true: The curve that it follows, as long as `found`.
        window: Frames of the running mean that is taken away from both.
        max_lag: Frames either way in which the lag is searched.

    Returns:
        The peak, and the standard error of its lag in frames (jackknife over eight parts).
    """
    a, b = remove_drift(found, window), remove_drift(true, window)
    peak = find_peak(correlate_lagged(a, b, max_lag))
    bounds = np.linspace(0, len(a), _BLOCKS + 1).astype(int)
    lags = []
    for start, end in itertools.pairwise(bounds):
        rest_a, rest_b = a.copy(), b.copy()
        rest_a[start:end] = rest_b[start:end] = 0
        lags.append(find_peak(correlate_lagged(rest_a, rest_b, max_lag)).lag)
    error = np.sqrt((_BLOCKS - 1) * np.var(lags))
    return peak, float(error)
