"""The moments of a video that went wrong, worst first.

Each kind has a severity that is 1 where it is clearly visible, so that kinds can be compared. Of
what lasts, such as lips that stand open through a pause, a whole stretch is one moment.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from opensonic.metrics.closures import Spans
from opensonic.metrics.evaluation import Curve, Moment
from opensonic.metrics.shut_lips import shut_gap
from opensonic.post.smooth.finder import Jump
from opensonic.post.sync.lag import Sync

MOST_MOMENTS = 40
"""Moments that are kept."""

_OPEN_UNIT = 0.06
_MISSED_UNIT = 0.05
_LAG_UNIT_S = 0.12
_LAG_NOTICED_S = 0.06
_JUMP, _JUMP_UNIT = 0.12, 0.2
_LOST_UNIT_S = 1.0
_FROZEN_S = 0.12
_LONG_S = 0.5
_FLASH_PICTURES, _FLASH, _MISPLACED, _REPEATED = 3, 1.5, 1.0, 0.6

Times = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def find_open_silence(is_open: Flags, gap: Curve, rest: float, time_s: Times) -> Iterator[Moment]:
    """Give the stretches of silence in which lips stand open.

    Args:
        is_open: (N,) pictures in silence with open lips.
        gap: (N,) gap, e.
        rest: Gap at rest, e.
        time_s: (N,) times of the pictures, s.
    """
    for first, last in runs(is_open):
        width = float(np.nanmax(gap[first:last])) - rest
        length = float(time_s[last - 1] - time_s[first])
        severity = width / _OPEN_UNIT * min(1.0, 0.5 + length / _LONG_S / 2)
        yield _moment(time_s, first, last, "lips open in silence", severity, "open_in_silence")


def find_missed(missed_s: Spans, gap: Curve, time_s: Times) -> Iterator[Moment]:
    """Give the closures at which the lips stayed apart.

    Args:
        missed_s: (M, 2) spans, s.
        gap: (N,) gap, e.
        time_s: (N,) times of the pictures, s.
    """
    limit = shut_gap(gap)
    for start, end in missed_s:
        near = (time_s >= start - 0.04) & (time_s <= end + 0.04) & np.isfinite(gap)
        if near.any():
            least = float(gap[near].min())
            severity = (least - limit) / _MISSED_UNIT
            what = "lips stay open on p, b or m"
            yield Moment(float(start), what, severity, float(end), "missed_closure")


def find_lags(sync: Sync, clear: float) -> Iterator[Moment]:
    """Give the windows in which the sound is clearly early or late.

    Args:
        sync: What was measured.
        clear: Confidence from which a window counts.
    """
    for window in sync.windows:
        if window.confidence >= clear and abs(window.lag_s) > _LAG_NOTICED_S:
            late = "late" if window.lag_s > 0 else "early"
            what = f"sound {1000 * abs(window.lag_s):.0f} ms {late}"
            severity = abs(window.lag_s) / _LAG_UNIT_S
            yield Moment(window.start_s, what, severity, window.end_s, "lag")


def find_jumps(jumps: Curve, time_s: Times) -> Iterator[Moment]:
    """Give the pictures at which the head jumps.

    Args:
        jumps: (N,) as `head.measure_jumps` gives them, e.
        time_s: (N,) times of the pictures, s.
    """
    for first, last in runs(np.nan_to_num(jumps) > _JUMP):
        severity = float(np.nanmax(jumps[first:last])) / _JUMP_UNIT
        yield _moment(time_s, first, last, "head jumps", severity, "head_jump")


def find_flashes(
    shot: npt.NDArray[np.int32], jumps: Sequence[Jump], time_s: Times
) -> Iterator[Moment]:
    """Give the shots of up to three pictures: a flash, or pictures out of their place.

    Args:
        shot: (N,) numbers of the shots.
        jumps: Pictures that are told of elsewhere.
        time_s: (N,) times of the pictures, s.
    """
    told = {jump.place + beside for jump in jumps for beside in (-1, 0, 1)}
    edges = np.concatenate([[0], np.flatnonzero(np.diff(shot)) + 1, [len(shot)]])
    for first, last in itertools.pairwise(edges.tolist()):
        if first > 0 and last < len(shot) and last - first <= _FLASH_PICTURES and first not in told:
            what = "picture out of place" if last - first == 1 else "pictures out of place"
            yield _moment(time_s, first, last, what, _FLASH, "flash")


def find_misfits(jumps: Sequence[Jump], time_s: Times) -> Iterator[Moment]:
    """Give the pictures that do not fit between their neighbours.

    Args:
        jumps: As `post.smooth.finder` gives them.
        time_s: (N,) times of the pictures, s.
    """
    for jump in jumps:
        what = "picture repeated" if jump.frozen else "picture out of place"
        severity = _REPEATED if jump.frozen else _MISPLACED
        yield _moment(time_s, jump.place, jump.place + 1, what, severity, "flash")


def find_lost(seen: Flags, time_s: Times) -> Iterator[Moment]:
    """Give the stretches in which no face is seen.

    Args:
        seen: (N,) whether a face is seen.
        time_s: (N,) times of the pictures, s.
    """
    for first, last in runs(~seen):
        length = float(time_s[last - 1] - time_s[first])
        severity = 0.5 + min(length / _LOST_UNIT_S, 2.5)
        yield _moment(time_s, first, last, "no face seen", severity, "lost_face")


def find_frozen(repeated: Flags, time_s: Times) -> Iterator[Moment]:
    """Give the stretches in which the picture stands still.

    Args:
        repeated: (N,) pictures that repeat the one before.
        time_s: (N,) times of the pictures, s.
    """
    for first, last in runs(repeated):
        length = float(time_s[last - 1] - time_s[max(first - 1, 0)])
        if length >= _FROZEN_S:
            severity = min(3.0, length / _LONG_S)
            yield _moment(time_s, first, last, "picture stands still", severity, "frozen")


def sort_moments(moments: list[Moment]) -> tuple[Moment, ...]:
    """Give the worst moments, worst first; equally bad ones by their times."""
    moments = [moment for moment in moments if moment.severity > 0]
    moments.sort(key=lambda moment: (-round(moment.severity, 2), moment.time_s))
    return tuple(moments[:MOST_MOMENTS])


def runs(flags: Flags) -> list[tuple[int, int]]:
    """Give the first place of every run of True and the place behind its last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _moment(time_s: Times, first: int, last: int, what: str, severity: float, name: str) -> Moment:
    return Moment(float(time_s[first]), what, severity, float(time_s[last - 1]), name)
