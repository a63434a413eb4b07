"""How sure a lag is: evidence at every lag becomes the probability of the best one.

At each lag stand two scores, the evidence itself and its height over what the same lips and sound
give at lags far away. A logistic function of both, fitted to trials with right and wrong sounds
(`train.sync.trials`), says how much more likely they are if this is the lag than if the sound
belongs to other lips. A prior over lags (most videos are nearly in sync) makes a posterior of that,
so that a wider search does not make chance win.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensonic.post.sync.match import EVIDENCE_RATE, LAG_RATE

_OFFSET, _OF_SCORE, _OF_HEIGHT = -4.96, 0.322, 0.633
_USUAL_LAG_S, _USUAL_SHARE = 0.1, 0.7
_BELONGING = 0.5
"""Prior probability that lips and sound belong together."""
_NEAR_S = 0.04
_FAR_S = 0.25
_LEAST_OVERLAP = 0.4
_LEAST_S = 0.5
_FIT_LAGS = 3

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judgement:
    """The best lag.

    Attributes:
        lag_s: Seconds by which the sound comes later than the lips, between the lags compared.
        confidence: Probability that lips and sound belong together, at this lag.
    """

    lag_s: float
    confidence: float


def scores(sums: Array, counts: Array) -> tuple[Array, Array]:
    """Give evidence at every lag and its height over that of lags far away, (K,) each.

    Args:
        sums: (K,) evidence summed over time.
        counts: (K,) seconds in each sum.
    """
    score = sums / np.sqrt(np.maximum(counts, _LEAST_S) * EVIDENCE_RATE)
    known = counts >= _LEAST_OVERLAP * counts.max()
    places = np.arange(len(score))
    best = int(np.where(known, score, -np.inf).argmax())
    far = score[known & (np.abs(places - best) > _FAR_S * LAG_RATE)]
    if len(far) < 2:
        return np.zeros_like(score), np.zeros_like(score)
    height = (score - far.mean()) / (far.std() + 1e-9)
    return np.where(known, score, -np.inf), np.where(known, height, -np.inf)


def judge(sums: Array, counts: Array, max_lag_s: float, usual_lag_s: float = 0.0) -> Judgement:
    """Find the best lag and how likely it is.

    Args:
        sums: (K,) evidence summed over time, at lags of 1 / `LAG_RATE` s around 0.
        counts: (K,) seconds in each sum.
        max_lag_s: Largest lag that is believed, s.
        usual_lag_s: Lag around which others are less likely, s.
    """
    if counts.max() < _LEAST_S:
        return Judgement(usual_lag_s, 0.0)
    score, height = scores(sums, counts)
    lags_s = (np.arange(len(sums)) - len(sums) // 2) / LAG_RATE
    allowed = (np.abs(lags_s) <= max_lag_s + 1e-9) & np.isfinite(score)
    if not allowed.any():
        return Judgement(usual_lag_s, 0.0)
    odds = np.full(len(sums), -np.inf)
    odds[allowed] = log_odds(score[allowed], height[allowed])
    distance = np.abs(lags_s - usual_lag_s) / _USUAL_LAG_S
    near = np.where(allowed, np.exp(-distance), 0)
    prior = _USUAL_SHARE * near / near.sum() + (1 - _USUAL_SHARE) * allowed / allowed.sum()
    logs = np.where(allowed, odds + np.log(np.maximum(prior, 1e-12)), -np.inf)
    top = max(float(logs.max()), 0.0)
    mass = np.exp(logs - top)
    best = int(logs.argmax())
    kept = mass[np.abs(lags_s - lags_s[best]) <= _NEAR_S].sum()
    other = (1 - _BELONGING) / _BELONGING * np.exp(-top)
    return Judgement(_summit(score, best, lags_s), float(kept / (mass.sum() + other)))


def log_odds(score: Array, height: Array) -> Array:
    """Give how much more likely scores are at the right lag than for a wrong sound.

    Args:
        score: (K,) evidence at every lag, as `scores` gives it.
        height: (K,) its height, the same.

    Returns:
        (K,) logarithms of the odds, nats.
    """
    return _OFFSET + _OF_SCORE * score + _OF_HEIGHT * height


def _summit(score: Array, best: int, lags_s: Array) -> float:
    """Give the top of the parabola through the scores around the best lag, s."""
    near = np.arange(max(0, best - _FIT_LAGS), min(len(score), best + _FIT_LAGS + 1))
    near = near[np.isfinite(score[near])]
    if len(near) < 2 * _FIT_LAGS + 1:
        return float(lags_s[best])
    bend, slope, _ = np.polyfit(near - best, score[near], 2)
    top = -slope / (2 * bend) if bend < 0 else 0.0
    return float(lags_s[best] + np.clip(top, -_FIT_LAGS, _FIT_LAGS) / LAG_RATE)
