"""Seconds, samples and video frames: the only arithmetic between them, in exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction


def frame_count(duration: Fraction, fps: Fraction) -> int:
    """Count the frames that cover `duration` seconds at `fps` frames per second; at least 1.

    The last frame is the one that the last sample falls into: no syllable is lost, and the video
    is never a whole frame longer than the sound (but for a sound shorter than one frame).
    """
    return max(1, math.ceil(duration * fps))


def frame_to_sample(frame: int, fps: Fraction, sample_rate: int) -> int:
    """Give the first sample heard while frame `frame` is shown; exact, so that it cannot drift."""
    return math.floor(Fraction(frame) * sample_rate / fps)
