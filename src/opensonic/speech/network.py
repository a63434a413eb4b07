"""The speech network at run time: levelled log-mel to phones and mouth shapes, in chunks.

The network sees `CONTEXT` rows either way, so that overlapping chunks, of which only the middle is
kept, give what the whole recording in one piece would give.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from opensonic.errors import WeightsError
from opensonic.speech.mel import N_MELS, QUIETEST
from opensonic.speech.phones import PHONES, SILENCE
from opensonic.speech.windows import Rows, cut_windows
from opensonic.weights import open_file, open_session

if TYPE_CHECKING:
    import onnxruntime as ort

CONTEXT = 120
"""Rows of past and of future that an output row depends on."""
APERTURE, WIDTH, JAW, TONGUE, CLOSURE, LABIODENTAL = range(len(PHONES), len(PHONES) + 6)
"""Columns behind those of `PHONES`: shapes (aperture in units of 0.2 e, width -1 to 1, jaw and
tongue 0 to 1) and certainties (p b m; f v)."""
N_HEARD = LABIODENTAL + 1
"""Columns of the network's output."""

_STEP = 800
_CERTAIN_SILENCE = 0.93
"""Label smoothing in training keeps even sure silence below 0.96."""


def quiet_row() -> Rows:
    """Give the output that stands for silence, (46,) float32."""
    row = np.zeros(N_HEARD, np.float32)
    row[SILENCE] = 1
    return row


def open_network(lips: Path | None = None) -> ort.InferenceSession:
    """Open a speech network.

    Args:
        lips: ONNX file of `opensonic train speech`; None takes the package's own.

    Raises:
        WeightsError: The weights are missing, damaged, or of another kind of network.
    """
    if lips is None:
        return open_session("speech")
    session = open_file(lips)
    ends = [(end.name, end.shape) for end in (*session.get_inputs(), *session.get_outputs())]
    names, sides = [name for name, _ in ends], [shape[-1:] for _, shape in ends]
    if names != ["rows", "heard"] or sides != [[N_MELS], [N_HEARD]]:
        raise WeightsError(
            f"{lips}: holds another kind of network ({', '.join(names)}); "
            "expected a file made by `opensonic train speech`"
        )
    return session


def listen(levelled: Iterator[Rows], lips: Path | None = None) -> Iterator[Rows]:
    """Recognise phones and mouth shapes.

    Args:
        levelled: Parts of (T, 65) rows as `mel.level_rows` gives them.
        lips: As in `open_network`.

    Yields:
        (T, 47) float32 at the same rate: phone probabilities, shapes, certainties, and the mean of
        the levelled bands (loudness in units of 2.5 nepers of power).

    Raises:
        WeightsError: The weights are missing or damaged.
    """
    session = open_network(lips)
    pad = np.full(N_MELS + 1, QUIETEST, np.float32)
    for window in cut_windows(levelled, _STEP, CONTEXT, CONTEXT, pad):
        even = np.concatenate([window, np.tile(pad, (len(window) % 2, 1))])
        yield hear_rows(session, even[:, :N_MELS])[CONTEXT : len(window) - CONTEXT]


def hear_rows(session: ort.InferenceSession, bands: Rows) -> Rows:
    """Recognise phones and mouth shapes in one window.

    Args:
        session: As `open_network` gives it.
        bands: (T, 64) levelled bands, T even.

    Returns:
        (T, 47) as `listen` yields them; those near the ends lack what lies beyond.
    """
    (heard,) = session.run(None, {"rows": bands[None]})
    rows = np.array(np.asarray(heard), np.float32)
    rows[:, SILENCE] = np.minimum(rows[:, SILENCE] / _CERTAIN_SILENCE, 1)
    return np.concatenate([rows, bands.mean(1, keepdims=True)], axis=1)
