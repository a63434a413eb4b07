"""Hearing while somebody still speaks: mouth motion with a look-ahead of 0.3 s or less.

The same network and articulation as in `hearing`; they are given what has been heard so far. What
they would have learnt from later sound is missing, so the result is a little less sure.
"""

from __future__ import annotations

import copy
from fractions import Fraction
from math import floor, isfinite
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensonic.channels import MOUTH
from opensonic.clock import frame_count
from opensonic.errors import InputError, SettingsError
from opensonic.settings import choose
from opensonic.speech.hearing import FRAME_CONTEXT, Heard, hear_frames
from opensonic.speech.mel import (
    FRAME_RATE,
    HOP_LENGTH,
    LEAD,
    LEVEL_LOOK_AHEAD,
    LEVEL_SMOOTH,
    N_MELS,
    QUIETEST,
    SAMPLE_RATE,
    WINDOW_LENGTH,
    LevelFollower,
    level_by,
    mel_rows,
)
from opensonic.speech.network import CONTEXT, hear_rows, open_network, quiet_row
from opensonic.speech.windows import Rows

LONGEST_LOOK_AHEAD_S = Fraction(3, 10)
"""Look-ahead by default, seconds."""
_SHORTEST_LOOK_AHEAD_S = Fraction(1, 20)
_STEP_S = Fraction(1, 25)
_KEPT = CONTEXT + LEVEL_LOOK_AHEAD + 2 * LEVEL_SMOOTH


