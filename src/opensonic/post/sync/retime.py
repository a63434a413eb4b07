"""Frames that come some parts of a frame later or earlier, while they stream.

A frame of the result is one of the source's where it may be, and made by optical flow between two
of them where it must be; the lips are then put where they would be at that time. A mouth that is
shut for one frame stays shut for one: that frame is taken as it is, since between two frames no
lips would meet.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import numpy as np
import numpy.typing as npt

from opensonic.post.interpolate.stream import Between
from opensonic.post.sync.mouth import Mouth, place_mouth
from opensonic.values import Chunk, Motion

WHOLE_S = 0.004
"""Up to this distance, s, a frame of the source is taken as it is."""

SHUT_E = 0.05
"""Up to this gap between them, e, lips may be shut."""

_STEPS = 16
_KEPT_BEHIND = 4


class Retimer:
    """Holds the frames around the next one of the result.

    Args:
        between: Makes a frame between two.
        fps: Frames per second.
        n_frames: Frames of source and result.
    """

    def __init__(self, between: Between, fps: float, n_frames: int) -> None:
        self._between, self._fps, self._n_frames = between, fps, n_frames
        self._held: deque[Chunk] = deque()
        self._gaps: deque[float | None] = deque()
        self._mouths: deque[Mouth | None] = deque()
        self._first = 0
        self._made = 0

    @property
    def n_made(self) -> int:
        """Frames of the result so far."""
        return self._made

    @property
    def n_taken(self) -> int:
        """Frames of the source so far."""
        return self._first + len(self._held)

    def take(self, frame: Chunk, gap: float | None, mouth: Mouth | None = None) -> None:
        """Take the next frame of the source.

        Args:
            frame: One frame, and what is known of it; kept as it is.
            gap: Gap between the lips, e; None where it is not known.
            mouth: Where the mouth is, None where that is not known.
        """
        self._held.append(frame)
        self._gaps.append(gap)
        self._mouths.append(mouth)

    def is_ready(self, delay_s: float) -> bool:
        """Whether the next frame of the result can be made."""
        last = self._n_frames - 1
        return min(ceil(self._place(delay_s)) + 1, last) < self.n_taken

    def make(self, delay_s: float) -> Chunk:
        """Make the next frame of the result.

        Args:
            delay_s: Seconds by which the frames come later than in the source.
        """
        place = self._place(delay_s)
        self._made += 1
        low = floor(place)
        share = Fraction(round((place - low) * _STEPS), _STEPS)
        near = low + (place - low > 0.5)
        whole = min(share, 1 - share) / self._fps <= WHOLE_S
        shut = self._shut(low, place) if not whole else None
        made = self._at(near if shut is None else shut)
        if not whole and shut is None:
            made = self._mixed(low, share)
        self._forget(low)
        return made

    def _place(self, delay_s: float) -> float:
        """Give the place of the next frame in the source; its first and last frame are held."""
        return min(max(self._made - delay_s * self._fps, 0.0), self._n_frames - 1.0)

    def _at(self, number: int) -> Chunk:
        return self._held[min(max(number - self._first, 0), len(self._held) - 1)]

    def _shut(self, low: int, place: float) -> int | None:
        """Give the nearer frame beside a place if the lips shut in it, not before and after."""
        near = low if place - low <= 0.5 else low + 1
        gaps = [self._gap(number) for number in (near - 1, near, near + 1)]
        before, here, after = gaps
        if before is None or here is None or after is None:
            return None
        return near if here < SHUT_E and here < before and here < after else None

    def _gap(self, number: int) -> float | None:
        index = number - self._first
        return self._gaps[index] if 0 <= index < len(self._gaps) else None

    def _mixed(self, low: int, share: Fraction) -> Chunk:
        first, second = self._at(low), self._at(low + 1)
        frames = np.array(self._between(first.frames, second.frames, share), np.uint8)
        here, there = (self._mouths[number - self._first] for number in (low, low + 1))
        if here is not None and there is not None:
            both = first.frames[0], second.frames[0]
            place_mouth(frames[0], both, (here, there), float(share))
        return replace(
            Chunk(frames),
            landmarks=_mean(first.landmarks, second.landmarks, float(share)),
            motion=_mean_motion(first.motion, second.motion, float(share)),
        )

    def _forget(self, low: int) -> None:
        """Let go of frames that no later place can ask for, whatever way the delay moves."""
        while self._first < low - _KEPT_BEHIND and len(self._held) > 2:
            self._held.popleft()
            self._gaps.popleft()
            self._mouths.popleft()
            self._first += 1


def _mean(
    first: npt.NDArray[np.float32] | None, second: npt.NDArray[np.float32] | None, share: float
) -> npt.NDArray[np.float32] | None:
    if first is None or second is None:
        return None
    return ((1 - share) * first + share * second).astype(np.float32)


def _mean_motion(first: Motion | None, second: Motion | None, share: float) -> Motion | None:
    if first is None or second is None:
        return None
    values = _mean(first.values, second.values, share)
    return None if values is None else Motion(values, first.fps)
