"""The director: adds life to a speaking mouth, from the rhythm of the speech and a seed.

The body moves on a clock of its own (`cues.TICK_RATE`), so that a video of 24 or of 60 frames per
second shows the same movement, and it hears a sixth of a second ahead, because a nod begins
before the syllable that it stresses. The mouth passes through untouched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensonic.channels import CHANNELS, EYES, HEAD, MOUTH
from opensonic.clock import frame_count
from opensonic.motion.cues import TICK_RATE, CueFinder
from opensonic.motion.eyes import Blinks, Brows, Gaze
from opensonic.motion.head import Breath, Head, lift_by_breath
from opensonic.speech import Heard, hear
from opensonic.values import Motion, Speech

_AHEAD_TICKS = 20
GAZE_PER_YAW, GAZE_PER_PITCH = 1 / 40, 1 / 35
"""How far the eyes turn back for each degree by which the head turns or nods."""
_BODY = slice(EYES.start, HEAD.stop)


def perform(speech: Speech, fps: Fraction, seed: int, lips: Path | None = None) -> Iterator[Motion]:
    """Turn a recording into the motion of a whole face.

    Args:
        speech: The recording.
        fps: Frames per second.
        seed: Chooses among the many ways to move; the same seed moves the same way.
        lips: Speech network to use in place of the package's own.

    Yields:
        Consecutive parts, together exactly as many frames as cover the sound.

    Raises:
        InputError: The recording can no longer be read.
        WeightsError: The speech network's weights are missing or damaged.
    """
    yield from direct(hear(speech, fps, frame_count(speech.duration, fps), lips), fps, seed)


def direct(heard: Iterable[Heard], fps: Fraction, seed: int) -> Iterator[Motion]:
    """Add eyes, brows, head and breath to what is heard.

    In silence the person still blinks, breathes and stirs. Memory does not grow, and the result is
    the same however `heard` is cut into parts.

    Args:
        heard: Consecutive parts of what is heard, per video frame.
        fps: Frames per second.
        seed: Chooses among the many ways to move.

    Yields:
        Motion of the same number of frames; the mouth channels are those of `heard`.
    """
    stage = _Stage(fps, seed)
    for part in heard:
        sound = np.stack([part.loudness, part.stress, part.speaking], axis=1)
        for mouth, row in zip(part.mouth, sound.astype(np.float64), strict=True):
            stage.hear(mouth, row)
        yield from stage.take()
    stage.end()
    yield from stage.take()


class _Stage:
    """Runs the body's clock between the frames that are heard and the frames that are shown.

    Frame i stands for the time (i + 1/2) / fps, in and out. All times are compared as whole
    numbers, in units of 1 / (2 * TICK_RATE * fps.numerator) seconds.
    """

    def __init__(self, fps: Fraction, seed: int) -> None:
        self._fps = fps
        self._tick_units = 2 * fps.numerator
        self._half_frame_units = TICK_RATE * fps.denominator
        self._body = _Body(seed)
        self._tick = -1
        self._before = self._now = np.zeros(_BODY.stop - _BODY.start)
        self._mouths: deque[npt.NDArray[np.float32]] = deque()
        self._n_heard = self._n_shown = 0
        self._last_row = np.zeros(3)
        self._ready: list[npt.NDArray[np.float32]] = []

    def hear(self, mouth: npt.NDArray[np.float32], row: npt.NDArray[np.float64]) -> None:
        """Take one frame and let the body move as far as it has heard."""
        self._mouths.append(mouth)
        previous = row if self._n_heard == 0 else self._last_row
        here = (2 * self._n_heard + 1) * self._half_frame_units
        while (listening := (self._tick + 1 + _AHEAD_TICKS) * self._tick_units) <= here:
            back = min((here - listening) / (2 * self._half_frame_units), 1.0)
            self._move(row + back * (previous - row))
        self._last_row = row
        self._n_heard += 1

    def end(self) -> None:
        """Let the body move to the last frame; the end of the sound is held."""
        while self._mouths:
            self._move(self._last_row)

    def take(self) -> Iterator[Motion]:
        """Hand out the frames that are ready."""
        if self._ready:
            yield Motion(np.stack(self._ready), self._fps)
            self._ready = []

    def _move(self, row: npt.NDArray[np.float64]) -> None:
        self._tick += 1
        self._before, self._now = self._now, self._body.step(*row.tolist())
        while self._mouths:
            shown = (2 * self._n_shown + 1) * self._half_frame_units
            tick, rest = divmod(shown, self._tick_units)
            if tick > self._tick:
                return
            share = rest / self._tick_units
            values = np.empty(len(CHANNELS), np.float32)
            values[MOUTH] = self._mouths.popleft()
            values[_BODY] = self._before + share * (self._now - self._before)
            self._ready.append(values)
            self._n_shown += 1


class _Body:
    """Everything but the mouth, tick by tick; each part draws its own random numbers."""

    def __init__(self, seed: int) -> None:
        sources = [np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(6)]
        self._cues = CueFinder()
        self._blinks = Blinks(sources[0])
        self._gaze = Gaze(sources[1])
        self._brows = Brows(sources[2])
        self._head = Head(sources[3], sources[4])
        self._breath = Breath(sources[5])

    def step(self, loudness: float, stress: float, speaking: float) -> npt.NDArray[np.float64]:
        cue = self._cues.step(loudness, stress, speaking)
        blink = self._blinks.step(cue)
        gaze_x, gaze_y = self._gaze.step(cue)
        breath = self._breath.step(cue)
        pose = lift_by_breath(self._head.step(cue), breath)
        # The eyes hold what they look at while the head turns.
        gaze_x -= GAZE_PER_YAW * float(pose[0])
        gaze_y -= GAZE_PER_PITCH * float(pose[1])
        eyes = (blink, blink, self._brows.step(cue), gaze_x, gaze_y)
        return np.array([*eyes, *pose, breath])
