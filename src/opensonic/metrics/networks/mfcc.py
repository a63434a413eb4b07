"""MFCC as SyncNet hears them: 13 coefficients a hundred times a second.

Defined as the documentation of `python_speech_features` does with its defaults, on samples of 16
bits: pre-emphasis 0.97, windows of 25 ms without a taper, power spectrum of 512 points, 26
triangles on the mel scale 2595·log10(1 + f/700) up to 8 kHz, logarithm, orthonormal DCT-II, lifter
22, and the logarithm of the window's energy in place of the first coefficient. (That library is no
longer kept, so it is not used.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
"""Hz."""
HOP_LENGTH = 160
"""Samples from one window to the next: 10 ms."""
N_COEFFICIENTS = 13

_WINDOW = 400
_N_FFT = 512
_N_MELS = 26
_PRE_EMPHASIS = 0.97
_LIFTER = 22
_FULL_SCALE = 32767.0
_LEAST = np.finfo(np.float64).eps


def read_mfcc(blocks: Iterable[npt.NDArray[np.float32]]) -> Iterator[npt.NDArray[np.float32]]:
    """Turn a sound into MFCC while it is read.

    Args:
        blocks: Mono sound at 16 kHz, (N,) float32 each, full scale 1.0.

    Yields:
        (n, 13) float32, in order; row j of all begins at j·10 ms. The last window that is not full
        is left out.
    """
    rest, last = np.zeros(0), None
    for block in blocks:
        sound = np.rint(np.clip(block.astype(np.float64), -1, 1) * _FULL_SCALE)
        if not len(sound):
            continue
        before = np.concatenate([[0.0 if last is None else last], sound[:-1]])
        last = sound[-1]
        rest = np.concatenate([rest, sound - _PRE_EMPHASIS * before])
        n_windows = (len(rest) - _WINDOW) // HOP_LENGTH + 1
        if n_windows > 0:
            windows = np.lib.stride_tricks.sliding_window_view(rest, _WINDOW)
            yield _coefficients(windows[: n_windows * HOP_LENGTH : HOP_LENGTH])
            rest = rest[n_windows * HOP_LENGTH :]


def _coefficients(windows: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    power = np.abs(np.fft.rfft(windows, _N_FFT)) ** 2 / _N_FFT
    mels = np.log(np.maximum(power @ _triangles().T, _LEAST))
    cepstrum = mels @ _cosines().T
    cepstrum[:, 0] = np.log(np.maximum(power.sum(1), _LEAST))
    return cepstrum.astype(np.float32)


@cache
def _triangles() -> npt.NDArray[np.float64]:
    """Give the mel filters, (26, 257); their corners lie on whole bins."""
    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    hz = 700 * (10 ** (np.linspace(0, top, _N_MELS + 2) / 2595) - 1)
    corners = np.floor((_N_FFT + 1) * hz / SAMPLE_RATE)
    bins = np.arange(_N_FFT // 2 + 1)
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising = (bins - low) / (middle - low)
    falling = (high - bins) / (high - middle)
    return np.maximum(np.minimum(np.where(bins < middle, rising, falling), 1), 0)


@cache
def _cosines() -> npt.NDArray[np.float64]:
    """Give DCT-II and lifter in one, (13, 26)."""
    k, n = np.arange(N_COEFFICIENTS)[:, None], np.arange(_N_MELS)
    dct = np.sqrt(2 / _N_MELS) * np.cos(np.pi * k * (n + 0.5) / _N_MELS)
    dct[0] /= np.sqrt(2)
    lifter = 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(N_COEFFICIENTS) / _LIFTER)
    return np.asarray(dct * lifter[:, None], np.float64)
