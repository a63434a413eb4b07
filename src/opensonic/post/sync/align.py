"""Lips and sound brought together while frames stream from an engine to the encoder.

Some seconds of frames wait while their lips are compared with the sound; then they leave, moved by
the lag that was found. The comparison goes on: if the lag changes, so does the shift, slowly. The
number of frames stays; the first or the last is held.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import floor

from opensonic.post.interpolate.flow import FlowBetween
from opensonic.post.interpolate.stream import Between
from opensonic.post.sync.given import IN_STEP_S, MAX_CORRECTED_S
from opensonic.post.sync.retime import Retimer
from opensonic.post.sync.running import RunningLag
from opensonic.values import Chunk, Motion, Speech

LOOKAHEAD_S = 8.0
"""Seconds of frames that wait for the first comparison."""
LOOKAHEAD_BYTES = 256 << 20
"""Memory that they may take; large frames wait for less long."""
TOLERANCE_S = 0.015
"""How far the measure may be off in some seconds of video: a lag that seems this much larger than
what is corrected is corrected, too, s."""

_AGAIN_S = 4.0
_SLEW = 0.01
_UNREST_S = 0.008
_MAX_ERROR_S = 0.015


@dataclass
class Alignment:
    """What was found and done; complete when the last frame has left.

    Attributes:
        lag_s: Seconds by which the sound came later than the lips, as last measured; None where
            lips and sound do not tell.
        delay_s: Seconds by which the frames came later in the end.
        is_measured: Whether anything was measured.
    """

    lag_s: float | None = None
    delay_s: float = 0.0
    is_measured: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know."""
        if not self.is_measured:
            return ()
        if self.lag_s is None:
            return ("lips and sound do not tell of a lag: nothing was moved",)
        if self.delay_s == 0:
            return ()
        return (f"{_in_words(self.lag_s)}: the frames were moved by {1000 * self.delay_s:+.0f} ms",)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What looks wrong."""
        if self.lag_s is None or not is_defect(self.lag_s):
            return ()
        return (
            f"{_in_words(self.lag_s)}; up to {1000 * MAX_CORRECTED_S:.0f} ms is corrected while "
            "the video is made: look at it, then try `opensonic sync` on it, or another seed",
        )


def is_defect(lag_s: float) -> bool:
    """Whether a lag is larger than what is corrected."""
    return abs(lag_s) > MAX_CORRECTED_S + TOLERANCE_S


def align_chunks(
    chunks: Iterable[Chunk],
    speech: Speech,
    *,
    fps: float,
    n_frames: int,
    told: Alignment,
    between: Between | None = None,
) -> Iterator[Chunk]:
    """Move the frames of an engine so that the lips fit the sound.

    Args:
        chunks: As an engine gives them; frames whose landmarks it tells are not looked at.
        speech: The recording.
        fps: Frames per second.
        n_frames: Frames that the chunks hold together.
        told: Is told what was found.
        between: Makes a frame between two; None takes optical flow.

    Yields:
        Chunks of one frame, `n_frames` in all, whose arrays are not used again.

    Raises:
        WeightsError: Weights of the package are missing or damaged.
    """
    running = RunningLag(speech, fps)
    retimer = Retimer(between or FlowBetween(), fps, n_frames)
    shift = _Shift(fps, told)
    waiting: deque[Chunk] = deque()
    n_seen = 0

    def let_go(kept: int) -> Iterator[Chunk]:
        """Give the frames that can leave while `kept` wait."""
        while len(waiting) > kept:
            retimer.take(waiting.popleft(), *running.lips(retimer.n_taken))
        while retimer.n_made < retimer.n_taken and retimer.is_ready(shift.delay_s):
            yield retimer.make(shift.step())

    try:
        for frame in _singly(chunks):
            known = None if frame.landmarks is None else frame.landmarks[0]
            running.watch(n_seen, frame.frames[0], known)
            waiting.append(frame)
            n_seen += 1
            room = _room(frame, fps)
            if len(waiting) > room:
                shift.measure(running, n_seen)
                yield from let_go(room)
        shift.measure(running, n_seen, is_last=True)
        yield from let_go(0)
    finally:
        running.close()
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def _room(frame: Chunk, fps: float) -> int:
    """Give how many frames may wait."""
    return max(2, min(floor(LOOKAHEAD_S * fps), LOOKAHEAD_BYTES // max(1, frame.frames.nbytes)))


class _Shift:
    """The delay of the frames: where it is, and where it goes.

    Before the first frame leaves it goes anywhere at once, later by 10 ms in a second.
    """

    def __init__(self, fps: float, told: Alignment) -> None:
        self.delay_s = 0.0
        self._goal_s = 0.0
        self._fps, self._told = fps, told
        self._next = 0
        self._left = False

    def measure(self, running: RunningLag, n_seen: int, *, is_last: bool = False) -> None:
        """Compare anew, where it is time for that."""
        if n_seen < self._next and not is_last:
            return
        self._next = n_seen + round(_AGAIN_S * self._fps)
        found = running.measure()
        self._told.is_measured = True
        if not found.clear or found.error_s > _MAX_ERROR_S:
            return
        self._told.lag_s = found.lag_s
        wanted = 0.0 if is_defect(found.lag_s) else found.lag_s
        unrest_s = _UNREST_S if self._goal_s else IN_STEP_S
        if abs(wanted - self._goal_s) > unrest_s:
            self._goal_s = wanted
        if not self._left:
            self.delay_s = self._goal_s

    def step(self) -> float:
        """Give the delay of the next frame."""
        self._left = True
        most = _SLEW / self._fps
        self.delay_s += min(max(self._goal_s - self.delay_s, -most), most)
        self._told.delay_s = self.delay_s
        return self.delay_s


def _singly(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Give frame by frame, copied: an engine uses its memory again."""
    for chunk in chunks:
        for k in range(len(chunk.frames)):
            part = slice(k, k + 1)
            motion = chunk.motion
            yield Chunk(
                chunk.frames[part].copy(),
                None if motion is None else Motion(motion.values[part].copy(), motion.fps),
                None if chunk.landmarks is None else chunk.landmarks[part].copy(),
            )


def _in_words(lag_s: float) -> str:
    return (
        f"the sound came {abs(1000 * lag_s):.0f} ms {'after' if lag_s > 0 else 'before'} the lips"
    )
