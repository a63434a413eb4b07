"""The rows about lips and sound, and the moments at which they went wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from opensonic.metrics.agreement import correlate_lips
from opensonic.metrics.evaluation import Curves, Moment, Row
from opensonic.metrics.labels import Labels
from opensonic.metrics.moments import find_lags, find_missed, find_open_silence
from opensonic.metrics.scales import make_row
from opensonic.metrics.shut_lips import ShutLips, judge_closures
from opensonic.metrics.silence import judge_silence
from opensonic.metrics.sounding import Sounding
from opensonic.post.sync.lag import CLEAR, Sync

NO_SOUND = "the video has no sound"
NO_FACE = "no face was seen"

_LAGS = ("lag", "lag_confidence", "lag_drift")
_CORRELATIONS = ("lip_correlation", "lip_correlation_aligned")
_LABELLED = ("closure_recall", "closure_precision")
_HEARD = ("closure_recall_heard", "closure_precision_heard")
_LEAST_CLOSURES = 3
_LEAST_QUIET = 8
_ENOUGH_S = 7.5
"""From here on even real lips that hardly move are told from a wrong sound, s."""


def judge_lips(
    curves: Curves, sounding: Sounding | None, sync: Sync | None, labels: Labels | None
) -> tuple[list[Row], list[Moment]]:
    """Judge the lips of a video.

    Args:
        curves: What was seen and heard.
        sounding: What is heard, or None without sound.
        sync: The lag, or None where it was not measured.
        labels: What is said and when, or None where it is not known.
    """
    if sounding is None or sync is None:
        why = NO_SOUND if sounding is None else NO_FACE
        names = (*_LAGS, *_CORRELATIONS, *_LABELLED, "open_in_silence")
        return [make_row(name, None, why) for name in names], []
    rows = [*judge_lag(sync, _seen_s(curves)), *_correlation_rows(curves, sounding, sync)]
    closure_rows, moments = _judge_closures(curves, sounding, labels)
    rows += closure_rows
    silences = sounding.silences_s()
    quiet = judge_silence(curves.gap, curves.time_s, silences)
    note = f"{quiet.pictures} pictures in silence; rest is a gap of {quiet.rest:.3f} e"
    share: float | None = 100 * quiet.open_share
    if quiet.pictures < _LEAST_QUIET:
        share, note = None, "hardly any silence, or no face in it"
    rows.append(make_row("open_in_silence", share, note))
    moments += find_open_silence(quiet.is_open, curves.gap, quiet.rest, curves.time_s)
    moments += find_lags(sync, CLEAR)
    return rows, moments


def _seen_s(curves: Curves) -> float:
    """Give the time over which the face is seen, s."""
    times_s = curves.time_s[np.isfinite(curves.gap)]
    return float(times_s[-1] - times_s[0]) if len(times_s) else 0.0


def judge_lag(sync: Sync, seen_s: float) -> list[Row]:
    """Judge the lag, how sure it is, and its drift.

    Args:
        sync: The lag.
        seen_s: Time over which the face is seen, s.
    """
    if not np.isfinite(sync.lag_s) or sync.confidence <= 0:
        why = "too little of a speaking face and its sound"
        return [make_row(name, None, why) for name in _LAGS]
    note = f"above 0 the sound comes later than the lips; ± {1000 * sync.error_s:.0f} ms"
    if not sync.clear:
        note = "not clear: lips and sound may not belong together, or too little is said"
    drift = 60 * sync.drift_ms_per_s if sync.clear and len(sync.windows) > 2 else None
    why = "" if drift is not None else "too short, or not clear enough"
    lag = make_row("lag", 1000 * sync.lag_s, note)
    if not sync.clear:  # a guess is neither good nor bad
        lag = replace(lag, verdict="", badness=None)
    sure = make_row("lag_confidence", sync.confidence, "how sure it is that they belong together")
    if seen_s < _ENOUGH_S and sure.verdict == "poor":
        told = f"under {_ENOUGH_S:g} s are often too short to be sure"
        sure = replace(sure, verdict="fair", note=f"{sure.note}; {told}")
    return [
        lag,
        sure,
        make_row("lag_drift", drift, why),
    ]


def _correlation_rows(curves: Curves, sounding: Sounding, sync: Sync) -> list[Row]:
    plain = correlate_lips(curves.gap, curves.time_s, sounding)
    why = "" if np.isfinite(plain) else "lips or sound do not move, or too few pictures"
    aligned, unclear = None, why or "the lag is not clear"
    if sync.clear:
        aligned = correlate_lips(curves.gap, curves.time_s, sounding, sync.lag_s)
        unclear = why
    return [
        make_row("lip_correlation", plain, why or "seen and heard gap of the lips, as it is"),
        make_row("lip_correlation_aligned", aligned, unclear),
    ]


def _judge_closures(
    curves: Curves, sounding: Sounding, labels: Labels | None
) -> tuple[list[Row], list[Moment]]:
    """Judge closures by labels; where there are none, by what our own network hears."""
    if labels is not None and not labels.missing:
        found = judge_closures(curves.gap, curves.time_s, labels.closures_s, labels.silences_s)
        rows = _closure_rows(_LABELLED, found, labels.source)
        return rows, list(find_missed(found.missed_s, curves.gap, curves.time_s))
    why = labels.missing if labels is not None else "no labels and no transcript were given"
    silences = sounding.silences_s(inner=False)
    found = judge_closures(curves.gap, curves.time_s, sounding.closures_s, silences)
    weak = "weak: p, b and m as our own network hears them"
    rows = [make_row(name, None, why) for name in _LABELLED]
    rows += _closure_rows(_HEARD, found, weak)
    return rows, list(find_missed(found.missed_s, curves.gap, curves.time_s))


def _closure_rows(names: tuple[str, str], found: ShutLips, source: str) -> list[Row]:
    if found.true < _LEAST_CLOSURES:
        why = f"p, b or m is said only {found.true} times while the face is seen"
        return [make_row(name, None, why) for name in names]
    met = round(found.recall * found.true)
    recall = f"{met} of {found.true}; {source}"
    precision = f"by chance {100 * found.by_chance:.0f} %; {source}"
    if not np.isfinite(found.precision):
        precision = "the lips never shut"
    return [
        make_row(names[0], 100 * found.recall, recall),
        make_row(names[1], 100 * found.precision, precision),
    ]
