"""Log-mel spectrogram of a stream of sound, and its running level.

64 mel bands (40 to 7800 Hz; O'Shaughnessy's mel scale) of 25 ms Hann windows, 100 rows a second.
Row k is centred on (k + 1/2) x 10 ms. Training and run time use this same code. The level that the
network is freed of runs along with a look-ahead of 0.57 s and is never taken from the whole file.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from opensonic.speech.windows import Rows, cut_windows

SAMPLE_RATE = 16_000
"""Samples per second of the sound that is analysed, Hz."""
HOP_LENGTH = 160
"""Samples between rows."""
FRAME_RATE = SAMPLE_RATE // HOP_LENGTH
"""Rows per second, Hz."""
N_MELS = 64
"""Mel bands."""
QUIETEST = -4.0
"""Floor of levelled rows: 43 dB below the reference."""

WINDOW_LENGTH = 400
"""Samples that a row is computed from."""
_FFT = 512
_LOW_HZ, _HIGH_HZ = 40.0, 7800.0
_POWER_FLOOR = 1e-10
_BLOCK = 100
LEAD = WINDOW_LENGTH // 2 - HOP_LENGTH // 2
"""Samples of silence that stand ahead of the sound, so that row k is centred as said."""

LEVEL_SMOOTH = 7
"""Rows on either side over which loudness is averaged."""
LEVEL_LOOK_AHEAD = 50
"""Rows that the running level looks ahead, beside 7 of smoothing."""
_FAST_DECAY = 0.0069
_SLOW_DECAY = 0.0005
_SLOW_MARGIN = 4.6
_LEVEL_FLOOR = -13.0
_SCALE = 2.5


@functools.cache
def _mel_filters() -> npt.NDArray[np.float32]:
    def to_mel(frequency: float) -> float:
        return float(2595 * np.log10(1 + frequency / 700))

    edges = 700 * (10 ** (np.linspace(to_mel(_LOW_HZ), to_mel(_HIGH_HZ), N_MELS + 2) / 2595) - 1)
    bins = np.arange(_FFT // 2 + 1) * SAMPLE_RATE / _FFT
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32).T.copy()


@functools.cache
def _hann() -> npt.NDArray[np.float32]:
    return np.hanning(WINDOW_LENGTH).astype(np.float32)


def log_mel(blocks: Iterable[npt.NDArray[np.float32]]) -> Iterator[Rows]:
    """Compute the log-mel spectrogram of a stream.

    Args:
        blocks: (N,) float32 mono sound at 16 kHz in [-1, 1], in parts of any length.

    Yields:
        (T, 64) float32 natural logarithms of mel power; T = 100 but for the last part. In all
        ceil(samples / 160) rows. The result does not depend on the length of the parts.
    """
    need = (_BLOCK - 1) * HOP_LENGTH + WINDOW_LENGTH
    held = np.zeros(LEAD, np.float32)
    n_samples = n_rows = 0
    for block in blocks:
        held = np.concatenate([held, block])
        n_samples += len(block)
        while len(held) >= need:
            yield mel_rows(held[:need])
            held = held[_BLOCK * HOP_LENGTH :]
            n_rows += _BLOCK
    left = -(-n_samples // HOP_LENGTH) - n_rows
    while left > 0:
        count = min(left, _BLOCK)
        length = (count - 1) * HOP_LENGTH + WINDOW_LENGTH
        yield mel_rows(np.pad(held[:length], (0, max(0, length - len(held)))))
        held = held[count * HOP_LENGTH :]
        left -= count


def mel_rows(sound: npt.NDArray[np.float32]) -> Rows:
    """Compute log-mel rows of sound that holds all of their windows.

    Args:
        sound: (400 + 160 (T - 1),) float32 mono at 16 kHz; row k is centred on sample 200 + 160 k.

    Returns:
        (T, 64) float32 natural logarithms of mel power.
    """
    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW_LENGTH)[::HOP_LENGTH] * _hann()
    spectrum = np.fft.rfft(frames, _FFT, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    bands = np.einsum("tf,fm->tm", power, _mel_filters())  # not by BLAS, whose threads stay busy
    return np.asarray(np.log(bands + _POWER_FLOOR), np.float32)


def _follow(level: npt.NDArray[np.float32], decay: float, start: float) -> npt.NDArray[np.float32]:
    """Follow the peaks of a level: up at once, down by `decay` per row, from `start` on."""
    fall = (decay * np.arange(1, len(level) + 1)).astype(np.float32)
    return np.maximum(np.maximum.accumulate(level + fall), start) - fall


class LevelFollower:
    """The reference level, which runs along with the peaks of loudness.

    It falls by 3 dB a second, but stays within 20 dB of a second one that falls by 0.2 dB a second,
    so that long pauses are not blown up.
    """

    def __init__(self) -> None:
        self._fast = self._slow = _LEVEL_FLOOR

    def follow(self, loudness: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Follow the smoothed loudness of the next rows.

        Args:
            loudness: (T,) natural logarithm of mel power.

        Returns:
            (T,) reference level.
        """
        fast = _follow(loudness, _FAST_DECAY, self._fast)
        slow = _follow(loudness, _SLOW_DECAY, self._slow)
        if len(loudness):
            self._fast, self._slow = float(fast[-1]), float(slow[-1])
        reference = np.maximum(np.maximum(fast, slow - _SLOW_MARGIN), _LEVEL_FLOOR)
        return np.asarray(reference, np.float32)


def level_by(rows: Rows, reference: npt.NDArray[np.float32]) -> Rows:
    """Free rows (T, 64) of a reference level (T,): (T, 65) as `level_rows` gives them."""
    levelled = np.maximum((rows - reference[:, None]) / _SCALE, QUIETEST)
    return np.concatenate([levelled, reference[:, None]], axis=1).astype(np.float32)


def level_rows(rows: Iterator[Rows], look_ahead: int = LEVEL_LOOK_AHEAD) -> Iterator[Rows]:
    """Free a log-mel stream of its level, which follows the recent peaks of loudness.

    As a rule the reference looks 0.57 s ahead.

    Args:
        rows: Parts of (T, 64) log-mel.
        look_ahead: Rows of future from which the reference is taken.

    Yields:
        (T, 65) float32: 64 levelled bands, at least `QUIETEST`, in units of 2.5 nepers of power;
        and the reference level itself (natural logarithm).
    """
    follower = LevelFollower()
    reach = LEVEL_SMOOTH + look_ahead
    pad = np.full(N_MELS, np.log(_POWER_FLOOR), np.float32)
    kernel = np.full(2 * LEVEL_SMOOTH + 1, 1 / (2 * LEVEL_SMOOTH + 1), np.float32)
    first = True
    for window in cut_windows(rows, _BLOCK, LEVEL_SMOOTH, reach, pad):
        loudness = np.convolve(window.mean(1), kernel, "valid")
        if first:
            follower.follow(loudness[:look_ahead])
            first = False
        new = loudness[look_ahead:]
        yield level_by(window[LEVEL_SMOOTH : LEVEL_SMOOTH + len(new)], follower.follow(new))
