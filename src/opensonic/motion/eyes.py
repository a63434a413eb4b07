"""Eyes and brows of somebody who speaks into a camera: blinks, glances, raised brows.

Blinks come 12 to 20 times a minute, more of them at the ends of phrases, and close faster than
they open (Bentivoglio et al. 1997; Hömke et al. 2018). Brows rise with stresses (Ekman's batons).
"""

from __future__ import annotations

import numpy as np

from opensonic.motion.cues import Cue, bump, ease

_FIRST_BLINK_S = 0.8
_BLINK_GAP_S = 1.9
_PAUSE_BLINK = 0.6
_DOUBLE_BLINK = 0.1
_GLANCE_AWAY = 0.25
_BROW_LIMIT = 0.7
_BROW_GAP_S = 1.0


class Blinks:
    """When the lids close and how far they are closed."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._start_s = -1.0
        self._shape = (0.1, 0.04, 0.15)
        self._next_s = _FIRST_BLINK_S + float(random.uniform(0, 2))

    def step(self, cue: Cue) -> float:
        """Give the closure of both eyes, 0 to 1."""
        if cue.pause and cue.time_s - self._start_s > _BLINK_GAP_S:
            wait = float(self._random.uniform(0, 0.25))
            if self._random.random() < _PAUSE_BLINK:
                self._next_s = min(self._next_s, cue.time_s + wait)
        if cue.time_s >= self._next_s:
            self._begin(cue.time_s)
        close_s, hold_s, open_s = self._shape
        age_s = cue.time_s - self._start_s
        if self._start_s < 0 or age_s > close_s + hold_s + open_s:
            return 0.0
        if age_s < close_s + hold_s:
            return ease(age_s / close_s)
        # The lid starts up fast and settles slowly.
        return 1 - ease(((age_s - close_s - hold_s) / open_s) ** 0.8)

    def _begin(self, time_s: float) -> None:
        again = 0 < time_s - self._start_s < _FIRST_BLINK_S
        self._start_s = time_s
        close_s = float(self._random.uniform(0.06, 0.09))
        hold_s = float(self._random.uniform(0.03, 0.05))
        open_s = float(self._random.uniform(0.11, 0.16))
        self._shape = (close_s, hold_s, open_s)
        if self._random.random() < _DOUBLE_BLINK and not again:
            wait_s = sum(self._shape) + float(self._random.uniform(0.05, 0.2))
        else:
            wait_s = 1.3 + min(float(self._random.gamma(2.5, 1.35)), 7.5)
        self._next_s = time_s + wait_s


class Gaze:
    """Where the eyes look: at the camera, but for short glances."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._from = (0.0, 0.0)
        self._to = (0.0, 0.0)
        self._start_s = 0.0
        self._travel_s = 0.04
        self._next_s = 1.0 + float(random.uniform(0, 2))

    def step(self, cue: Cue) -> tuple[float, float]:
        """Give gaze_x and gaze_y."""
        if cue.time_s >= self._next_s or (cue.pause and self._is_home()):
            self._look_elsewhere(cue)
        share = ease((cue.time_s - self._start_s) / self._travel_s)
        x, y = (a + (b - a) * share for a, b in zip(self._from, self._to, strict=True))
        return x, y

    def _is_home(self) -> bool:
        return self._to == (0.0, 0.0)

    def _look_elsewhere(self, cue: Cue) -> None:
        self._from = self._to
        if not self._is_home():
            self._to = (0.0, 0.0)
            stay_s = self._random.uniform(1.2, 3.4)
        elif (cue.pause or cue.activity < 0.3) and self._random.random() < _GLANCE_AWAY:
            side = self._random.choice((-1.0, 1.0))
            self._to = (
                float(side * self._random.uniform(0.18, 0.4)),
                float(self._random.uniform(-0.2, 0.16)),
            )
            stay_s = self._random.uniform(0.5, 1.1)
        else:
            x, y = self._random.normal(0, (0.05, 0.03)).clip(-0.12, 0.12)
            self._to = (float(x), float(y))
            stay_s = self._random.uniform(0.25, 0.8)
        way = max(abs(a - b) for a, b in zip(self._from, self._to, strict=True))
        self._start_s = cue.time_s
        self._travel_s = 0.03 + 0.15 * way
        self._next_s = cue.time_s + float(stay_s)


class Brows:
    """How far the brows are raised by stresses and by the beginnings of phrases."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._raises: list[tuple[float, float, float, float]] = []

    def step(self, cue: Cue) -> float:
        """Give brow_raise."""
        rested = not self._raises or cue.time_s - self._raises[-1][0] > _BROW_GAP_S
        if cue.accent and rested and self._random.random() < 0.35 * cue.accent:
            size = float(self._random.uniform(0.25, 0.6)) * cue.accent
            self._raises.append((cue.time_s, size, 0.16, 0.45))
        if cue.onset and self._random.random() < 0.3:
            self._raises.append((cue.time_s, float(self._random.uniform(0.15, 0.4)), 0.25, 0.9))
        self._raises = [one for one in self._raises if cue.time_s - one[0] < one[2] + one[3]]
        height = sum(
            size * bump(cue.time_s - start, rise, fall) for start, size, rise, fall in self._raises
        )
        return _BROW_LIMIT * float(np.tanh(height / _BROW_LIMIT))
