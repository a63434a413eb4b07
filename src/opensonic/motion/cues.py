"""What a speaker's body reacts to: stresses, beginnings of phrases and pauses, found in time."""

from __future__ import annotations

import math
from dataclasses import dataclass

TICK_RATE = 120
"""Steps per second in which the body moves, whatever the frame rate of the video, Hz."""

_WEAK, _STRONG, _RELEASED = 0.35, 0.65, 0.2
_SPEAKS, _SILENT = 0.6, 0.4
_PAUSE_S = 0.15
_ACTIVITY_S = 0.6


@dataclass(frozen=True)
class Cue:
    """One tick of what is heard.

    Attributes:
        time_s: Time since the start, seconds.
        activity: Share of speech in the last second, 0 to 1, slow.
        loudness: 0 to 1.
        accent: Strength of a stress that begins at this tick, else 0.
        onset: A phrase begins at this tick.
        pause: A phrase ended shortly before this tick.
    """

    time_s: float
    activity: float
    loudness: float
    accent: float
    onset: bool
    pause: bool


class CueFinder:
    """Finds the events in loudness, stress and speech activity, tick by tick."""

    def __init__(self) -> None:
        self._tick = -1
        self._activity = 0.0
        self._level = 0
        self._in_phrase = False
        self._quiet_s = 0.0

    def step(self, loudness: float, stress: float, speaking: float) -> Cue:
        """Take the three values of the next tick, each 0 to 1."""
        self._tick += 1
        self._activity += (speaking - self._activity) / (_ACTIVITY_S * TICK_RATE)
        onset, pause = self._follow_phrase(speaking)
        return Cue(
            time_s=self._tick / TICK_RATE,
            activity=self._activity,
            loudness=loudness,
            accent=self._find_accent(stress),
            onset=onset,
            pause=pause,
        )

    def _find_accent(self, stress: float) -> float:
        # A stress counts when it begins, and once more, stronger, if it grows.
        level = 2 if stress > _STRONG else 1 if stress > _WEAK else 0
        accent = 0.0
        if level > self._level:
            accent = (0.0, 0.5, 1.0)[level]
            self._level = level
        elif stress < _RELEASED:
            self._level = 0
        return accent

    def _follow_phrase(self, speaking: float) -> tuple[bool, bool]:
        if not self._in_phrase:
            self._in_phrase = speaking > _SPEAKS
            self._quiet_s = 0.0
            return self._in_phrase, False
        self._quiet_s = self._quiet_s + 1 / TICK_RATE if speaking < _SILENT else 0.0
        if self._quiet_s < _PAUSE_S:
            return False, False
        self._in_phrase = False
        return False, True


def ease(share: float) -> float:
    """Go from 0 to 1 as `share` does, gently at both ends."""
    return 0.5 - 0.5 * math.cos(math.pi * min(max(share, 0.0), 1.0))


def bump(age_s: float, rise_s: float, fall_s: float) -> float:
    """Rise from 0 to 1 and fall back to 0, gently; 0 before and after.

    Args:
        age_s: Time since the beginning, seconds.
        rise_s: Length of the rise, seconds.
        fall_s: Length of the fall, seconds.
    """
    if age_s < rise_s:
        return ease(age_s / rise_s)
    return 1 - ease((age_s - rise_s) / fall_s)
