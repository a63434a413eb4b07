"""How well each frame fits between its neighbours, measured on small grey copies.

A frame of natural movement lies on the way from the one before it to the one after it, be it early
or late on that way: a plosive, a blink or a turn of the head may be quick, but passes through.
What is left between the frame and the nearest point of that way, found by dense optical flow, is
its residual. A frame that was shifted, flickers or comes from another time lies off the way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.post.interpolate.flow import FlowFinder, Gray, fetch, pixel_grid, shrink

SIDE = 192
"""Long side of the copies on which jumps are looked for, px."""
CELLS = 16
"""Cells along the long side; in each the nearest point of the way is its own."""

_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_STILL_LEVELS = 0.1


@dataclass(frozen=True)
class Evidence:
    """What was measured of one frame. Levels are grey levels of 255, means over the picture.

    Attributes:
        step: Difference to the frame before it.
        next_step: Difference of the frame after it to it.
        over: Difference of the frame after it to the one before it.
        residual: Distance to the way between the two.
        brighter: How much brighter it is than the mean of the two.
        onward: Whether what moves across it moves on the same way before and after, -1 to 1: the
            cosine between the flow before it and the flow after it. It is measured only where
            a step is small; elsewhere it is -1.
    """

    step: float
    next_step: float
    over: float
    residual: float
    brighter: float
    onward: float

    @property
    def stands_out(self) -> float:
        """How much further it is from both neighbours than they are from each other."""
        return min(self.step, self.next_step) / max(self.over, _STILL_LEVELS)


class Examiner:
    """Measures frames as they come; remembers the last small copies alone."""

    def __init__(self) -> None:
        self._finder = FlowFinder()
        self._seen: deque[Gray] = deque(maxlen=4)
        self._steps: deque[float] = deque(maxlen=3)

    def examine(self, frame: npt.NDArray[np.uint8]) -> Evidence | None:
        """Take the next frame and measure the one before it.

        Args:
            frame: (H, W, 3) uint8 RGB.

        Returns:
            The measures of the frame given before, or None where that has no two neighbours.
        """
        small = shrink(frame, SIDE)
        if self._seen:
            self._steps.append(_difference(self._seen[-1], small))
        self._seen.append(small)
        if len(self._seen) < 3:
            return None
        return self._measure()

    def _measure(self) -> Evidence:
        before, here, after = list(self._seen)[-3:]
        step, next_step = list(self._steps)[-2:]
        mean = (float(before.mean()) + float(after.mean())) / 2
        return Evidence(
            step=step,
            next_step=next_step,
            over=_difference(before, after),
            residual=self._residual(before, here, after),
            brighter=float(here.mean()) - mean,
            onward=self._onward(),
        )

    def _residual(self, before: Gray, here: Gray, after: Gray) -> float:
        if np.array_equal(before, here) or np.array_equal(here, after):
            return 0.0
        forth, back = self._finder.find(before, after), self._finder.find(after, before)
        ways = _way(before, after, forth, back)
        return float(np.minimum.reduce([_cell_means(point, here) for point in ways]).mean())

    def _onward(self) -> float:
        """Compare the flow before and after a frame that hardly differs from the one before it."""
        if len(self._seen) < 4 or self._steps[1] > max(self._steps[0], self._steps[2]) / 2:
            return -1.0
        first, before, here, after = self._seen
        flow, later = self._finder.find(first, before), self._finder.find(here, after)
        size = float(np.sqrt((flow**2).sum() * (later**2).sum()))
        return float((flow * later).sum()) / size if size else 0.0


def _difference(first: Gray, second: Gray) -> float:
    return float(cv2.absdiff(first, second).mean())


def _way(
    before: Gray, after: Gray, forth: npt.NDArray[np.float32], back: npt.NDArray[np.float32]
) -> Iterator[npt.NDArray[np.float32]]:
    """Give points on the way between two frames, the frames themselves included."""
    grid = pixel_grid(*before.shape)
    for t in _SHARES:
        ahead = fetch(before, grid - t * forth)
        behind = fetch(after, grid - (1 - t) * back)
        point = cv2.addWeighted(ahead, 1 - t, behind, t, 0, dtype=cv2.CV_32F)
        yield np.asarray(point, np.float32)


def _cell_means(point: npt.NDArray[np.float32], here: Gray) -> npt.NDArray[np.float32]:
    """Give the mean distance between two pictures in each cell: (rows, columns) float32."""
    apart = cv2.absdiff(point, here.astype(np.float32))
    height, width = apart.shape
    cell = max(height, width) / CELLS
    size = (max(1, round(width / cell)), max(1, round(height / cell)))
    return np.asarray(cv2.resize(apart, size, interpolation=cv2.INTER_AREA), np.float32)
