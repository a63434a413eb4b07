"""Which plots a report shows of one video, and with which words.

Measures that are not known in a video leave no empty plot.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from opensonic.metrics.evaluation import Curve, Curves, Evaluation, Moment
from opensonic.metrics.moments import runs
from opensonic.metrics.report.drawing import Dot, Line, Plot, Span
from opensonic.metrics.report.texts import Texts
from opensonic.metrics.scales import SCALES
from opensonic.post.sync.lag import CLEAR, Sync

GOOD_LAG_MS = SCALES["lag"].best or (-40.0, 60.0)
"""Least and largest lag that is good, ms."""

_LAG_AXIS_MS = 100.0
_LIKELY = 0.5
_AROUND_S = 3.0
_LONG_S = 2.0


class _Slim(NamedTuple):
    """A plot of one curve: its name, and the range that the axis covers at least."""

    name: str
    low: float
    high: float
    of_face: bool


_SOUND = (_Slim("loudness_db", -60, 0, False),)
_LIDS = (_Slim("blink", 0, 1, True),)
_PICTURE = (
    _Slim("flicker", 0, 2, False),
    _Slim("drift", 0, 4, True),
    _Slim("sharpness", 0, 0, True),
)


def time_range(curves: Curves) -> tuple[float, float]:
    """Give the range of time that the plots cover, s."""
    if not len(curves.time_s):
        return 0.0, 1.0
    half = _half_step(curves)
    return float(curves.time_s[0]) - half, float(curves.time_s[-1]) + half


def choose_plots(evaluation: Evaluation, texts: Texts) -> Iterator[Plot]:
    """Give the plots of a video, from the lips to the picture.

    Args:
        evaluation: What was measured.
        texts: The words.
    """
    curves = evaluation.curves
    spans = unseen(curves)
    if _known(curves.gap) or _known(curves.heard_gap):
        marks = tuple(moment.time_s for moment in evaluation.moments)
        yield _lips(curves, texts, slice(None), marks, spans)
    yield from _slim(_SOUND, curves, texts, spans)
    if evaluation.sync is not None and evaluation.sync.windows:
        yield _lags(evaluation.sync, texts)
    yield from _slim(_LIDS, curves, texts, spans)
    turns = zip((texts.yaw, texts.pitch, texts.roll), ("yaw", "pitch", "roll"), strict=True)
    lines = tuple(
        Line(label, getattr(curves, name), f"s{number}")
        for number, (label, name) in enumerate(turns, 1)
        if _known(getattr(curves, name))
    )
    if lines:
        title, reading, unit = texts.plots["head"]
        yield Plot(title, reading, unit, curves.time_s, lines, low=-5, high=5, spans=spans)
    yield from _slim(_PICTURE, curves, texts, spans)


def lips_around(
    evaluation: Evaluation, moment: Moment, texts: Texts
) -> tuple[Plot, float, float] | None:
    """Give the lips around a moment, with the range of time that is shown, s.

    Args:
        evaluation: What was measured.
        moment: The moment.
        texts: The words.

    Returns:
        The plot and its range; None where nothing is known of the lips there.
    """
    curves = evaluation.curves
    start, end = time_range(curves)
    time_s = telling_time(moment, curves)
    left = max(start, min(time_s - _AROUND_S, end - 2 * _AROUND_S))
    right = min(end, left + 2 * _AROUND_S)
    inside = slice(*np.searchsorted(curves.time_s, (left, right + 1e-9)).tolist())
    if not (_known(curves.gap[inside]) or _known(curves.heard_gap[inside])):
        return None
    held = Span(moment.time_s, moment.end_s)
    plot = _lips(curves, texts, inside, (time_s,), unseen(curves), held)
    return plot, left, max(right, left + 0.1)


def telling_time(moment: Moment, curves: Curves) -> float:
    """Give the time that shows best what is wrong, s.

    That is where the moment begins; in a long stretch, where seen and heard lips differ most.
    """
    inside = (curves.time_s >= moment.time_s) & (curves.time_s <= moment.end_s)
    apart = np.abs(curves.gap - curves.heard_gap)[inside]
    if moment.end_s - moment.time_s < _LONG_S or not _known(apart):
        return moment.time_s
    return float(curves.time_s[inside][int(np.nanargmax(apart))])


def unseen(curves: Curves) -> tuple[Span, ...]:
    """Give the stretches of time in which the face is not seen."""
    if not len(curves.time_s):
        return ()
    half = _half_step(curves)
    return tuple(
        Span(float(curves.time_s[first]) - half, float(curves.time_s[after - 1]) + half)
        for first, after in runs(~curves.seen)
    )


def _half_step(curves: Curves) -> float:
    return 0.5 * float(np.median(np.diff(curves.time_s))) if len(curves.time_s) > 1 else 0.02


def _known(curve: Curve) -> bool:
    return bool(np.isfinite(curve).any())


def _slim(
    kinds: tuple[_Slim, ...], curves: Curves, texts: Texts, spans: tuple[Span, ...]
) -> Iterator[Plot]:
    for kind in kinds:
        values: Curve = getattr(curves, kind.name)
        if not _known(values):
            continue
        title, reading, unit = texts.plots[kind.name]
        yield Plot(
            title,
            reading,
            unit,
            curves.time_s,
            (Line(title, values, "s1"),),
            low=kind.low,
            high=kind.high,
            spans=spans if kind.of_face else (),
            slim=True,
        )


def _lips(
    curves: Curves,
    texts: Texts,
    inside: slice,
    marks: tuple[float, ...],
    spans: tuple[Span, ...],
    held: Span | None = None,
) -> Plot:
    title, reading, unit = texts.plots["lips"]
    lines = (
        Line(texts.lips_heard, curves.heard_gap[inside], "area"),
        Line(texts.lips_seen, curves.gap[inside], "s1"),
    )
    return Plot(
        title,
        "" if held else reading,
        unit,
        curves.time_s[inside],
        tuple(line for line in lines if _known(line.values)),
        low=0,
        high=0.1,
        spans=spans,
        marks_s=marks,
        held=held,
        slim=held is not None,
    )


def _lags(sync: Sync, texts: Texts) -> Plot:
    title, reading, unit = texts.plots["lag"]
    dots = []
    for window in sync.windows:
        kind = "sure" if window.confidence >= CLEAR else "guess"
        if _LIKELY <= window.confidence < CLEAR:
            kind = "likely"
        if math.isfinite(window.lag_s):
            dots.append(Dot(0.5 * (window.start_s + window.end_s), 1000 * window.lag_s, kind))
    reach = max([_LAG_AXIS_MS, *(abs(dot.value) for dot in dots if dot.kind != "guess")])
    dots = [dot for dot in dots if abs(dot.value) <= reach]
    words = (texts.lag_sure, texts.lag_likely, texts.lag_guess, texts.lag_good)
    kinds = ("dot sure", "dot likely", "dot guess", "good")
    return Plot(
        title,
        reading,
        unit,
        np.zeros(0),
        dots=tuple(dots),
        legend=tuple(zip(kinds, words, strict=True)),
        low=-_LAG_AXIS_MS,
        high=_LAG_AXIS_MS,
        good=GOOD_LAG_MS,
    )
