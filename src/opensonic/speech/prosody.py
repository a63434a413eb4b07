"""How the words are said: loudness, stress and whether anyone speaks, at 100 Hz."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Curve = npt.NDArray[np.float32]
"""(T,) float32 at 100 Hz."""

_SILENT, _LOUD = -1.7, 0.15
_LOUDNESS_SIGMA = 3.0
_SYLLABLE_SIGMA = 5.0
_PHRASE_SIGMA = 35.0
_STRESS_GAIN = 2.5
_SPEAKING_SIGMA = 5.0


def smooth(curve: Curve, sigma: float) -> Curve:
    """Smooth with a Gaussian of `sigma` rows; the ends are held."""
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(curve, reach, "edge")
    return np.convolve(padded, kernel / kernel.sum(), "valid").astype(np.float32)


def measure_prosody(level: Curve, silence: Curve) -> tuple[Curve, Curve, Curve]:
    """Measure loudness, stress and speech activity.

    A syllable is stressed as far as it stands out of its phrase in loudness.

    Args:
        level: Mean of the levelled mel bands.
        silence: Probability of silence, 0 to 1.

    Returns:
        Loudness, stress and speech activity, each 0 to 1. Noise without speech has none of them.
    """
    speaking = np.clip(smooth(1 - silence, _SPEAKING_SIGMA), 0, 1)
    raw = np.clip((level - _SILENT) / (_LOUD - _SILENT), 0, 1) * speaking
    loudness = smooth(raw, _LOUDNESS_SIGMA)
    prominence = smooth(raw, _SYLLABLE_SIGMA) - smooth(raw, _PHRASE_SIGMA)
    stress = np.clip(_STRESS_GAIN * prominence, 0, 1) * speaking
    return np.clip(loudness, 0, 1), stress.astype(np.float32), speaking
