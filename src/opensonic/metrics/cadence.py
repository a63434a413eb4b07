"""Repeated and missing pictures.

A picture repeats the one before where no block of it changes by a quarter of a grey level or more;
compression changes repeats a little, so it also does with less than 1.7 levels that are less than
20 % of what the pictures right before and after it change and 15 % of what is usual around it (75th
percentile within half a second). Repeats in a noisy video in which hardly anything moves stay
unseen. Pictures are missing where the file's times leave a gap of more than one and a half steps.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opensonic.metrics.evaluation import Curve

REPEATED_CHANGE = 0.25
"""Largest change of a block under which a picture counts as repeated, grey levels."""
_CODED_CHANGE, _CODED_SHARE, _NEXT_SHARE = 1.7, 0.15, 0.2
_AROUND_S, _AROUND_QUANTILE = 0.5, 0.75


class Cadence(NamedTuple):
    """How evenly pictures follow each other.

    Attributes:
        repeated: (N,) which pictures repeat the one before.
        missing: Pictures that the file's times leave out.
        fps: Pictures per second by the median step; NaN for a single picture.
    """

    repeated: npt.NDArray[np.bool_]
    missing: int
    fps: float


def measure_cadence(time_s: npt.NDArray[np.float64], change: Curve) -> Cadence:
    """Look for repeated and missing pictures.

    Args:
        time_s: (N,) times of the pictures, s.
        change: (N,) largest change of a block from the picture before, grey levels, NaN at cuts.
    """
    repeated = _find_repeated(time_s, np.nan_to_num(change, nan=np.inf))
    steps = np.diff(time_s)
    if not len(steps):
        return Cadence(repeated, 0, float("nan"))
    step = float(np.median(steps))
    wide = steps[steps > 1.5 * step]
    return Cadence(repeated, int(np.sum(np.round(wide / step) - 1)), 1 / step)


def _find_repeated(time_s: npt.NDArray[np.float64], change: Curve) -> npt.NDArray[np.bool_]:
    """Tell which pictures repeat the one before, (N,); infinite changes are cuts."""
    repeated = change < REPEATED_CHANGE
    beside = np.full(len(change), -np.inf, np.float32)
    beside[1:-1] = np.minimum(change[:-2], change[2:])
    alone = (change < _CODED_CHANGE) & (change < _NEXT_SHARE * beside)
    for place in np.flatnonzero(alone & ~repeated):
        first = np.searchsorted(time_s, time_s[place] - _AROUND_S)
        last = np.searchsorted(time_s, time_s[place] + _AROUND_S, side="right")
        around = change[first:last]
        usual = float(np.quantile(around[np.isfinite(around)], _AROUND_QUANTILE))
        repeated[place] = change[place] < _CODED_SHARE * usual
    return np.asarray(repeated, np.bool_)
