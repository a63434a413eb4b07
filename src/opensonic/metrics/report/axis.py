"""Axes of plots: round numbers, times of a video, and the words for both."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

_TIME_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_TICKS = 6
_FINER = 4


def choose_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Choose round numbers that cover a range; the first and the last are its ends.

    Args:
        low: Least value.
        high: Largest value.
        most: Numbers at most; 3 or more.
    """
    if not high > low:
        low, high = low - 0.5, low + 0.5
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    factors = itertools.cycle((2.0, 2.5, 2.0))  # 1, 2, 5, 10, 20 ...
    while True:
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first < most:
            return [round(number * step, 12) for number in range(first, last + 1)]
        step *= next(factors)


def tick_label(value: float, ticks: Sequence[float]) -> str:
    """Write one of several ticks, all with as many digits as they need."""
    step = ticks[1] - ticks[0]
    return f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}".replace("-", "−")


def clock(seconds: float, fine: bool = False) -> str:
    """Write a time of a video: `1:05`, `1:05.32` where it is fine, `2:01:05` from an hour on."""
    hundredths = round(abs(seconds) * 100)
    whole, rest = divmod(hundredths, 100)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
    if fine:
        text += f".{rest:02}"
    return f"−{text}" if seconds < 0 and hundredths else text


def time_marks(start_s: float, end_s: float) -> str:
    """Give the words below an axis of time as HTML; those that only a zoom needs are `fine`.

    Args:
        start_s: Its left end, s.
        end_s: Its right end, s.
    """
    length = end_s - start_s
    fitting = (step for step in _TIME_STEPS if length / step <= _TICKS)
    coarse = next(fitting, math.ceil(length / _TICKS))
    fine = coarse / _FINER
    marks = []
    for number in range(math.ceil(start_s / fine - 1e-9), math.floor(end_s / fine + 1e-9) + 1):
        time_s = number * fine
        main = abs(time_s / coarse - round(time_s / coarse)) < 1e-6
        text = clock(time_s, fine=(coarse if main else fine) % 1 > 0)
        place, kind = 100 * (time_s - start_s) / length, "" if main else ' class="fine"'
        marks.append(f'<span{kind} style="left:{place:.2f}%">{text}</span>')
    return f'<div class="times" aria-hidden="true">{"".join(marks)}</div>'
