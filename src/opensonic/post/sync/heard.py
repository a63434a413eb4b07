"""What is heard of a mouth: small curves, kept for a whole recording.

Outputs of our speech network (phones, shapes, certainties, loudness), and eight bands of the
levelled sound for what the phones miss. Nothing of the sound itself is kept; in half precision an
hour takes 40 MB.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import tee

import numpy as np
import numpy.typing as npt

from opensonic.speech.mel import N_MELS, SAMPLE_RATE, level_rows, log_mel
from opensonic.speech.network import N_HEARD, listen
from opensonic.speech.windows import Rows
from opensonic.values import Speech

N_BANDS = 8
"""Bands of the levelled sound, each the mean of eight mel bands."""
N_COLUMNS = N_HEARD + 1 + N_BANDS
"""Columns: those of `speech.network.listen`, then the bands."""


@dataclass(frozen=True, eq=False)
class HeardLips:
    """What is heard in one recording.

    Attributes:
        rows: (T, C) float16 at 100 Hz, 47 columns as `speech.network.listen` gives them, then 8
            bands; row k is centred on (k + 1/2) x 10 ms.
    """

    rows: npt.NDArray[np.float16]


def hear_lips(speech: Speech) -> HeardLips:
    """Listen to a recording.

    Args:
        speech: The recording.

    Raises:
        WeightsError: The speech network's weights are missing or damaged.
    """
    kept = [part.astype(np.float16) for part in hear_parts(speech)]
    return HeardLips(np.concatenate([np.empty((0, N_COLUMNS), np.float16), *kept]))


def hear_parts(speech: Speech) -> Iterator[Rows]:
    """Listen to a recording as a stream; memory does not grow.

    Args:
        speech: The recording.

    Yields:
        (T, C) float32, the rows of `HeardLips`.

    Raises:
        WeightsError: The speech network's weights are missing or damaged.
    """
    levelled, again = tee(level_rows(log_mel(speech.blocks(SAMPLE_RATE))))
    held = np.empty((0, N_BANDS), np.float32)
    for heard in listen(levelled):
        while len(held) < len(heard):
            held = np.concatenate([held, coarse_bands(next(again)[:, :N_MELS])])
        yield np.concatenate([heard, held[: len(heard)]], axis=1)
        held = held[len(heard) :]


def coarse_bands(bands: Rows) -> Rows:
    """Average (T, 64) levelled mel bands to (T, 8)."""
    return np.asarray(bands.reshape(len(bands), N_BANDS, -1).mean(2), np.float32)
