"""How much later the sound comes than the lips, how sure that is, and whether it drifts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensonic.post.sync.certainty import Judgement, judge
from opensonic.post.sync.heard import HeardLips
from opensonic.post.sync.lips import LipTrack
from opensonic.post.sync.match import LAG_RATE, Blocks, compare, evidence_heard

CLEAR = 0.8
"""Confidence from which a lag is clear."""

_LONGEST_LAG_S, _SHORTEST_LAG_S, _LAG_SHARE = 1.0, 0.3, 0.1
_BEYOND_S = 1.0
"""Lags beyond those believed, from which chance is learnt, s."""
_WINDOW_S, _STEP_S = 8.0, 4.0
_DRIFT_FROM_S = 24.0
_DRIFT_STEP_S = 0.06
_MAX_DRIFT = 0.06
"""Largest drift looked for, s per s: a little more than film at 24 shown at 25."""
_MOST_GROUPS = 240
_DRIFT_COST = 4.0
_PARTS = 8
_LIKELY = 0.5
"""Confidence from which a window counts for the drift."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SyncWindow:
    """Lag of a part of a video.

    Attributes:
        start_s: Where the part begins, s.
        end_s: Where it ends, s.
        lag_s: Seconds by which the sound comes later than the lips.
        confidence: Probability that this is so, 0 to 1.
    """

    start_s: float
    end_s: float
    lag_s: float
    confidence: float

    @property
    def clear(self) -> bool:
        """Whether the lag of this part can be relied on."""
        return self.confidence >= CLEAR


@dataclass(frozen=True)
class Sync:
    """How lips and sound lie in time.

    Attributes:
        lag_s: Seconds by which the sound comes later than the lips, below 0 if it comes before
            them; where it drifts, in the middle of the video.
        error_s: Standard error of it (jackknife), s.
        confidence: Probability that lips and sound belong together at this lag, 0 to 1.
        windows: The same in parts of 8 s that overlap by half.
        drift_ms_per_s: How the lag grows, ms per s; 0 where too little is known.
        drift_error_ms_per_s: Standard error of that; 0 where too little is known.
    """

    lag_s: float
    error_s: float
    confidence: float
    windows: tuple[SyncWindow, ...] = ()
    drift_ms_per_s: float = 0.0
    drift_error_ms_per_s: float = 0.0

    @property
    def clear(self) -> bool:
        """Whether the lag can be relied on."""
        return self.confidence >= CLEAR


def measure_sync(lips: LipTrack, heard: HeardLips, *, max_lag_s: float | None = None) -> Sync:
    """Find the lag at which the lips fit the sound best.

    Args:
        lips: What is seen.
        heard: What is heard.
        max_lag_s: Largest lag that is believed, s; None takes a tenth of the length, within 0.3 and
            1 s.

    Raises:
        WeightsError: The weights are missing or damaged.
    """
    seconds = float(np.ptp(lips.time_s)) if len(lips.time_s) else 0.0
    if max_lag_s is None:
        max_lag_s = float(np.clip(seconds * _LAG_SHARE, _SHORTEST_LAG_S, _LONGEST_LAG_S))
    reach = 2 * round((max_lag_s + _BEYOND_S) * LAG_RATE / 2)
    blocks = compare(lips, evidence_heard(heard), reach)
    if not len(blocks):
        return Sync(0.0, max_lag_s, 0.0)
    drift = _search_drift(blocks, max_lag_s)
    straight = _straighten(blocks, drift)
    found = _judge(straight, max_lag_s)
    windows = tuple(_windows(blocks, max_lag_s, found.lag_s, drift))
    slope, slope_error = _fit_drift(windows)
    return Sync(
        lag_s=found.lag_s,
        error_s=_jackknife(straight, max_lag_s, found.lag_s),
        confidence=found.confidence,
        windows=windows,
        drift_ms_per_s=slope,
        drift_error_ms_per_s=slope_error,
    )


def _judge(blocks: Blocks, max_lag_s: float, usual_lag_s: float = 0.0) -> Judgement:
    return judge(blocks.sums.sum(0), blocks.counts.sum(0), max_lag_s, usual_lag_s)


def _middle(blocks: Blocks) -> float:
    return float(blocks.start_s[0] + blocks.start_s[-1] + 1) / 2


def _choose(blocks: Blocks, chosen: npt.NDArray[np.bool_]) -> Blocks:
    return Blocks(blocks.start_s[chosen], blocks.sums[chosen], blocks.counts[chosen], blocks.reach)


