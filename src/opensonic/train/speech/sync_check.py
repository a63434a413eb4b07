"""Whether the lips follow the sound, and how late: tracked lips against those that are heard.

Opening and width, as our own network hears them and as they were tracked, are freed of all that is
slow (posture, smiles) and correlated at every lag up to 0.4 s. How high such a correlation gets by
chance is taken from the same curves at lags so large that nothing fits, and from trials with the
sound of other clips: below 0.9 / sqrt(seconds) in 99 of 100. Left out: who of several is speaking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensonic.speech.mel import FRAME_RATE
from opensonic.speech.prosody import Curve, smooth

MAX_LAG_S = 0.4
"""Lags that are looked at, s."""
MIN_SCORE = 3.5
"""Height of a clear peak over the spread of chance."""

_FINE, _SLOW = 2.0, 12.0
_WIDTH_SHARE = 1 / 3
_REACH = round(MAX_LAG_S * FRAME_RATE)
_CHANCE_R = 0.9
_LEAST_R = 0.15
_SHIFTS = 64
_FAR = _REACH + 20


@dataclass(frozen=True, eq=False)
class Stretch:
    """Tracked and heard lips of one stretch, ready to be compared.

    Attributes:
        tracked: (2, T) opening and width at 100 Hz, freed of slow movement, of unit power.
        heard: (2, T) the same as the network hears it.
    """

    tracked: npt.NDArray[np.float32]
    heard: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sync:
    """How lips and sound lie in time.

    Attributes:
        lag_s: Seconds by which the lips come after the sound; below 0 before it.
        r: Correlation at that lag.
        score: Height of the peak in units of the spread at lags where nothing can fit.
        seconds: Length of what was compared.
    """

    lag_s: float
    r: float
    score: float
    seconds: float

    @property
    def clear(self) -> bool:
        """Whether chance is ruled out."""
        least = max(_LEAST_R, _CHANCE_R / max(self.seconds, 1e-6) ** 0.5)
        return self.r >= least and self.score >= MIN_SCORE


def prepare(tracked: npt.NDArray[np.float32], heard: npt.NDArray[np.float32]) -> Stretch:
    """Free lips of what is slow and bring them to unit power.

    Args:
        tracked: (T, 2) opening and width of the tracked lips, at 100 Hz, in any unit.
        heard: (T, 2) the same as heard.
    """
    return Stretch(*(np.stack([_quick(curve) for curve in lips.T]) for lips in (tracked, heard)))


def _quick(curve: Curve) -> Curve:
    quick = smooth(curve, _FINE) - smooth(curve, _SLOW)
    quick -= quick.mean()
    return np.asarray(quick / (quick.std() + 1e-6), np.float32)


def _correlate(stretch: Stretch) -> npt.NDArray[np.float64]:
    """Give the correlation at every circular lag, (T,)."""
    a = np.fft.rfft(stretch.tracked.astype(np.float64))
    b = np.fft.rfft(stretch.heard.astype(np.float64))
    both = np.fft.irfft(a * b.conj(), stretch.tracked.shape[1])
    return np.asarray((1 - _WIDTH_SHARE) * both[0] + _WIDTH_SHARE * both[1], np.float64)


def measure_sync(stretches: Sequence[Stretch]) -> Sync:
    """Find the one lag at which the lips of all stretches together follow the sound best.

    Args:
        stretches: At least one, each longer than `2 * MAX_LAG_S`.
    """
    rng = np.random.default_rng(0)
    n_rows = sum(stretch.tracked.shape[1] for stretch in stretches)
    near, far = np.zeros(2 * _REACH + 1), np.zeros(_SHIFTS)
    for stretch in stretches:
        by_lag = _correlate(stretch)
        near += by_lag[np.arange(-_REACH, _REACH + 1) % len(by_lag)]
        far += by_lag[rng.integers(_FAR, max(_FAR + 1, len(by_lag) - _FAR), _SHIFTS) % len(by_lag)]
    best = int(near.argmax())
    return Sync(
        lag_s=(best - _REACH) / FRAME_RATE,
        r=float(near[best] / n_rows),
        score=float(near[best] / (far.std() + 1e-9)),
        seconds=n_rows / FRAME_RATE,
    )


def agreement_at(stretch: Stretch, lag_s: float) -> float:
    """Give the correlation of one stretch at a lag, or up to 0.03 s beside it."""
    by_lag = _correlate(stretch)
    centre = round(lag_s * FRAME_RATE)
    return float(by_lag[np.arange(centre - 3, centre + 4) % len(by_lag)].max() / len(by_lag))
