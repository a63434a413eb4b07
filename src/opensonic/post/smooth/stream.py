"""Frames in, the same number of frames out: jumps among them made anew, all others untouched.

A frame that is found to be a jump is made from its two neighbours by flow. It can be told only from
what follows it, so some frames wait: `LOOKAHEAD`, for any length of video. Frames are copied as
they come, since an engine may use their memory again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opensonic.post.interpolate.flow import FlowBetween
from opensonic.post.interpolate.stream import Between
from opensonic.post.smooth.finder import JumpFinder
from opensonic.post.smooth.verdict import REACH
from opensonic.values import Chunk, Motion

LOOKAHEAD = REACH + 3
"""Frames that wait for those after them."""

_HALF = Fraction(1, 2)

Frame = npt.NDArray[np.uint8]


class Smoothed(NamedTuple):
    """One frame that is done with.

    Attributes:
        frame: (H, W, 3) uint8 RGB.
        is_new: Whether it was a jump and has been made anew.
    """

    frame: Frame
    is_new: bool


class Smoother:
    """Takes frames one by one and gives them back in order, `LOOKAHEAD` frames later.

    Args:
        between: Makes a frame between two; None takes optical flow.
    """

    def __init__(self, between: Between | None = None) -> None:
        self._between = between or FlowBetween()
        self._finder = JumpFinder()
        self._waiting: deque[Frame] = deque()
        self._jumps: set[int] = set()
        self._n_out = 0
        self._last: Frame | None = None

    def feed(self, frame: Frame) -> Iterator[Smoothed]:
        """Take a frame.

        Args:
            frame: (H, W, 3) uint8 RGB; it is copied.

        Yields:
            Frames that are done with: none or one.
        """
        self._waiting.append(frame.copy())
        self._jumps.update(jump.place for jump in self._finder.look(frame))
        while self._n_out < self._finder.n_judged - 1:  # on these no later verdict falls
            yield self._next()

    def finish(self) -> Iterator[Smoothed]:
        """Give the frames that still wait; no frame comes after them."""
        self._jumps.update(jump.place for jump in self._finder.finish())
        while self._waiting:
            yield self._next()

    def _next(self) -> Smoothed:
        frame, number = self._waiting.popleft(), self._n_out
        is_new = number in self._jumps and self._last is not None and bool(self._waiting)
        if is_new and self._last is not None:
            frame = self._between(self._last[None], self._waiting[0][None], _HALF)[0]
        self._jumps.discard(number)
        self._last = frame
        self._n_out += 1
        return Smoothed(frame, is_new)


def smooth_frames(frames: Iterable[Frame], between: Between | None = None) -> Iterator[Smoothed]:
    """Mend the jumps in a stream of frames.

    Args:
        frames: (H, W, 3) uint8 RGB, all of one size.
        between: Makes a frame between two; None takes optical flow.

    Yields:
        As many frames in the same order.
    """
    smoother = Smoother(between)
    for frame in frames:
        yield from smoother.feed(frame)
    yield from smoother.finish()


def smooth_chunks(
    chunks: Iterable[Chunk],
    between: Between | None = None,
    told: Callable[[int], None] | None = None,
) -> Iterator[Chunk]:
    """Mend the jumps in the frames of an engine.

    Motion and landmarks stay with their frames; those of a frame that is made anew are the mean of
    its neighbours'.

    Args:
        chunks: As an engine gives them.
        between: Makes a frame between two; None takes optical flow.
        told: Called with the number of each frame that was made anew, from 0.

    Yields:
        Chunks of as many frames in all, whose arrays are not used again.
    """
    smoother, waiting = Smoother(between), _Knowledge()
    n_out = 0
    for chunk in chunks:
        waiting.add(chunk)
        done = [each for frame in chunk.frames for each in smoother.feed(frame)]
        if done:
            yield waiting.join(done)
            n_out = _tell(done, n_out, told)
    done = list(smoother.finish())
    if done:
        yield waiting.join(done)
        _tell(done, n_out, told)


def _tell(done: list[Smoothed], n_before: int, told: Callable[[int], None] | None) -> int:
    for number, each in enumerate(done, n_before):
        if each.is_new and told is not None:
            told(number)
    return n_before + len(done)


class _Knowledge:
    """What the engine knows of the frames that wait: chunks of one frame each, without pixels."""

    def __init__(self) -> None:
        self._known: deque[Chunk] = deque()
        self._last: Chunk | None = None
        self._no_pixels: Frame = np.empty((0, 0, 0, 3), np.uint8)

    def add(self, chunk: Chunk) -> None:
        """Take what is known of the frames of a chunk."""
        for k in range(len(chunk.frames)):
            part = slice(k, k + 1)
            motion, landmarks = chunk.motion, chunk.landmarks
            self._known.append(
                Chunk(
                    self._no_pixels,
                    None if motion is None else Motion(motion.values[part].copy(), motion.fps),
                    None if landmarks is None else landmarks[part].copy(),
                )
            )

    def join(self, done: list[Smoothed]) -> Chunk:
        """Bring frames that are done with and what is known of them together."""
        known = [self._next(each.is_new) for each in done]
        frames = np.stack([each.frame for each in done])
        motions = [each.motion for each in known if each.motion is not None]
        landmarks = [each.landmarks for each in known if each.landmarks is not None]
        return Chunk(
            frames,
            Motion(np.concatenate([each.values for each in motions]), motions[0].fps)
            if len(motions) == len(done)
            else None,
            np.concatenate(landmarks) if len(landmarks) == len(done) else None,
        )

    def _next(self, is_new: bool) -> Chunk:
        here = self._known.popleft()
        if is_new and self._last is not None and self._known:
            here = _mean(self._last, here, self._known[0])
        self._last = here
        return here


def _mean(before: Chunk, here: Chunk, after: Chunk) -> Chunk:
    """Give what is known of a frame in the middle between two."""
    motion, landmarks = here.motion, here.landmarks
    if motion is not None and before.motion is not None and after.motion is not None:
        values = (before.motion.values + after.motion.values) / np.float32(2)
        motion = Motion(np.asarray(values, np.float32), motion.fps)
    if landmarks is not None and before.landmarks is not None and after.landmarks is not None:
        landmarks = np.asarray((before.landmarks + after.landmarks) / 2, np.float32)
    return replace(here, motion=motion, landmarks=landmarks)
