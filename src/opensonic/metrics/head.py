"""Head motion: how far the head turns, and whether it jumps.

Angles come from the rigid part of the tracked face. The range is that between the 2nd and the 98th
percentile, so that one bad picture does not make it. A jump is a place of the head that its
neighbours do not lead to: the distance from the mean of the places before and after.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opensonic.metrics.evaluation import Curve

_LOW, _HIGH = 0.02, 0.98


class HeadMotion(NamedTuple):
    """How far the head turns, degrees; NaN where no face is seen.

    Attributes:
        spread: Root mean square of the three standard deviations.
        yaw: Range.
        pitch: Range.
        roll: Range.
    """

    spread: float
    yaw: float
    pitch: float
    roll: float


def measure_head(yaw: Curve, pitch: Curve, roll: Curve) -> HeadMotion:
    """Measure how a head moves.

    Args:
        yaw: (N,) degrees, NaN where no face is seen.
        pitch: (N,) the same.
        roll: (N,) the same.
    """
    angles = [angle[np.isfinite(angle)] for angle in (yaw, pitch, roll)]
    if not len(angles[0]):
        return HeadMotion(*(float("nan"),) * 4)
    ranges = [float(np.quantile(a, _HIGH) - np.quantile(a, _LOW)) for a in angles]
    spread = float(np.sqrt(np.mean([np.var(a) for a in angles])))
    return HeadMotion(spread, *ranges)


def measure_jumps(x: Curve, y: Curve, shot: npt.NDArray[np.int32]) -> Curve:
    """Give how far each place lies from the mean of its neighbours, (N,) in the unit of the places.

    Args:
        x: (N,) place of the head across, NaN where no face is seen.
        y: (N,) place downwards.
        shot: (N,) numbers; the pictures beside a cut get NaN.
    """
    jumps = np.full(len(x), np.nan, np.float32)
    if len(x) > 2:
        across = x[1:-1] - (x[:-2] + x[2:]) / 2
        down = y[1:-1] - (y[:-2] + y[2:]) / 2
        same = (shot[1:-1] == shot[:-2]) & (shot[1:-1] == shot[2:])
        jumps[1:-1] = np.where(same, np.hypot(across, down), np.nan)
    return jumps