class LiveEar:
    """Turns sound into mouth motion as it comes in.

    The result depends on the sound alone, not on the parts in which it comes. Each step runs the
    network over 1.5 s of rows.

    Args:
        fps: Frames per second, 1 to 120.
        look_ahead_s: Seconds of sound behind the middle of a frame that must have come before the
            frame is given, 0.05 or more.
        lips: Speech network to use in place of the package's own.

    Raises:
        SettingsError: The frame rate is not accepted, or the look-ahead is too short or endless.
        WeightsError: The network's weights are missing or damaged.
    """

    def __init__(
        self,
        fps: Fraction = Fraction(25),
        look_ahead_s: Fraction = LONGEST_LOOK_AHEAD_S,
        lips: Path | None = None,
    ) -> None:
        fps = choose(fps=fps)[0].fps
        if not (isfinite(look_ahead_s) and look_ahead_s >= _SHORTEST_LOOK_AHEAD_S):
            raise SettingsError(
                f"look-ahead: {float(look_ahead_s)} s, expected at least "
                f"{float(_SHORTEST_LOOK_AHEAD_S)} s and finite; closures are not heard earlier"
            )
        self._fps = fps
        self._per_step = max(1, floor(fps * _STEP_S))
        self._look_ahead_s = max(
            _SHORTEST_LOOK_AHEAD_S, look_ahead_s - Fraction(self._per_step - 1) / fps
        )
        self._session = open_network(lips)
        self._sound = np.zeros(LEAD, np.float32)
        self._n_samples = self._n_frames = 0
        self._ended = False
        self._level = _LiveLevel()
        self._heard = np.tile(np.append(quiet_row(), np.float32(QUIETEST)), (FRAME_CONTEXT, 1))
        self._next_row = 0

    def feed(self, sound: npt.NDArray[np.float32]) -> Heard:
        """Take the next part of the sound.

        Args:
            sound: (N,) float32 mono at 16 kHz within [-1, 1], of any length.

        Returns:
            The frames that have become ready, often none.

        Raises:
            InputError: The sound is not mono, not of floats, or holds NaN or infinity; or it comes
                after `end`.
        """
        if self._ended:
            raise InputError("sound comes after the end; expected a new LiveEar for new sound")
        if sound.ndim != 1 or sound.dtype.kind != "f" or not np.isfinite(sound).all():
            raise InputError(
                f"sound: {sound.shape} {sound.dtype}; expected (N,) finite float32 at 16 kHz "
                "within -1 to 1"
            )
        self._sound = np.concatenate([self._sound, np.asarray(sound, np.float32)])
        self._n_samples += len(sound)
        parts = []
        while (step := self._step(self._per_step)) is not None:
            parts.append(step)
        return _join(parts)

    def end(self) -> Heard:
        """Give the frames that are left, so that all together cover the sound; then no more."""
        if self._ended:
            return _join([])
        self._ended = True
        total = frame_count(Fraction(self._n_samples, SAMPLE_RATE), self._fps)
        behind = self._look_ahead_s + Fraction(self._per_step + 1) / self._fps
        self._sound = np.pad(self._sound, (0, int(behind * SAMPLE_RATE) + WINDOW_LENGTH))
        self._n_samples += int(behind * SAMPLE_RATE) + WINDOW_LENGTH
        parts = []
        while self._n_frames < total:
            step = self._step(min(self._per_step, total - self._n_frames))
            if step is None:
                break
            parts.append(step)
        return _join(parts)

    def _step(self, count: int) -> Heard | None:
        """Give the next `count` frames if the sound that they need has come."""
        last = (self._n_frames + count - Fraction(1, 2)) / self._fps
        edge = int((last + self._look_ahead_s) * SAMPLE_RATE)
        if self._n_samples < edge:
            return None
        n_rows = max(1, (edge + LEAD - WINDOW_LENGTH) // HOP_LENGTH + 1)
        new = n_rows - self._level.n_rows
        if new > 0:
            length = (new - 1) * HOP_LENGTH + WINDOW_LENGTH
            self._level.push(mel_rows(self._sound[:length]))
            self._sound = self._sound[new * HOP_LENGTH :]
        first, end = self._next_row, min(n_rows, floor(last * FRAME_RATE) + 1)
        start = first - CONTEXT - (n_rows - first + CONTEXT) % 2
        rows = hear_rows(self._session, self._level.rows(start))[first - start :]
        window = np.concatenate([self._heard, rows])
        frames = np.arange(self._n_frames, self._n_frames + count)
        heard = hear_frames(window, first - FRAME_CONTEXT, self._fps, frames)
        self._heard = np.concatenate([self._heard, rows[: end - first]])[-FRAME_CONTEXT:]
        self._next_row, self._n_frames = end, self._n_frames + count
        return heard


class _LiveLevel:
    """The last rows of a growing log-mel spectrogram, levelled by what is known so far."""

    def __init__(self) -> None:
        self.n_rows = 0
        self._follower = LevelFollower()
        self._mel = np.zeros((0, N_MELS), np.float32)
        self._references = np.zeros(0, np.float32)

    def push(self, mel: Rows) -> None:
        """Take new rows (T, 64) of log-mel."""
        self._mel = np.concatenate([self._mel, mel])
        self.n_rows += len(mel)
        first = self.n_rows - len(self._mel)
        done = first + len(self._references)
        sure = self.n_rows - LEVEL_SMOOTH
        if sure > done:
            loudness = self._smooth_loudness(done, sure)
            self._references = np.append(self._references, self._follower.follow(loudness))
        spare = max(0, len(self._mel) - _KEPT - FRAME_CONTEXT)
        self._mel, self._references = self._mel[spare:], self._references[spare:]

    def rows(self, start: int) -> Rows:
        """Give the levelled bands from row `start` on, (T, 64); silence ahead of the first row."""
        first = self.n_rows - len(self._mel)
        done = first + len(self._references)
        guess = copy.copy(self._follower).follow(self._smooth_loudness(done, self.n_rows))
        references = np.append(self._references, guess)
        ahead = np.minimum(np.arange(len(self._mel)) + LEVEL_LOOK_AHEAD, len(self._mel) - 1)
        levelled = level_by(self._mel, references[ahead])[:, :N_MELS]
        missing = max(0, first - start)
        quiet = np.full((missing, N_MELS), QUIETEST, np.float32)
        return np.concatenate([quiet, levelled[max(0, start - first) :]])

    def _smooth_loudness(self, begin: int, end: int) -> npt.NDArray[np.float32]:
        """Average the loudness of rows `begin` to `end` with what there is of their neighbours."""
        first = self.n_rows - len(self._mel)
        loudness = self._mel.mean(1)
        sums = np.concatenate([[0.0], np.cumsum(loudness, dtype=np.float64)])
        rows = np.arange(begin - first, end - first)
        low = np.maximum(rows - LEVEL_SMOOTH, 0)
        high = np.minimum(rows + LEVEL_SMOOTH + 1, len(loudness))
        return np.asarray((sums[high] - sums[low]) / (high - low), np.float32)


def _join(parts: list[Heard]) -> Heard:
    if not parts:
        none = np.zeros(0, np.float32)
        return Heard(np.zeros((0, MOUTH.stop), np.float32), none, none, none)
    return Heard(
        np.concatenate([part.mouth for part in parts]),
        np.concatenate([part.loudness for part in parts]),
        np.concatenate([part.stress for part in parts]),
        np.concatenate([part.speaking for part in parts]),
    )
