"""Plots over time as inline SVG: stretched to any width, with words that keep their size.

The drawing is an SVG whose coordinates are stretched to the place that it gets; strokes keep their
width, and numbers and names lie around it as HTML. So one drawing serves a phone, a desk, a zoom
and paper. Colours are classes of the style sheet (`s1`, `s2` ... for lines), which has them for
light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opensonic.metrics.moments import runs
from opensonic.metrics.report.axis import choose_ticks, tick_label, time_marks

Values = npt.NDArray[np.float32]
Times = npt.NDArray[np.float64]

HEIGHT = 1000
"""Units of the drawing from bottom to top; as many as can be told apart on any screen."""
_FORGIVEN = 0.08
_MANY_DOTS = 100


class Line(NamedTuple):
    """One curve: (N,) values, NaN where not known; `kind` is its class in the style sheet."""

    label: str
    values: Values
    kind: str


class Dot(NamedTuple):
    """One dot; `kind` is its class in the style sheet."""

    time_s: float
    value: float
    kind: str


class Span(NamedTuple):
    """A stretch of time, shaded over the whole height."""

    start_s: float
    end_s: float


@dataclass(frozen=True, eq=False)
class Plot:
    """What one plot shows.

    Attributes:
        title: Its heading.
        reading: How to read it, one sentence.
        unit: Of the vertical axis.
        time_s: (N,) float64, ascending, of all lines.
        lines: Curves; the kind `area` is filled down to zero.
        dots: Single readings, drawn over the lines.
        legend: Kind and label of what is no line.
        low: Least value that the axis covers; from 0 only what is clearly less moves it.
        high: Highest value that it covers at least.
        good: Band of values that are good.
        spans: Stretches in which nothing is known.
        marks_s: Moments that are pointed at.
        held: The stretch that it is about.
        slim: Whether it is half as high.
    """

    title: str
    reading: str
    unit: str
    time_s: Times
    lines: tuple[Line, ...] = ()
    dots: tuple[Dot, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    low: float = math.inf
    high: float = -math.inf
    good: tuple[float, float] | None = None
    spans: tuple[Span, ...] = ()
    marks_s: tuple[float, ...] = ()
    held: Span | None = None
    slim: bool = False


def draw_plot(plot: Plot, start_s: float, end_s: float, columns: int = 1500) -> str:
    """Draw a plot as a `figure` of HTML.

    Args:
        plot: What to show; all its words are escaped here.
        start_s: Left end of the axis of time, s.
        end_s: Right end, s; later than the left.
        columns: Readings that a line may have; longer ones become envelopes of least and largest.
    """
    ticks = choose_ticks(*_extent(plot))
    low, high = ticks[0], ticks[-1]
    frame = _Frame(start_s, end_s, low, high, max(1000, 2 * columns))
    parts = [] if plot.good is None else [frame.band(*plot.good)]
    if plot.held is not None:
        parts.append(frame.span(plot.held, "held"))
    near = (span for span in plot.spans if span.end_s > start_s and span.start_s < end_s)
    parts += [frame.span(span, "unknown") for span in near]
    parts += [frame.level(tick) for tick in ticks]
    parts += [frame.upright(mark) for mark in plot.marks_s if start_s <= mark <= end_s]
    for line in plot.lines:
        parts.append(frame.line(plot.time_s, line.values, line.kind, columns))
    parts.append(frame.dots(plot.dots, " many" if len(plot.dots) > _MANY_DOTS else ""))
    named = escape(f"{plot.title}. {plot.reading}".strip())
    drawing = (
        f'<svg role="img" aria-label="{named}" viewBox="0 0 {frame.width} {HEIGHT}" '
        f'preserveAspectRatio="none" data-t="{start_s:.3f} {end_s:.3f}" '
        f'data-v="{low:g} {high:g}"><title>{named}</title>{"".join(parts)}</svg>'
    )
    levels = "".join(
        f'<span style="bottom:{100 * (tick - low) / (high - low):.2f}%">'
        f"{tick_label(tick, ticks)}</span>"
        for tick in ticks
    )
    reading = f"<p>{escape(plot.reading)}</p>" if plot.reading else ""
    unit = f" <small>{escape(plot.unit)}</small>" if plot.unit else ""
    return (
        f'<figure class="plot{" slim" if plot.slim else ""}"><figcaption>'
        f"<h4>{escape(plot.title)}{unit}</h4>{_legend(plot)}{reading}</figcaption>"
        f'<div class="frame"><div class="levels" aria-hidden="true">{levels}</div>'
        f'<div class="canvas">{drawing}</div></div>{time_marks(start_s, end_s)}</figure>'
    )


def _extent(plot: Plot) -> tuple[float, float]:
    found = [line.values[np.isfinite(line.values)] for line in plot.lines]
    values = np.concatenate([*found, np.array([dot.value for dot in plot.dots], np.float32)])
    values = values[np.isfinite(values)]
    if not len(values):
        return (plot.low, plot.high) if plot.high > plot.low else (0.0, 1.0)
    low, high = float(values.min()), max(plot.high, float(values.max()))
    if plot.low == 0 and low > -_FORGIVEN * high:
        return 0.0, high  # noise around zero does not move the axis
    return min(plot.low, low), high


def _legend(plot: Plot) -> str:
    rows = [*((line.kind, line.label) for line in plot.lines), *plot.legend]
    if len(rows) < 2 and not plot.legend:
        return ""
    items = "".join(f'<li><i class="{kind}"></i>{escape(label)}</li>' for kind, label in rows)
    return f'<ul class="legend">{items}</ul>'


@dataclass(frozen=True)
class _Frame:
    """Where times and values lie in the drawing."""

    start_s: float
    end_s: float
    low: float
    high: float
    width: int

    def x(self, time_s: float) -> int:
        share = (time_s - self.start_s) / (self.end_s - self.start_s)
        return round(min(max(share, 0.0), 1.0) * self.width)

    def y(self, value: float) -> int:
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - round(min(max(share, 0.0), 1.0) * HEIGHT)

    def band(self, low: float, high: float) -> str:
        top, bottom = self.y(high), self.y(low)
        return f'<path class="good" d="M0 {top}h{self.width}V{bottom}H0z"/>'

    def span(self, span: Span, kind: str) -> str:
        left, right = self.x(span.start_s), max(self.x(span.end_s), self.x(span.start_s) + 1)
        return f'<path class="{kind}" d="M{left} 0H{right}V{HEIGHT}H{left}z"/>'

    def level(self, value: float) -> str:
        kind = "zero" if value == 0 else "level"
        return f'<path class="{kind}" d="M0 {self.y(value)}h{self.width}"/>'

    def upright(self, time_s: float) -> str:
        return f'<path class="mark" d="M{self.x(time_s)} 0v{HEIGHT}"/>'

    def dots(self, dots: Sequence[Dot], size: str) -> str:
        kinds = dict.fromkeys(dot.kind for dot in dots)
        return "".join(
            f'<path class="dot {kind}{size}" d="'
            + "".join(f"M{self.x(d.time_s)} {self.y(d.value)}h0" for d in dots if d.kind == kind)
            + '"/>'
            for kind in kinds
        )

    def line(self, time_s: Times, values: Values, kind: str, columns: int) -> str:
        if len(values) > columns:
            return self._envelope(time_s, values, kind, columns)
        if kind == "area":
            return self._area(time_s, values)
        return f'<path class="line {kind}" d="{self._path(time_s, values)}"/>'

    def _path(self, time_s: Times, values: Values) -> str:
        """Write a path in relative steps, which are the shortest; it is broken where unknown."""
        pieces: list[str] = []
        last_x = last_y = 0
        drawing = False
        for moment, value in zip(time_s.tolist(), values.tolist(), strict=True):
            if not math.isfinite(value):
                drawing = False
                continue
            x, y = self.x(moment), self.y(value)
            pieces.append(f"{'l' if drawing else 'm'}{x - last_x} {y - last_y}")
            last_x, last_y, drawing = x, y, True
        return "".join(pieces).replace(" -", "-")

    def _area(self, time_s: Times, values: Values) -> str:
        """Fill what lies between a curve and zero, or the end of the axis nearest to it."""
        floor = self.y(0.0)
        pieces = []
        for start, end in runs(np.isfinite(values)):
            part = self._path(time_s[start:end], values[start:end])
            left, right = self.x(time_s[start]), self.x(time_s[end - 1])
            pieces.append(f"M0 0{part}L{right} {floor}H{left}z")
        return f'<path class="area" d="{"".join(pieces)}"/>'

    def _envelope(self, time_s: Times, values: Values, kind: str, columns: int) -> str:
        """Fill between the least and the largest of each column; the mean is the line."""
        n_columns = max(2, columns // 3)
        place = np.clip(
            ((time_s - self.start_s) / (self.end_s - self.start_s) * n_columns).astype(int),
            0,
            n_columns - 1,
        )
        known = np.isfinite(values)
        place, found = place[known], values[known].astype(np.float64)
        least, most = np.full(n_columns, np.inf), np.full(n_columns, -np.inf)
        np.minimum.at(least, place, found)
        np.maximum.at(most, place, found)
        counts = np.bincount(place, minlength=n_columns)
        sums = np.bincount(place, found, minlength=n_columns)
        mean = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).astype(np.float32)
        step = (self.end_s - self.start_s) / n_columns
        middles = np.float64(self.start_s) + (np.arange(n_columns, dtype=np.float64) + 0.5) * step
        xs = [self.x(middle) for middle in middles]
        pieces = []
        for first, after in runs(counts > 0):
            there = [f"{xs[n]} {self.y(most[n])}" for n in range(first, after)]
            back = [f"{xs[n]} {self.y(least[n])}" for n in reversed(range(first, after))]
            pieces.append(f"M{'L'.join(there + back)}z")
        return (
            f'<path class="reach {kind}" d="{"".join(pieces)}"/>'
            f'<path class="line {kind}" d="{self._path(middles, mean)}"/>'
        )
