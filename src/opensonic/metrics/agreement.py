"""Lip correlation: whether the lips open when the sound asks for it.

Pearson's r between the tracked gap of the lips and the gap that our speech network hears in the
sound: as the video is, and with the lag between sound and lips taken away. Size and rest of a
mouth do not count. Real speakers do not reach 1, because lips are free where sounds do not bind
them: docs/evaluate.md says what they get.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opensonic.metrics.evaluation import Curve
from opensonic.metrics.sounding import Sounding

_LEAST_PICTURES = 20


def correlate_lips(
    gap: Curve, time_s: npt.NDArray[np.float64], sounding: Sounding, lag_s: float = 0.0
) -> float:
    """Correlate seen with heard lips.

    Args:
        gap: (N,) gap between the inner lips, e; NaN where no face is seen.
        time_s: (N,) times of the pictures, s.
        sounding: What is heard.
        lag_s: Seconds by which the sound comes later than the lips, to be taken away.

    Returns:
        Pearson's r; NaN where fewer than 20 pictures can be compared or one of both is flat.
    """
    heard = sounding.at(sounding.gap, time_s + lag_s)
    both = np.isfinite(gap) & np.isfinite(heard)
    a, b = gap[both].astype(np.float64), heard[both].astype(np.float64)
    if len(a) < _LEAST_PICTURES or a.std() < 1e-9 or b.std() < 1e-9:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
