"""Streams of rows cut into windows with context: every stage runs along, with bounded look-ahead.

A stage that needs `before` rows of past and `after` rows of future gives the same result for any
length of sound, and the same as on the whole recording at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]
"""(T, C) float32."""


def cut_windows(
    rows: Iterator[Rows], step: int, before: int, after: int, pad: Rows
) -> Iterator[Rows]:
    """Cut a stream of rows into windows that overlap by their context.

    Args:
        rows: Parts of the stream, each (T, C), of any length.
        step: Rows by which windows advance: the core of each window but the last.
        before: Rows of context ahead of the core.
        after: Rows of context behind the core.
        pad: (C,) row that stands before the first and behind the last row.

    Yields:
        (before + n + after, C) windows, n = `step`; in the last one 1 to `step`.
    """
    held = np.repeat(pad[None], before, axis=0)
    for part in rows:
        held = np.concatenate([held, part])
        while len(held) >= before + step + after:
            yield held[: before + step + after]
            held = held[step:]
    left = len(held) - before
    held = np.concatenate([held, np.repeat(pad[None], after, axis=0)])
    while left > 0:
        core = min(step, left)
        yield held[: before + core + after]
        held = held[core:]
        left -= core
