"""Blinks: how often, how long, how far the lids shut.

How far an eye stands open is its eye aspect ratio (Soukupová & Čech, "Real-Time Eye Blink Detection
using Facial Landmarks", CVWW 2016): the mean distance of the lids over the width of the eye. It
differs from person to person and with the pitch of the head, so lids count as shut by how much they
fall below what they were in the seconds around.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensonic.metrics.evaluation import Curve

_LIDS = (
    ((159, 145), (158, 153), (160, 144), (33, 133)),
    ((386, 374), (385, 380), (387, 373), (362, 263)),
)
"""Of each eye: three pairs of points on the lids, and its corners."""
_AROUND_S = 1.5
_OPEN_SHARE = 0.6
_OPEN_QUANTILE = 0.75
_STARTS, _PEAKS = 0.12, 0.24
"""Closures from which lids move, and from which it is a blink. Tracked lids of real people fall by
0.45 to 0.9 in a blink, drawn ones often by no more than 0.3."""
_LONGEST_S = 0.5


@dataclass(frozen=True)
class Blinks:
    """The blinks of a video.

    Attributes:
        times_s: (N,) when each is deepest.
        lengths_s: (N,) how long each lasts, at half its depth.
        depths: (N,) how far the lids shut, 0 to 1.
        minutes: Time in which eyes were seen.
    """

    times_s: npt.NDArray[np.float64]
    lengths_s: npt.NDArray[np.float64]
    depths: npt.NDArray[np.float64]
    minutes: float

    @property
    def per_minute(self) -> float:
        """Blinks in a minute; 0 where nothing was seen."""
        return len(self.times_s) / self.minutes if self.minutes else 0.0


def measure_lids(landmarks: npt.NDArray[np.float32]) -> float:
    """Give the mean eye aspect ratio of both eyes.

    Args:
        landmarks: (478, 3) float32.
    """

    def distance(a: int, b: int) -> float:
        return float(np.linalg.norm(landmarks[a] - landmarks[b]))

    ratios = [
        sum(distance(*pair) for pair in pairs) / 3 / max(distance(*corners), 1e-6)
        for *pairs, corners in _LIDS
    ]
    return sum(ratios) / 2


def close_lids(lids: Curve, time_s: npt.NDArray[np.float64]) -> Curve:
    """Turn eye aspect ratios into how far the lids are shut.

    Args:
        lids: (N,) eye aspect ratios, NaN where no face is seen.
        time_s: (N,) times of the pictures, s.

    Returns:
        (N,) 0 (as open as around) to 1 (shut); NaN where no face is seen.
    """
    seen = np.isfinite(lids)
    blink = np.full(len(lids), np.nan, np.float32)
    if not seen.any():
        return blink
    usual = float(np.quantile(lids[seen], _OPEN_QUANTILE))
    times, values = time_s[seen], lids[seen].astype(np.float64)
    first = np.searchsorted(times, times - _AROUND_S)
    last = np.searchsorted(times, times + _AROUND_S, side="right")
    opened = [np.quantile(values[a:b], _OPEN_QUANTILE) for a, b in zip(first, last, strict=True)]
    level = np.maximum(np.array(opened), _OPEN_SHARE * usual)
    blink[seen] = np.clip(1 - values / np.maximum(level, 1e-6), 0, 1)
    return blink


def find_blinks(blink: Curve, time_s: npt.NDArray[np.float64]) -> Blinks:
    """Find the blinks; lids that stay down for longer than half a second are none.

    Args:
        blink: (N,) as `close_lids` gives them.
        time_s: (N,) times of the pictures, s.
    """
    if len(blink) < 2:
        return Blinks(np.empty(0), np.empty(0), np.empty(0), 0.0)
    step_s = float(np.median(np.diff(time_s)))
    known = np.nan_to_num(blink)
    times, lengths, depths = [], [], []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known > _STARTS, [0]])))
    for first, last in edges.reshape(-1, 2):
        deepest = first + int(known[first:last].argmax())
        depth = float(known[deepest])
        half = np.flatnonzero(known[first:last] >= depth / 2)
        length = float(time_s[first + half[-1]] - time_s[first + half[0]]) + step_s
        if depth >= _PEAKS and length <= _LONGEST_S:
            times.append(time_s[deepest])
            lengths.append(length)
            depths.append(depth)
    return Blinks(
        np.array(times, np.float64),
        np.array(lengths, np.float64),
        np.array(depths, np.float64),
        float(np.isfinite(blink).sum()) * step_s / 60,
    )
