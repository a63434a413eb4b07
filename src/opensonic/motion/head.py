"""The head of somebody who speaks: posture, nods on stresses, unrest, breath.

Three movements add up: postures that change with the phrases, by a critically damped spring; nods
and small turns on stresses; and a slow unrest that never repeats (Ornstein-Uhlenbeck noise, made
smooth). All return to rest, so that nothing drifts, and all are softly limited.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opensonic.motion.cues import TICK_RATE, Cue, bump, ease

Pose = npt.NDArray[np.float64]
"""(5,) yaw, pitch, roll in degrees, x and y in e."""

_LIMIT = np.array([8.0, 7.0, 4.5, 0.05, 0.035])
"""Softly, degrees and e: beyond it a head that was seen from the front alone looks flat."""
_POSTURE_STD = np.array([3.6, 3.2, 1.8, 0.017, 0.011])
_UNREST_STD = np.array([1.1, 1.0, 0.6, 0.007, 0.005])
_IN_SILENCE = 0.4
_TO_REST = 0.3
_STIFFNESS = 3.2
_UNREST_S = 1.8
_UNREST_SMOOTH_S = 0.3
_UNREST_LOSS = 0.72
_NOISE_TICKS = 128
_LOUD_LIFT = -1.0
_BREATH_PITCH, _BREATH_Y = -0.25, -0.004
_BREATH_SMOOTH_S = 0.07


class Head:
    """Pose of the head, tick by tick, without breath."""

    def __init__(self, random: np.random.Generator, noise: np.random.Generator) -> None:
        self._random = random
        self._unrest = _Unrest(noise)
        self._target = np.zeros(5)
        self._pose = np.zeros(5)
        self._speed = np.zeros(5)
        self._loudness = 0.0
        self._next_s = 0.8
        self._accents: list[tuple[float, float, Pose]] = []

    def step(self, cue: Cue) -> Pose:
        """Give yaw, pitch, roll, x and y."""
        if cue.time_s >= self._next_s or (cue.onset and self._random.random() < 0.6):
            self._take_posture(cue)
        pull = _STIFFNESS**2 * (self._target - self._pose) - 2 * _STIFFNESS * self._speed
        self._speed = self._speed + pull / TICK_RATE
        self._pose = self._pose + self._speed / TICK_RATE
        self._loudness += (cue.loudness - self._loudness) / (0.25 * TICK_RATE)
        life = _IN_SILENCE + (1 - _IN_SILENCE) * cue.activity
        pose = self._pose + life * self._unrest.step() + self._accent(cue)
        pose[1] += _LOUD_LIFT * self._loudness
        return np.asarray(_LIMIT * np.tanh(pose / _LIMIT), np.float64)

    def _take_posture(self, cue: Cue) -> None:
        size = _IN_SILENCE + (1 - _IN_SILENCE) * cue.activity
        drawn = size * _POSTURE_STD * self._random.standard_normal(5).clip(-2, 2)
        drawn[3] += 0.004 * drawn[2]  # the neck is below: a tilted head has also moved
        at_rest = self._random.random() < _TO_REST
        self._target = np.zeros(5) if at_rest else drawn
        self._next_s = cue.time_s + float(self._random.uniform(1.2, 3.4))

    def _accent(self, cue: Cue) -> Pose:
        if cue.accent:
            rise_s = float(self._random.uniform(0.2, 0.3))
            if self._random.random() < 0.3 + 0.45 * cue.accent:
                peak = np.array([0, self._random.uniform(1.2, 3.0), 0, 0, 0.006])
            else:
                turn, tilt = self._random.normal(0, (1.6, 1.0))
                peak = np.array([turn, 0.7, tilt, 0, 0])
            self._accents.append((cue.time_s, rise_s, cue.accent * peak))
        self._accents = [one for one in self._accents if cue.time_s - one[0] < 1]
        pose = np.zeros(5)
        for start_s, rise_s, peak in self._accents:
            age_s = cue.time_s - start_s
            rebound = bump(age_s - rise_s - 0.12, 0.25, 0.35) if age_s > rise_s + 0.12 else 0.0
            pose += peak * (bump(age_s, rise_s, 0.32) - 0.2 * rebound)
        return pose


class _Unrest:
    """Slow smooth noise; drawn in blocks, by tick, so that it is the same however it is read."""

    def __init__(self, noise: np.random.Generator) -> None:
        self._noise = noise
        self._block = np.zeros((0, 5))
        self._tick = 0
        self._rough = np.zeros(5)
        self._smooth = np.zeros((2, 5))
        keep = float(np.exp(-1 / (_UNREST_S * TICK_RATE)))
        self._keep, self._kick = keep, np.sqrt(1 - keep**2) * _UNREST_STD / _UNREST_LOSS

    def step(self) -> Pose:
        if self._tick % _NOISE_TICKS == 0:
            self._block = self._noise.standard_normal((_NOISE_TICKS, 5))
        kick = self._kick * self._block[self._tick % _NOISE_TICKS]
        self._tick += 1
        self._rough = self._keep * self._rough + kick
        share = 1 / (_UNREST_SMOOTH_S * TICK_RATE)
        self._smooth[0] += share * (self._rough - self._smooth[0])
        self._smooth[1] += share * (self._smooth[0] - self._smooth[1])
        return np.array(self._smooth[1])


class Breath:
    """How full the chest is: 2 to 6 s a breath, in faster than out, and in when there is time."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._inhales = True
        self._from, self._to = 0.0, 0.9
        self._start_s, self._length_s = 0.0, 1.4
        self._smooth = [0.0, 0.0]

    def step(self, cue: Cue) -> float:
        """Give the breath channel, 0 to 1."""
        share = (cue.time_s - self._start_s) / self._length_s
        if share >= 1 or (cue.pause and not self._inhales and share > 0.5):
            self._turn(cue)
            share = 0.0
        air = self._from + (self._to - self._from) * ease(share)
        for stage in (0, 1):
            change = (air - self._smooth[stage]) / (_BREATH_SMOOTH_S * TICK_RATE)
            self._smooth[stage] += change
            air = self._smooth[stage]
        return min(max(air, 0.0), 1.0)

    def _turn(self, cue: Cue) -> None:
        self._inhales = not self._inhales
        self._from, self._start_s = self._smooth[1], cue.time_s
        if self._inhales:
            self._to = float(self._random.uniform(0.6, 1.0))
            self._length_s = float(self._random.uniform(0.9, 1.7)) - 0.3 * cue.activity
        else:
            self._to = float(self._random.uniform(0.0, 0.15))
            self._length_s = float(self._random.uniform(1.2, 3.9)) + 0.3 * cue.activity


def lift_by_breath(pose: Pose, breath: float) -> Pose:
    """Raise the head a little while the chest is full."""
    lift = np.array([0, _BREATH_PITCH * breath, 0, 0, _BREATH_Y * breath])
    return np.asarray(pose + lift)