def _search_drift(blocks: Blocks, max_lag_s: float) -> float:
    """Give the drift, s per s, with which the blocks agree best; 0 unless it is clearly better."""
    length_s = float(blocks.start_s[-1] + 1 - blocks.start_s[0])
    if length_s < _DRIFT_FROM_S:
        return 0.0
    size = -(-len(blocks) // _MOST_GROUPS)
    edges = np.arange(0, len(blocks), size)
    grouped = Blocks(
        np.add.reduceat(blocks.start_s, edges) / np.diff(np.append(edges, len(blocks))),
        np.add.reduceat(blocks.sums, edges),
        np.add.reduceat(blocks.counts, edges),
        blocks.reach,
    )
    near = np.abs(np.arange(2 * blocks.reach + 1) - blocks.reach) <= max_lag_s * LAG_RATE
    scale = np.sqrt(np.maximum(blocks.counts.sum(0).max(), 1.0))
    n_steps = int(min(2 * max_lag_s, _MAX_DRIFT * length_s) / _DRIFT_STEP_S)
    drifts = np.arange(-n_steps, n_steps + 1) * _DRIFT_STEP_S / length_s
    peaks = np.array(
        [_straighten(grouped, drift).sums.sum(0)[near].max() / scale for drift in drifts]
    )
    spread = float((blocks.sums.sum(0) / scale).std()) + 1e-9
    best = int(peaks.argmax())
    better = (peaks[best] - peaks[n_steps]) / spread
    return float(drifts[best]) if better > _DRIFT_COST else 0.0


def _straighten(blocks: Blocks, drift: float) -> Blocks:
    """Move the lags of every block by what a drift, s per s, makes of them."""
    if not drift:
        return blocks
    moves = np.round((blocks.start_s + 0.5 - _middle(blocks)) * drift * LAG_RATE).astype(int)
    places = np.arange(blocks.sums.shape[1]) + moves[:, None]
    inside = (places >= 0) & (places < blocks.sums.shape[1])
    places = np.clip(places, 0, blocks.sums.shape[1] - 1)
    rows = np.arange(len(blocks))[:, None]
    return Blocks(
        blocks.start_s,
        np.where(inside, blocks.sums[rows, places], 0),
        np.where(inside, blocks.counts[rows, places], 0),
        blocks.reach,
    )


def _windows(blocks: Blocks, max_lag_s: float, lag_s: float, drift: float) -> Iterator[SyncWindow]:
    """Give the lag in windows of 8 s that overlap by half, likeliest where the whole has it."""
    start, last = float(blocks.start_s[0]), float(blocks.start_s[-1]) + 1
    while True:
        end = min(start + _WINDOW_S, last)
        chosen = (blocks.start_s >= start - 1e-6) & (blocks.start_s < end - 1e-6)
        if chosen.any():
            usual = lag_s + drift * ((start + end) / 2 - _middle(blocks))
            found = _judge(_choose(blocks, chosen), max_lag_s, usual)
            yield SyncWindow(start, end, found.lag_s, found.confidence)
        if end >= last:
            return
        start += _STEP_S


def _jackknife(blocks: Blocks, max_lag_s: float, lag_s: float) -> float:
    """Give the standard error of the lag, from the video without one eighth of it at a time."""
    parts = np.array_split(np.arange(len(blocks)), min(_PARTS, len(blocks)))
    if len(parts) < 2:
        return max_lag_s
    lags = []
    for part in parts:
        chosen = np.ones(len(blocks), bool)
        chosen[part] = False
        lags.append(_judge(_choose(blocks, chosen), max_lag_s, lag_s).lag_s)
    return float(np.sqrt((len(lags) - 1) * np.var(lags)))


def _fit_drift(windows: tuple[SyncWindow, ...]) -> tuple[float, float]:
    """Give slope and its error over the windows that are likely, ms per s."""
    likely = [window for window in windows if window.confidence >= _LIKELY]
    if len(likely) < 4:
        return 0.0, 0.0
    times = np.array([(window.start_s + window.end_s) / 2 for window in likely])
    lags = np.array([window.lag_s for window in likely])
    times -= times.mean()
    slope = float(times @ lags / (times @ times))
    left = lags - lags.mean() - slope * times
    overlap = _WINDOW_S / _STEP_S
    error = np.sqrt(overlap * (left @ left) / (len(likely) - 2) / (times @ times))
    return 1000 * slope, float(1000 * error)
