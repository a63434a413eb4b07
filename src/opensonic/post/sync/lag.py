"""How much later the sound comes than the lips, and how sure that is.

Seen and heard lips are freed of all that is slow (posture, smiles) and multiplied at every lag.
How high the sum gets by chance is taken from the spread over the lags.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensonic.post.sync.heard import HeardLips
from opensonic.post.sync.lips import LipTrack
from opensonic.speech.mel import FRAME_RATE
from opensonic.speech.network import APERTURE, WIDTH
from opensonic.speech.prosody import smooth

CLEAR = 0.8
"""Confidence from which a lag is clear."""

_LONGEST_LAG_S, _SHORTEST_LAG_S = 1.0, 0.3
_LAG_SHARE = 0.1
_BLOCK = FRAME_RATE
_WINDOW_BLOCKS, _STEP_BLOCKS = 8, 4
_MAX_GAP_S = 0.2
_MIN_RUN_ROWS = 50
_FINE, _SLOW = 2.0, 12.0
_WIDTH_SHARE = 1 / 3

Rows = npt.NDArray[np.float32]
"""(T, C) float32 at 100 Hz."""


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


@dataclass(frozen=True)
class Sync:
    """How lips and sound lie in time.

    Attributes:
        lag_s: Seconds by which the sound comes later than the lips; below 0 before them.
        error_s: Standard error of it (jackknife), s.
        confidence: Probability that lips and sound belong together at this lag, 0 to 1.
        windows: The same in parts over time.
        drift_ms_per_s: How the lag grows, ms per s; 0 where too little is known.
    """

    lag_s: float
    error_s: float
    confidence: float
    windows: tuple[SyncWindow, ...] = ()
    drift_ms_per_s: float = 0.0

    @property
    def clear(self) -> bool:
        """Whether the lag can be relied on."""
        return self.confidence >= CLEAR


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Agreement of seconds of video at every lag.

    Attributes:
        start_s: (B,) where each begins, s.
        sums: (B, K) products of seen and heard, summed.
        counts: (B, K) rows in each sum.
    """

    start_s: npt.NDArray[np.float64]
    sums: npt.NDArray[np.float64]
    counts: npt.NDArray[np.float64]


def measure_sync(lips: LipTrack, heard: HeardLips, *, max_lag_s: float | None = None) -> Sync:
    """Find the lag at which the lips fit the sound best.

    Args:
        lips: What is seen.
        heard: What is heard.
        max_lag_s: Largest lag that is looked at, s; None takes 0.3 to 1 s, more for long videos.
    """
    seconds = float(np.ptp(lips.time_s)) if len(lips.time_s) else 0.0
    if max_lag_s is None:
        max_lag_s = float(np.clip(seconds * _LAG_SHARE, _SHORTEST_LAG_S, _LONGEST_LAG_S))
    reach = round(max_lag_s * FRAME_RATE)
    blocks = _compare(lips, heard, reach)
    if not len(blocks.sums):
        return Sync(0.0, max_lag_s, 0.0)
    lag_s, confidence = _peak(blocks, np.ones(len(blocks.sums), bool), reach)
    windows = tuple(_windows(blocks, reach))
    return Sync(
        lag_s=lag_s,
        error_s=_jackknife(blocks, reach),
        confidence=confidence,
        windows=windows,
        drift_ms_per_s=_drift(windows),
    )


def _compare(lips: LipTrack, heard: HeardLips, reach: int) -> _Blocks:
    sound = heard.rows[:, [APERTURE, WIDTH]].astype(np.float32)
    sound = np.stack([_quick(column) for column in sound.T], axis=1) if len(sound) else sound
    sound[:, 1] *= _WIDTH_SHARE
    starts, sums, counts = [], [], []
    for first, seen in _runs(lips):
        quick = np.stack([_quick(column) for column in seen[:, :2].T], axis=1)
        for start in range(0, len(quick), _BLOCK):
            part = quick[start : start + _BLOCK]
            rows = first + start + np.arange(-reach, len(part) + reach)
            there = (rows >= 0) & (rows < len(sound))
            beside = np.where(there[:, None], sound[np.clip(rows, 0, len(sound) - 1)], 0)
            slid = np.lib.stride_tricks.sliding_window_view(beside, len(part), axis=0)
            sums.append(np.einsum("kcn,nc->k", slid, part))
            counts.append(np.convolve(there, np.ones(len(part)), "valid"))
            starts.append((first + start) / FRAME_RATE)
    shape = (len(sums), 2 * reach + 1)
    return _Blocks(
        np.array(starts, np.float64),
        np.array(sums, np.float64).reshape(shape),
        np.array(counts, np.float64).reshape(shape),
    )


