"""Open mouth in silence: the share of silence in which the lips stand open.

Silence is what our speech network is sure of for 0.4 s or longer, without 0.2 s after speech and
0.3 s before it. Lips are open where their gap is 0.03 e (about 2.5 mm) above rest, and rest is the
5th percentile of the gap in the whole video, at most 0.03 e: a mouth that never closes has no rest
of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opensonic.metrics.closures import Spans
from opensonic.metrics.evaluation import Curve

OPEN_GAP = 0.03
"""Gap above rest from which a mouth counts as open, e."""
MOST_REST = 0.03
"""Largest gap that counts as rest, e."""
_REST_QUANTILE = 0.05


class Quiet(NamedTuple):
    """The mouth in silence.

    Attributes:
        open_share: Share of the pictures in silence with open lips; NaN where there is none.
        pictures: Pictures in silence.
        is_open: (N,) which pictures of the video show open lips in silence.
        rest: Gap at rest, e.
    """

    open_share: float
    pictures: int
    is_open: npt.NDArray[np.bool_]
    rest: float


def find_rest(gap: Curve) -> float:
    """Give the gap at rest, e.

    Args:
        gap: (N,) gap between the inner lips, e; NaN where no face is seen.
    """
    seen = gap[np.isfinite(gap)]
    return min(float(np.quantile(seen, _REST_QUANTILE)), MOST_REST) if len(seen) else MOST_REST


def judge_silence(gap: Curve, time_s: npt.NDArray[np.float64], silences_s: Spans) -> Quiet:
    """Look at the mouth in silence.

    Args:
        gap: (N,) gap between the inner lips, e; NaN where no face is seen.
        time_s: (N,) times of the pictures, s.
        silences_s: (K, 2) start and end of silences, s.
    """
    rest = find_rest(gap)
    quiet = within(time_s, silences_s) & np.isfinite(gap)
    is_open = quiet & (np.nan_to_num(gap) > rest + OPEN_GAP)
    count = int(quiet.sum())
    share = float(is_open.sum() / count) if count else float("nan")
    return Quiet(share, count, is_open, rest)


def within(time_s: npt.NDArray[np.float64], spans: Spans) -> npt.NDArray[np.bool_]:
    """Tell which times lie in one of some spans.

    Args:
        time_s: (N,) seconds.
        spans: (K, 2) ascending, apart from each other.
    """
    place = np.searchsorted(spans[:, 0], time_s, side="right") - 1
    if not len(spans):
        return np.zeros(len(time_s), np.bool_)
    return np.asarray((place >= 0) & (time_s < spans[np.maximum(place, 0), 1]), np.bool_)
