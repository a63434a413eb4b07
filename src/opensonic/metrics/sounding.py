"""What is heard, at 100 Hz: the gap of the lips that goes with it, closures, silence, loudness.

The gap is what our own speech network and articulation would show: what these lips ought to do.
Sound is read once more for its loudness; a few numbers are kept per row, 7 MB for an hour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensonic.metrics.closures import Spans, find_spans
from opensonic.metrics.evaluation import Curve
from opensonic.post.sync.heard import HeardLips
from opensonic.speech.articulation import GAP, SHUT, SURE_CLOSURE, closure_score, trace_curves
from opensonic.speech.hearing import FRAME_CONTEXT
from opensonic.speech.mel import FRAME_RATE, SAMPLE_RATE
from opensonic.speech.network import N_HEARD, quiet_row
from opensonic.speech.phones import SILENCE
from opensonic.speech.prosody import smooth
from opensonic.speech.windows import cut_windows
from opensonic.values import Speech

_STEP = 3000
_SURE_SILENCE = 0.8
_LEAST_SILENCE_S = 0.4
_AFTER_S, _BEFORE_S = 0.2, 0.3
"""After speech lips need time to close, and before it they part early."""
_QUIETEST_DB = -90.0


@dataclass(frozen=True, eq=False)
class Sounding:
    """What is heard of a recording; row k is centred on (k + 1/2) x 10 ms.

    Attributes:
        gap: (T,) gap between the inner lips that is heard, e.
        silence: (T,) probability of silence, 0 to 1.
        loudness_db: (T,) level, dB of full scale.
        closures_s: (N, 2) when our network hears p, b or m, s.
    """

    gap: Curve
    silence: Curve
    loudness_db: Curve
    closures_s: Spans

    def at(self, curve: Curve, time_s: npt.NDArray[np.float64]) -> Curve:
        """Give a curve at other times, (N,) float32; NaN beyond the sound's ends.

        Args:
            curve: (T,) one of the curves above.
            time_s: (N,) seconds.
        """
        if not len(curve):
            return np.full(len(time_s), np.nan, np.float32)
        rows = time_s * FRAME_RATE - 0.5
        values = np.interp(rows, np.arange(len(curve)), curve)
        values[(rows < -0.5) | (rows > len(curve) - 0.5)] = np.nan
        return values.astype(np.float32)

    def silences_s(self, *, inner: bool = True) -> Spans:
        """Give the stretches of sure silence of 0.4 s or more, (K, 2), s.

        Args:
            inner: Leave out 0.2 s after speech and 0.3 s before it, in which lips still or already
                move.
        """
        spans = find_spans(self.silence > _SURE_SILENCE, FRAME_RATE)
        spans = spans[spans[:, 1] - spans[:, 0] >= _LEAST_SILENCE_S]
        if inner:
            end_s = len(self.silence) / FRAME_RATE
            starts = spans[:, 0] + np.where(spans[:, 0] > 0, _AFTER_S, 0)
            ends = spans[:, 1] - np.where(spans[:, 1] < end_s - 1e-6, _BEFORE_S, 0)
            spans = np.stack([starts, ends], axis=1)[ends > starts]
        return spans


def listen_closely(speech: Speech, heard: HeardLips) -> Sounding:
    """Reduce a recording to what lips are judged by.

    Args:
        speech: The recording.
        heard: What the speech network hears in it.

    Raises:
        InputError: The sound cannot be decoded.
    """
    pad = quiet_row()
    gaps, scores = [], []
    starts = range(0, len(heard.rows), _STEP)
    parts = (heard.rows[start : start + _STEP, :N_HEARD].astype(np.float32) for start in starts)
    for window in cut_windows(parts, _STEP, FRAME_CONTEXT, FRAME_CONTEXT, pad):
        curves = trace_curves(window)
        inner = slice(FRAME_CONTEXT, len(window) - FRAME_CONTEXT)
        gaps.append((curves[:, GAP] * (1 - curves[:, SHUT]))[inner])
        scores.append(closure_score(window)[inner])
    score = np.concatenate([np.empty(0, np.float32), *scores])
    return Sounding(
        gap=np.concatenate([np.empty(0, np.float32), *gaps]),
        silence=smooth(heard.rows[:, SILENCE].astype(np.float32), 2.0),
        loudness_db=measure_loudness(speech),
        closures_s=find_spans(score > SURE_CLOSURE, FRAME_RATE),
    )


def measure_loudness(speech: Speech) -> Curve:
    """Give the level of a recording every 10 ms, (T,) dB of full scale."""
    step = SAMPLE_RATE // FRAME_RATE
    left, parts = np.empty(0, np.float32), []
    for block in speech.blocks(SAMPLE_RATE):
        left = np.concatenate([left, block])
        whole = len(left) // step
        power = (left[: whole * step].reshape(whole, step) ** 2).mean(1)
        parts.append(np.maximum(10 * np.log10(power + 1e-12), _QUIETEST_DB).astype(np.float32))
        left = left[whole * step :]
    return np.concatenate([np.empty(0, np.float32), *parts])
