"""Identity without a network: whether the face keeps its proportions and its colour over time.

Eleven lengths between points of the skull that neither speech nor expression moves much, in
distances of the outer eye corners. A second of pictures is averaged, so that the tracker's unrest
does not count, and compared with the beginning. Turning the head changes tracked proportions a
little, too. CSIM, which compares faces by a network made for it, is in `metrics.networks`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opensonic.metrics.evaluation import Curve

_LENGTHS = (
    *((133, 362), (129, 358), (168, 1), (33, 2), (263, 2), (234, 454)),
    *((10, 168), (123, 352), (6, 2), (127, 356), (98, 327)),
)
N_PROPORTIONS = len(_LENGTHS)
"""Lengths that are compared."""
_BEGINNING_S, _WINDOW_S = 2.0, 1.0


def measure_proportions(landmarks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give the proportions of one face.

    Args:
        landmarks: (478, 3) float32.

    Returns:
        (P,) float32 lengths in e.
    """
    e = max(float(np.linalg.norm(landmarks[33] - landmarks[263])), 1e-6)
    ends = np.array(_LENGTHS)
    lengths = np.linalg.norm(landmarks[ends[:, 0]] - landmarks[ends[:, 1]], axis=1) / e
    return np.asarray(lengths, np.float32)


def follow_drift(rows: npt.NDArray[np.float32], time_s: npt.NDArray[np.float64]) -> Curve:
    """Measure how far something has gone from what it was in the first two seconds.

    Args:
        rows: (N, P), NaN where no face is seen.
        time_s: (N,) times of the pictures, s.

    Returns:
        (N,) root mean square over the columns of the difference, averaged over a second, in the
        unit of the rows; NaN where no face is seen.
    """
    drift = np.full(len(rows), np.nan, np.float32)
    seen = np.isfinite(rows).all(1)
    if not seen.any():
        return drift
    times, known = time_s[seen], rows[seen].astype(np.float64)
    beginning = known[times <= times[0] + _BEGINNING_S].mean(0)
    sums = np.concatenate([np.zeros((1, known.shape[1])), np.cumsum(known, 0)])
    first = np.searchsorted(times, times - _WINDOW_S / 2)
    last = np.searchsorted(times, times + _WINDOW_S / 2, side="right")
    means = (sums[last] - sums[first]) / (last - first)[:, None]
    drift[seen] = np.sqrt(((means - beginning) ** 2).mean(1))
    return drift
