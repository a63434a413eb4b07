"""Speech to mouth motion and prosody per video frame: the one call that later stages need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensonic.channels import MOUTH
from opensonic.speech.articulation import SHUT, shape_mouth, trace_curves
from opensonic.speech.mel import FRAME_RATE, SAMPLE_RATE, level_rows, log_mel
from opensonic.speech.network import N_HEARD, listen, quiet_row
from opensonic.speech.phones import SILENCE
from opensonic.speech.prosody import measure_prosody
from opensonic.speech.windows import cut_windows
from opensonic.values import Speech

_STEP = 150
FRAME_CONTEXT = 120
"""Rows of heard past and future from which a frame is made."""
_SIGMA_FRAMES = 0.35
_SHORTEST_SIGMA = 1.2


@dataclass(frozen=True, eq=False)
class Heard:
    """What is heard in one consecutive part of a recording, per video frame.

    Attributes:
        mouth: (T, 10) float32 mouth channels, in the order of `channels.CHANNELS`.
        loudness: (T,) float32, 0 (silent) to 1 (as loud as this voice has lately been).
        stress: (T,) float32, 0 to 1: how far a syllable stands out of its phrase.
        speaking: (T,) float32, 0 (silence, noise, music) to 1 (speech).
    """

    mouth: npt.NDArray[np.float32]
    loudness: npt.NDArray[np.float32]
    stress: npt.NDArray[np.float32]
    speaking: npt.NDArray[np.float32]


def hear(speech: Speech, fps: Fraction, n_frames: int, lips: Path | None = None) -> Iterator[Heard]:
    """Turn speech into mouth motion and prosody, in parts of about 1.5 s.

    A frame shows the mouth at the middle of the time for which it is displayed. The result is the
    same for any length of the blocks in which the sound arrives, and memory does not grow.

    Args:
        speech: The recording.
        fps: Frames per second.
        n_frames: Frames wanted; those behind the end of the sound are at rest.
        lips: Speech network to use in place of the package's own.

    Yields:
        Parts which together hold exactly `n_frames` frames.

    Raises:
        WeightsError: The network's weights are missing or damaged.
    """
    rows = listen(level_rows(log_mel(speech.blocks(SAMPLE_RATE))), lips)
    pad = np.append(quiet_row(), np.float32(-4))
    done, start = 0, 0
    for window in cut_windows(rows, _STEP, FRAME_CONTEXT, FRAME_CONTEXT, pad):
        start += len(window) - 2 * FRAME_CONTEXT
        end = min(n_frames, ceil(Fraction(start, FRAME_RATE) * fps - Fraction(1, 2)))
        if end > done:
            first_row = start - len(window) + FRAME_CONTEXT
            yield hear_frames(window, first_row, fps, np.arange(done, end))
            done = end
        if done == n_frames:
            return
    if done < n_frames:
        rest = np.zeros(n_frames - done, np.float32)
        yield Heard(np.zeros((len(rest), MOUTH.stop), np.float32), rest, rest, rest)


def hear_frames(
    window: npt.NDArray[np.float32], first_row: int, fps: Fraction, frames: npt.NDArray[np.int64]
) -> Heard:
    """Turn network outputs into the mouth at the middles of frames.

    Args:
        window: (T, 47) rows as `network.listen` gives them, with context on both sides.
        first_row: Number of the window's first row in the stream.
        fps: Frames per second.
        frames: (N,) numbers of the frames wanted.
    """
    curves = trace_curves(window[:, :N_HEARD])
    prosody = measure_prosody(window[:, N_HEARD], window[:, SILENCE])
    middles = [float((frame + Fraction(1, 2)) / fps * FRAME_RATE - first_row) for frame in frames]
    offsets = np.arange(len(window)) + 0.5 - np.array(middles)[:, None]
    sigma = max(_SHORTEST_SIGMA, _SIGMA_FRAMES * float(FRAME_RATE / fps))
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    sampled = np.einsum("nt,tc->nc", weights, curves)
    sampled[:, SHUT] = curves[np.argmin(np.abs(offsets), axis=1), SHUT]
    loudness, stress, speaking = (np.einsum("nt,t->n", weights, curve) for curve in prosody)
    return Heard(shape_mouth(sampled), loudness, stress, speaking)
