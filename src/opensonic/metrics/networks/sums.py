"""Means and slopes of what streams by, kept as sums."""

from __future__ import annotations


class Pace:
    """Says which pictures to look at, so that there is about one per step.

    Args:
        step_s: Time between two looks, s.
    """

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._next_s: float | None = None

    def is_due(self, time_s: float) -> bool:
        """Say whether to look at the picture of this time; times ascend but for a new video."""
        new = self._next_s is None or time_s < self._next_s - 2 * self._step_s
        if not new and time_s < (self._next_s or 0.0) - 1e-6:
            return False
        start_s = time_s if new or self._next_s is None else self._next_s
        self._next_s = max(start_s + self._step_s, time_s + self._step_s / 2)
        return True


class Mean:
    """The mean of numbers."""

    def __init__(self) -> None:
        self.n = 0
        self._sum = 0.0

    def add(self, number: float) -> None:
        """Take another number."""
        self._sum += number
        self.n += 1

    @property
    def value(self) -> float | None:
        """The mean, None of nothing."""
        return self._sum / self.n if self.n else None


class LineFit:
    """The straight line through points, by least squares."""

    def __init__(self) -> None:
        self._n = 0
        self._mean_x = self._mean_y = self._xx = self._xy = 0.0
        self._low = self._high = 0.0

    def add(self, x: float, y: float) -> None:
        """Take another point (Welford's sums, exact far from 0 too)."""
        if not self._n:
            self._low = x
        self._high = x
        self._n += 1
        dx = x - self._mean_x
        self._mean_x += dx / self._n
        self._mean_y += (y - self._mean_y) / self._n
        self._xx += dx * (x - self._mean_x)
        self._xy += dx * (y - self._mean_y)

    @property
    def span(self) -> float:
        """Distance of the first x from the last."""
        return self._high - self._low

    @property
    def slope(self) -> float:
        """How much y rises with x; 0 where all x are one."""
        return self._xy / self._xx if self._xx > 0 else 0.0
