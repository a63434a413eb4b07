"""What is heard of a mouth: the outputs of our speech network, kept for a whole recording.

Nothing of the sound itself is kept; half precision, so that an hour takes 34 MB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensonic.speech.mel import SAMPLE_RATE, level_rows, log_mel
from opensonic.speech.network import N_HEARD, listen
from opensonic.values import Speech

N_COLUMNS = N_HEARD + 1
"""Columns: those of `speech.network.listen`."""


@dataclass(frozen=True, eq=False)
class HeardLips:
    """What our speech network hears in one recording.

    Attributes:
        rows: (T, 47) float16 at 100 Hz as `speech.network.listen` gives them; row k is centred on
            (k + 1/2) x 10 ms.
    """

    rows: npt.NDArray[np.float16]


def hear_lips(speech: Speech) -> HeardLips:
    """Listen to a recording.

    Args:
        speech: The recording.

    Raises:
        WeightsError: The speech network's weights are missing or damaged.
    """
    parts = listen(level_rows(log_mel(speech.blocks(SAMPLE_RATE))))
    kept = [part.astype(np.float16) for part in parts]
    return HeardLips(np.concatenate([np.empty((0, N_COLUMNS), np.float16), *kept]))
