"""Repeated and missing pictures.

A picture repeats the one before where no block of it changes by a quarter of a grey level or more:
compression leaves repeats exact, and living faces never that still. Pictures are missing where the
file's times leave a gap of more than one and a half steps.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opensonic.metrics.evaluation import Curve

REPEATED_CHANGE = 0.25
"""Largest change of a block under which a picture counts as repeated, grey levels."""


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
    repeated = np.asarray(np.nan_to_num(change, nan=np.inf) < REPEATED_CHANGE, np.bool_)
    steps = np.diff(time_s)
    if not len(steps):
        return Cadence(repeated, 0, float("nan"))
    step = float(np.median(steps))
    wide = steps[steps > 1.5 * step]
    return Cadence(repeated, int(np.sum(np.round(wide / step) - 1)), 1 / step)
