"""How well predicted lips fit tracked ones in one clip; and what the loudness alone would give.

Gaps and widths are in e, the distance of the outer eye corners, as `channels.inner_lip_gap` and as
tracked; only their course is compared, by Pearson's r.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from opensonic.metrics.curves import Curve, correlate_lagged

_ENVELOPE_S = Fraction(12, 100)
_FAINT = 1e-8
_POINTS = (0.5, 0.9, 0.98)


@dataclass(frozen=True)
class LipAgreement:
    """Agreement of predicted and true lips in one clip.

    Attributes:
        aperture: Pearson's r of the inner-lip gap at its best lag within 3 frames.
        lag: That lag in frames; above 0 the prediction comes late.
        aperture_at_0: The same without any lag.
        width: Pearson's r of the lip width at its best lag.
        width_at_0: The same without any lag.
        gaps: 50th, 90th and 98th percentile of the predicted gap, e.
        true_gaps: The same of the true one.
    """

    aperture: float
    lag: int
    aperture_at_0: float
    width: float
    width_at_0: float
    gaps: tuple[float, ...]
    true_gaps: tuple[float, ...]


def compare_lips(gap: Curve, width: Curve, true_gap: Curve, true_width: Curve) -> LipAgreement:
    """Compare predicted with true lips.

    Args:
        gap: (T,) predicted gap between the inner lips.
        width: (T,) predicted width of the mouth, in any unit.
        true_gap: (T,) tracked gap, e.
        true_width: (T,) tracked width.
    """
    by_lag = correlate_lagged(gap, true_gap)
    lag = max(by_lag, key=lambda key: (by_lag[key], -abs(key)))
    widths = correlate_lagged(width, true_width)
    return LipAgreement(
        aperture=by_lag[lag],
        lag=lag,
        aperture_at_0=by_lag[0],
        width=max(widths.values()),
        width_at_0=widths[0],
        gaps=tuple(np.quantile(gap, _POINTS).tolist()),
        true_gaps=tuple(np.quantile(true_gap, _POINTS).tolist()),
    )


def trace_energy(
    sound: npt.NDArray[np.float32],
    sample_rate: int,
    fps: Fraction,
    n_frames: int,
    *,
    logarithmic: bool,
) -> Curve:
    """Give the power of a sound around the middle of each frame, averaged over 0.12 s.

    Args:
        sound: (N,) mono.
        sample_rate: Hz.
        fps: Frames per second.
        n_frames: Frames wanted; those behind the end of the sound take its last value.
        logarithmic: Give the natural logarithm of the power.
    """
    width = int(sample_rate * _ENVELOPE_S)
    power = np.convolve(sound.astype(np.float64) ** 2, np.ones(width) / width, "same")
    middles = [int((frame + Fraction(1, 2)) / fps * sample_rate) for frame in range(n_frames)]
    sampled = power[np.minimum(middles, len(power) - 1)]
    return (np.log(sampled + _FAINT) if logarithmic else sampled).astype(np.float32)
