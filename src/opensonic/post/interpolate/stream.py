"""Change the frame rate of a stream of frames, holding no more than one chunk.

Frames are arrays or tensors of any kind whose first axis is time; what makes a frame between two
others is handed in, so that nothing here needs PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

Between = Callable[[Any, Any, Fraction], Any]
"""Makes one frame at a share 0 < t < 1 of the way from one to the next: (1, ...), (1, ...), t."""


def resample_frames(
    chunks: Iterator[Any],
    between: Between,
    *,
    source_fps: Fraction,
    fps: Fraction,
    n_frames: int,
) -> Iterator[Any]:
    """Yield exactly `n_frames` frames at another rate.

    Frame k is the picture at k / fps seconds. After the last picture of the source it stands still.

    Args:
        chunks: Arrays (T, ...) of consecutive frames; together at least one frame.
        between: Makes a frame between two.
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
        for i in range(len(chunk)):
            frame = chunk[i : i + 1]
            position = start + i
            while last is not None and made < n_frames and made * ratio < position:
                share = made * ratio - (position - 1)
                yield between(last, frame, share) if share else last
                made += 1
            last = frame
        start += len(chunk)
    for _ in range(made, n_frames):
        yield last


def double_frames(chunks: Iterator[Any], between: Between) -> Iterator[Any]:
    """Yield each frame and the one in the middle to the next, as published: 2F - 1 in all.

    Yields:
        Arrays (1, ...), one frame each.
    """
    last: Any = None
    for chunk in chunks:
        for i in range(len(chunk)):
            frame = chunk[i : i + 1]
            if last is not None:
                yield between(last, frame, Fraction(1, 2))
            yield frame
            last = frame
