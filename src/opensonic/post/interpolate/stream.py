"""Change the frame rate of a stream of frames, holding no more than one chunk.

Frames are arrays or tensors of any kind whose first axis is time; what makes a frame between two
others is handed in, so that nothing here needs PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

Between = Callable[[Any, Any, Fraction], Any]
"""Makes one frame at a share 0 < t < 1 of the way from one to the next: (1, ...), (1, ...), t."""

Pair = tuple[Any, Any, Fraction]
"""What `Between` takes."""
BetweenPairs = Callable[[list[Pair]], Iterator[Any]]
"""Makes such frames of many pairs, some at a time and in order."""

_SAME_S = 1e-4


def resample_frames(
    chunks: Iterator[Any],
    between: BetweenPairs,
    *,
    source_fps: Fraction,
    fps: Fraction,
    n_frames: int,
) -> Iterator[Any]:
    """Yield exactly `n_frames` frames at another rate.

    Frame k is the picture at k / fps seconds. After the last picture of the source it stands still.

    Args:
        chunks: Arrays (T, ...) of consecutive frames; together at least one frame.
        between: Makes frames between two.
        source_fps: Frames per second of `chunks`.
        fps: Frames per second to make.
        n_frames: Frames to make; `clock.frame_count` says how many cover a sound.

    Yields:
        Arrays (1, ...), one frame each.
    """
    ratio = source_fps / fps
    made = start = 0
    last: Any = None
    for chunk in chunks:
        order: list[Any] = []
        pairs: list[Pair] = []
        for i in range(len(chunk)):
            frame = chunk[i : i + 1]
            position = start + i
            while last is not None and made < n_frames and made * ratio < position:
                share = made * ratio - (position - 1)
                order.append(None if share else last)
                pairs += [(last, frame, share)] if share else []
                made += 1
            last = frame
        start += len(chunk)
        yield from _filled(order, between(pairs))
    for _ in range(made, n_frames):
        yield last


def double_frames(chunks: Iterator[Any], between: BetweenPairs) -> Iterator[Any]:
    """Yield each frame and the one in the middle to the next, as published: 2F - 1 in all.

    Yields:
        Arrays (1, ...), one frame each.
    """
    last: Any = None
    for chunk in chunks:
        frames = [chunk[i : i + 1] for i in range(len(chunk))]
        before = frames[:-1] if last is None else [last, *frames[:-1]]
        after = frames[1:] if last is None else frames
        pairs = [(*each, Fraction(1, 2)) for each in zip(before, after, strict=True)]
        order = [each for frame in frames for each in (None, frame)]
        yield from _filled(order[1:] if last is None else order, between(pairs))
        last = frames[-1] if frames else last


def _filled(order: list[Any], made: Iterator[Any]) -> Iterator[Any]:
    """Put what was made where None stands."""
    for frame in order:
        yield next(made) if frame is None else frame


def resample_timed(
    frames: Iterable[tuple[float, Any]], between: Between, *, fps: Fraction, last_s: float
) -> Iterator[tuple[float, Any]]:
    """Yield frames at an even rate from frames at any times, also uneven ones.

    Frame k is the picture k / fps seconds after the first; the times of both begin together.

    Args:
        frames: Seconds, ascending, and an array (1, ...) for each.
        between: Makes a frame between two.
        fps: Frames per second to make.
        last_s: How long the last frame is shown, seconds.

    Yields:
        Seconds and an array (1, ...) for each.
    """
    made = 0
    start_s = last_time_s = 0.0
    last: Any = None
    for time_s, frame in frames:
        if last is None:
            start_s = time_s
        while last is not None and (at_s := start_s + float(made / fps)) < time_s - _SAME_S:
            share = (at_s - last_time_s) / (time_s - last_time_s)
            is_there = at_s - last_time_s < _SAME_S
            yield at_s, last if is_there else between(last, frame, Fraction(share))
            made += 1
        last, last_time_s = frame, time_s
    while (
        last is not None and (at_s := start_s + float(made / fps)) < last_time_s + last_s - _SAME_S
    ):
        yield at_s, last
        made += 1