def _quick(curve: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    quick = smooth(curve, _FINE) - smooth(curve, _SLOW)
    quick -= quick.mean()
    return np.asarray(quick / (quick.std() + 1e-6), np.float32)


def _runs(lips: LipTrack) -> Iterator[tuple[int, Rows]]:
    """Give stretches in which the lips are seen, at 100 Hz: number of the first row, rows."""
    places = np.flatnonzero(lips.seen)
    apart = (np.diff(lips.time_s[places]) > _MAX_GAP_S) | (np.diff(lips.shot[places]) != 0)
    for run in np.split(places, np.flatnonzero(apart) + 1):
        if len(run) < 2:
            continue
        times = lips.time_s[run] * FRAME_RATE - 0.5
        rows = np.arange(int(np.ceil(times[0])), int(times[-1]) + 1)
        if len(rows) >= _MIN_RUN_ROWS:
            columns = [np.interp(rows, times, column) for column in lips.features[run].T]
            yield int(rows[0]), np.stack(columns, axis=1).astype(np.float32)


def _peak(blocks: _Blocks, chosen: npt.NDArray[np.bool_], reach: int) -> tuple[float, float]:
    """Give the best lag of some blocks, s, and the confidence in it."""
    counts = blocks.counts[chosen].sum(0)
    r = blocks.sums[chosen].sum(0) / np.maximum(counts, 1) / (1 + _WIDTH_SHARE)
    r = np.where(counts > counts.max() / 2, r, 0.0)
    best = int(r.argmax())
    top = 0.0
    if 0 < best < len(r) - 1:
        bend = r[best - 1] - 2 * r[best] + r[best + 1]
        top = 0.5 * float((r[best - 1] - r[best + 1]) / bend) if bend < 0 else 0.0
    seconds = counts.max() / FRAME_RATE
    score = float(r[best]) * np.sqrt(seconds)
    confidence = float(1 / (1 + np.exp(-6 * (score - 0.9))))
    return (best - reach + top) / FRAME_RATE, confidence


def _windows(blocks: _Blocks, reach: int) -> Iterator[SyncWindow]:
    """Give the lag in windows of some 8 s that overlap by half."""
    first, last = blocks.start_s[0], blocks.start_s[-1] + 1
    start = first
    while True:
        end = min(start + _WINDOW_BLOCKS, last)
        chosen = (blocks.start_s >= start - 1e-6) & (blocks.start_s < end - 1e-6)
        if chosen.any():
            yield SyncWindow(float(start), float(end), *_peak(blocks, chosen, reach))
        if end >= last:
            return
        start += _STEP_BLOCKS


def _jackknife(blocks: _Blocks, reach: int) -> float:
    """Give the standard error of the lag, from the video without one eighth of it at a time."""
    parts = np.array_split(np.arange(len(blocks.sums)), min(8, len(blocks.sums)))
    if len(parts) < 2:
        return reach / FRAME_RATE
    lags = []
    for part in parts:
        chosen = np.ones(len(blocks.sums), bool)
        chosen[part] = False
        lags.append(_peak(blocks, chosen, reach)[0])
    n = len(lags)
    return float(np.sqrt((n - 1) / n * np.sum((np.array(lags) - np.mean(lags)) ** 2)))


def _drift(windows: tuple[SyncWindow, ...]) -> float:
    """Give the slope of the lag over the windows that are clear, ms per s."""
    clear = [window for window in windows if window.confidence >= CLEAR]
    if len(clear) < 3:
        return 0.0
    times = np.array([(window.start_s + window.end_s) / 2 for window in clear])
    lags = np.array([window.lag_s for window in clear])
    times -= times.mean()
    return float(1000 * (times @ (lags - lags.mean())) / (times @ times))
