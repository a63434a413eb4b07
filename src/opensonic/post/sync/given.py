"""Motion that was given beside the sound: its lag is measured and taken away before it is drawn.

The lips that the motion asks for are compared with those that our network hears in the sound. No
picture is needed for that, and the shift is exact: the motion moves in time, not its frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensonic.channels import MOUTH, inner_lip_gap, lip_width_factor
from opensonic.clock import frame_count
from opensonic.motion.track import Track
from opensonic.speech.hearing import hear
from opensonic.speech.prosody import smooth
from opensonic.values import Speech

MAX_CORRECTED_S = 0.05
"""Largest lag that is corrected, s."""
TOLERANCE_S = 0.01
"""How far a measure may be off: a lag that seems this much larger is corrected, too, s."""
IN_STEP_S = 0.01
"""Lag up to which nothing is moved, s."""

_RATE = 100
_HEARD_S = 120
_REACH = 40
_FINE, _SLOW = 2.0, 12.0
_WIDTH_SHARE = 1 / 3
_MIN_S = 1.5
_CLEAR_R, _CLEAR_SCORE = 0.3, 1.2

Curves = npt.NDArray[np.float32]
"""(2, T) gap and width of the lips at 100 Hz, freed of what is slow, of unit power."""


@dataclass(frozen=True)
class GivenLag:
    """The lag of given motion.

    Attributes:
        lag_s: Seconds by which the sound comes later than the lips; below 0 before them.
        r: Correlation of given and heard lips at that lag.
        clear: Whether it can be relied on.
    """

    lag_s: float
    r: float
    clear: bool


def measure_track(track: Track, speech: Speech, lips: Path | None = None) -> GivenLag:
    """Measure the lag of given motion on the first two minutes of the sound.

    Args:
        track: The motion; it starts with the sound.
        speech: The recording.
        lips: Speech network to use in place of the package's own.

    Raises:
        WeightsError: The network's weights are missing or damaged.
    """
    known_s = min(float(speech.duration), track.end_s)
    n_rows = min(frame_count(Fraction(known_s), Fraction(_RATE)), _HEARD_S * _RATE)
    if n_rows < _MIN_S * _RATE or not track.known[MOUTH].any():
        return GivenLag(0.0, 0.0, clear=False)
    moments = (np.arange(n_rows) + 0.5) / _RATE
    given = np.stack(
        [np.interp(moments, track.times, column) for column in track.values.T], axis=1
    ).astype(np.float32)
    heard = np.concatenate([part.mouth for part in hear(speech, Fraction(_RATE), n_rows, lips)])
    asked, expected = _curves(given), _curves(heard)
    if min(np.ptp(asked[0]), np.ptp(expected[0])) == 0:
        return GivenLag(0.0, 0.0, clear=False)
    by_lag = np.array([_agreement(asked, expected, lag) for lag in range(-_REACH, _REACH + 1)])
    best = int(by_lag.argmax())
    r = float(by_lag[best])
    clear = r > _CLEAR_R and r * np.sqrt(n_rows / _RATE) > _CLEAR_SCORE
    return GivenLag((best - _REACH + _vertex(by_lag, best)) / _RATE, r, bool(clear))


def align_track(track: Track, speech: Speech, lips: Path | None = None) -> Track:
    """Take the lag of given motion away, as far as `MAX_CORRECTED_S`.

    Args:
        track: The motion; it starts with the sound.
        speech: The recording.
        lips: Speech network to use in place of the package's own.

    Returns:
        The motion in step with the sound; its notes and warnings say what was found.

    Raises:
        WeightsError: The network's weights are missing or damaged.
    """
    found = measure_track(track, speech, lips)
    if found.r == 0:  # nothing to compare: no mouth, one that stands still, a moment of sound
        return track
    name, ms = track.name, 1000 * found.lag_s
    if not found.clear:
        note = f"{name}: its lips and the sound do not tell of a lag (r {found.r:.2f}): not moved"
        return replace(track, notes=(*track.notes, note))
    said = f"{name}: the sound comes {abs(ms):.0f} ms {'after' if ms > 0 else 'before'} its lips"
    if abs(found.lag_s) > MAX_CORRECTED_S + TOLERANCE_S:
        warning = (
            f"{said}; up to {1000 * MAX_CORRECTED_S:.0f} ms is corrected, more is a fault of the "
            "file: move its times, or --no-align-lips if it is meant so"
        )
        return replace(track, warnings=(*track.warnings, warning))
    if abs(found.lag_s) <= IN_STEP_S:
        return track
    return replace(
        track,
        starts=track.starts + found.lag_s,
        times=track.times + found.lag_s,
        end_s=track.end_s + found.lag_s,
        notes=(*track.notes, f"{said}: moved"),
    )


def _curves(values: npt.NDArray[np.float32]) -> Curves:
    """Give gap and width of (T, C) channels, quick movement alone, of unit power."""
    rows = []
    for curve in (inner_lip_gap(values), lip_width_factor(values)):
        quick = smooth(curve, _FINE) - smooth(curve, _SLOW)
        quick -= quick.mean()
        power = float(quick.std())
        rows.append(quick / power if power > 1e-6 else np.zeros_like(quick))
    return np.stack(rows).astype(np.float32)


def _agreement(given: Curves, heard: Curves, lag: int) -> float:
    """Give the correlation where the sound is taken to come `lag` rows later."""
    n = given.shape[1] - abs(lag)
    if n < _RATE // 2:
        return 0.0
    a = given[:, :n] if lag >= 0 else given[:, -n:]
    b = heard[:, -n:] if lag >= 0 else heard[:, :n]
    gap, width = (a * b).mean(1)
    return float((1 - _WIDTH_SHARE) * gap + _WIDTH_SHARE * width)


def _vertex(by_lag: npt.NDArray[np.float64], best: int) -> float:
    """Give where between rows the curve is highest, -0.5 to 0.5."""
    if not 0 < best < len(by_lag) - 1:
        return 0.0
    left, top, right = by_lag[best - 1 : best + 2]
    bend = left - 2 * top + right
    return float(0.5 * (left - right) / bend) if bend < 0 else 0.0
