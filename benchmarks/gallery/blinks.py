"""The blinks of ten minutes of motion: how many, how long, how many in pairs, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensonic.clock import frame_count
from opensonic.media.audio import read_speech
from opensonic.motion.director import direct
from opensonic.speech import Heard, hear
from opensonic.values import Speech

FPS = Fraction(50)
"""Frames per second at which blinks are timed."""
PAUSE_S = 0.6
"""Silence between recordings when they are repeated, seconds."""
_SHUT = 0.1
"""Closure from which a lid counts as moving."""
_DOUBLE_S = 0.8
_AFTER_S = 0.5
_SPEAKING = 0.5


@dataclass(frozen=True)
class BlinkFigures:
    """How somebody blinks.

    Attributes:
        minutes: Length of the motion.
        per_minute: Blinks per minute.
        median_ms: Median length of a blink, from a tenth closed to a tenth closed, ms.
        shortest_ms: The 2nd percentile of it.
        longest_ms: The 98th percentile of it.
        full: Share of blinks that close the eye fully.
        doubles: Share of blinks that follow another within 0.8 s.
        at_pauses: Share of blinks that begin within 0.5 s of the end of a phrase.
        by_chance: Share of the time that lies there.
        longest_gap_s: Longest time without a blink, seconds.
    """

    minutes: float
    per_minute: float
    median_ms: float
    shortest_ms: float
    longest_ms: float
    full: float
    doubles: float
    at_pauses: float
    by_chance: float
    longest_gap_s: float


def act(
    sounds: Sequence[Path], minutes: float, seed: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Let the director act to recordings, repeated with pauses.

    Args:
        sounds: The recordings.
        minutes: Length of the motion.
        seed: Of the motion.

    Returns:
        (T, C) channels and (T,) whether speech is heard, 0 to 1, at `FPS`.
    """
    speech = _repeat([read_speech(path) for path in sounds], 60 * minutes)
    speaking: list[npt.NDArray[np.float32]] = []

    def listen() -> Iterator[Heard]:
        for part in hear(speech, FPS, frame_count(speech.duration, FPS)):
            speaking.append(part.speaking)
            yield part

    parts = [motion.values for motion in direct(listen(), FPS, seed)]
    return np.concatenate(parts), np.concatenate(speaking)


def count_blinks(
    closure: npt.NDArray[np.float32], speaking: npt.NDArray[np.float32]
) -> BlinkFigures:
    """Measure the blinks of a motion at `FPS`.

    Args:
        closure: (T,) closure of an eye, 0 to 1.
        speaking: (T,) whether speech is heard, 0 to 1.
    """
    fps = float(FPS)
    starts, ends = _runs(closure > _SHUT)
    lengths_ms = 1000 * (ends - starts) / fps
    peaks = [float(closure[a:b].max()) for a, b in zip(starts, ends, strict=True)]
    gaps_s = np.diff(starts) / fps
    _, phrase_ends = _runs(speaking > _SPEAKING)
    near = np.zeros(len(closure), bool)
    for end in phrase_ends:
        near[max(0, end - round(0.2 * fps)) : end + round(_AFTER_S * fps)] = True
    minutes = len(closure) / fps / 60
    return BlinkFigures(
        minutes=minutes,
        per_minute=len(starts) / minutes,
        median_ms=float(np.median(lengths_ms)),
        shortest_ms=float(np.percentile(lengths_ms, 2)),
        longest_ms=float(np.percentile(lengths_ms, 98)),
        full=float(np.mean(np.array(peaks) > 0.98)),
        doubles=float((gaps_s < _DOUBLE_S).sum() / len(starts)),
        at_pauses=float(near[starts].mean()),
        by_chance=float(near.mean()),
        longest_gap_s=float(gaps_s.max()),
    )


def _runs(flags: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give the first place of every run of True, and the place behind its last."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    return np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)


def _repeat(speeches: Sequence[Speech], seconds: float) -> Speech:
    """Play recordings one after the other, with pauses, until the time is full."""

    def blocks(rate: int) -> Iterator[npt.NDArray[np.float32]]:
        left = round(seconds * rate)
        while left:
            for speech in speeches:
                for block in (*speech.blocks(rate), np.zeros(round(PAUSE_S * rate), np.float32)):
                    part = block[:left]
                    left -= len(part)
                    yield part

    first = speeches[0]
    return replace(first, n_samples=round(seconds * first.sample_rate), blocks=blocks)
