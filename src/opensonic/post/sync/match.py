"""Seen beside heard: how much speaks for each lag, second by second.

Two small networks turn lips and sound into evidence (`train.sync` says how they learnt it). The
product of seen and heard evidence, summed over time, is high at the lag at which they fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from opensonic.post.sync.heard import N_BANDS, N_COLUMNS, HeardLips
from opensonic.post.sync.lips import LipTrack
from opensonic.speech.mel import QUIETEST
from opensonic.speech.network import N_HEARD, quiet_row
from opensonic.speech.windows import Rows, cut_windows
from opensonic.weights import open_session

if TYPE_CHECKING:
    import onnxruntime as ort

N_INPUTS = N_HEARD + N_BANDS
"""Columns that the network of the sound sees: those heard, without their loudness."""
N_EVIDENCE = 24
"""Numbers of evidence per row."""
EVIDENCE_RATE = 50
"""Rows of evidence a second."""
LAG_RATE = 100
"""Lags that are compared, per second."""

_INPUTS = np.delete(np.arange(N_COLUMNS), N_HEARD)
_STEP, _CONTEXT = 3000, 60
_PIECE_ROWS = 1500
_MIN_RUN_ROWS = 50
_MAX_GAP_S = 0.2

Evidence = npt.NDArray[np.float32]
"""(T, D) float32 at 50 Hz."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """How well seconds of video fit the sound at every lag.

    Attributes:
        start_s: (B,) where each begins, s.
        sums: (B, K) evidence for each lag, from -`reach` to +`reach`, 1 / `LAG_RATE` s apart.
        counts: (B, K) seconds in each sum.
        reach: Largest lag, in lags.
    """

    start_s: npt.NDArray[np.float64]
    sums: npt.NDArray[np.float64]
    counts: npt.NDArray[np.float64]
    reach: int

    def __len__(self) -> int:
        return len(self.start_s)


def evidence_heard(heard: HeardLips) -> Evidence:
    """Turn what is heard into evidence.

    Args:
        heard: What is heard.

    Returns:
        (T, D) float32 at 50 Hz; row k is centred on (k + 1/2) x 20 ms.

    Raises:
        WeightsError: The weights are missing or damaged.
    """
    session = open_session("sync_sound")
    quiet = np.concatenate([quiet_row(), np.full(N_BANDS, QUIETEST, np.float32)])

    def parts() -> Iterator[Rows]:
        for start in range(0, len(heard.rows), _STEP):
            yield heard.rows[start : start + _STEP, _INPUTS].astype(np.float32)

    kept = [np.empty((0, N_EVIDENCE), np.float32)]
    for window in cut_windows(parts(), _STEP, _CONTEXT, _CONTEXT, quiet):
        even = np.concatenate([window, np.tile(quiet, (len(window) % 2, 1))])
        (evidence,) = session.run(None, {"columns": even[None]})
        kept.append(np.asarray(evidence)[_CONTEXT // 2 : (len(even) - _CONTEXT) // 2])
    return np.concatenate(kept)


def compare(lips: LipTrack, evidence: Evidence, reach: int) -> Blocks:
    """Compare what is seen with what is heard at all lags up to `reach` / `LAG_RATE` s.

    Args:
        lips: What is seen.
        evidence: What is heard, as `evidence_heard` gives it.
        reach: Largest lag either way, in lags; even.

    Raises:
        WeightsError: The weights are missing or damaged.
    """
    session = open_session("sync_lips")
    starts: list[float] = []
    sums, counts = [], []
    for first, features in _pieces(lips):
        even = first + first % 2
        early = _embed(session, features[even - first :])
        late = _embed(session, features[even - first + 1 :])
        for start in range(0, min(len(early), len(late)), EVIDENCE_RATE):
            rows = slice(start, min(start + EVIDENCE_RATE, len(late)))
            place = even // 2 + start
            sides = [_products(part[rows], evidence, place, reach // 2) for part in (early, late)]
            starts.append(place / EVIDENCE_RATE)
            sums.append(_interleave(*(side[0] for side in sides)))
            counts.append(_interleave(*(side[1] for side in sides)) / EVIDENCE_RATE)
    shape = (len(starts), 2 * reach + 1)
    return Blocks(
        np.array(starts, np.float64),
        np.array(sums, np.float64).reshape(shape),
        np.array(counts, np.float64).reshape(shape),
        reach,
    )


def _products(
    seen: Evidence, heard: Evidence, place: int, reach: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Give sums and counts of the products of some rows at lags of -reach to +reach rows."""
    rows = place + np.arange(-reach, len(seen) + reach)
    there = (rows >= 0) & (rows < len(heard))
    beside = np.zeros((len(rows), seen.shape[1]), np.float32)
    beside[there] = heard[rows[there]]
    slid = np.lib.stride_tricks.sliding_window_view(beside, len(seen), axis=0)
    by_lag = np.einsum("kdn,nd->k", slid, seen)
    return by_lag.astype(np.float64), np.convolve(there, np.ones(len(seen)), "valid")


def _interleave(
    early: npt.NDArray[np.float64], late: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Join lags of 20 ms steps with those of lips that are taken 10 ms later."""
    joined = np.empty(2 * len(early) - 1)
    joined[::2], joined[1::2] = early, late[1:]
    return joined


def _embed(session: ort.InferenceSession, features: npt.NDArray[np.float32]) -> Evidence:
    even = features[: len(features) // 2 * 2]
    (evidence,) = session.run(None, {"features": even[None]})
    return np.asarray(evidence, np.float32)


def _pieces(lips: LipTrack) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Give stretches in which the lips are seen, at 100 Hz: number of the first row, rows."""
    places = np.flatnonzero(lips.seen)
    apart = (np.diff(lips.time_s[places]) > _MAX_GAP_S) | (np.diff(lips.shot[places]) != 0)
    for run in np.split(places, np.flatnonzero(apart) + 1):
        if len(run) < 2:
            continue
        times = lips.time_s[run] * LAG_RATE - 0.5
        first, last = int(np.ceil(times[0])), int(times[-1])
        n_pieces = max(1, round((last + 1 - first) / _PIECE_ROWS))
        for rows in np.array_split(np.arange(first, last + 1), n_pieces):
            if len(rows) >= _MIN_RUN_ROWS:
                columns = [np.interp(rows, times, column) for column in lips.features[run].T]
                yield int(rows[0]), np.stack(columns, axis=1).astype(np.float32)
