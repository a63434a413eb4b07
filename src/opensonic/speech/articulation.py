"""What is heard becomes what the mouth does: network outputs at 100 Hz to mouth channels per frame.

Closures of p b m are certain, so they are not left to a smoothed curve: a heard closure shuts the
lips fully and long enough to be seen. Jaw and lips are separate systems (Cohen & Massaro 1993;
Edwards et al., "JALI", 2016): the jaw carries the vowel through a consonant that the lips make.
Sure silence relaxes the mouth to rest.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opensonic.channels import DROP_GAP, INDEX, JAW_GAP, MOUTH, RAISE_GAP
from opensonic.speech.network import APERTURE, CLOSURE, JAW, LABIODENTAL, TONGUE, WIDTH
from opensonic.speech.phones import PHONE_INDEX, PHONES, SILENCE
from opensonic.speech.prosody import Curve, smooth

GAP, STRETCH, PUCKER, JAW_HEIGHT, TONGUE_TIP, TUCK, SHUT = range(7)
"""Columns of the curves: gap in e, the rest 0 to 1."""
SURE_CLOSURE = 0.32
"""Score from which the lips shut; balances missed and false closures."""

_APERTURE_UNIT = 0.2
_MIN_CLOSURE_ROWS = 8
_RELEASE_ROWS = 5
_OPENING_SPEED, _CLOSING_SPEED = 0.018, 0.025
"""Fastest opening and closing of the lips, e per row, about 0.16 and 0.22 m/s: lips reach 0.25 to
0.3 m/s at the peak of a movement that starts and ends slowly."""
_SURE_SILENCE = 0.8
_SILENCE_ROWS = 15
_PARTING_ROWS, _SHAPING_ROWS = 12, 50
"""Rows ahead of speech in which lips part, and in which they take the shape of the first sound."""
_RELAX_SIGMA = 6.0
_SURE_SIGMA, _SURE_REACH = 25.0, 40
_SURE_SPEECH = (0.25, 0.4)
"""Probability of the likeliest phone, smoothed over half a second: music is below, speech above."""
_PARTED = 0.1
_WIDTH_GAIN = 1.8
_WIDE_GAIN = 1.5
"""Regression is timid by the share that it cannot explain: these give the extremes back."""
_RIVALS = [PHONE_INDEX[name] for name in ("t", "d", "k", "g", "n", "ng")]
_SMALL_APERTURE = 0.3
_PARTED_SIGMA = 2.0
_PRESENCE_SIGMA = 20.0
_UPPER_SHARE = 0.35


def _find_runs(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Give the first row and the row behind the last of every run of True, (N, 2)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return edges.reshape(-1, 2)


def closure_score(heard: npt.NDArray[np.float32]) -> Curve:
    """Weigh what speaks for shut lips: their certainty, a small opening, and no other stop.

    Args:
        heard: (T, 47) rows at 100 Hz.

    Returns:
        (T,) score; lips shut where it is above `SURE_CLOSURE`.
    """
    rival = heard[:, _RIVALS].max(1)
    rival = np.maximum(rival, np.maximum(np.roll(rival, 1), np.roll(rival, -1)))
    closed = np.clip(1 - heard[:, APERTURE] / _SMALL_APERTURE, 0, 1)
    score = 0.8 * heard[:, CLOSURE] + 0.2 * closed - 0.3 * rival
    return smooth(np.asarray(score, np.float32), 1.0)


def _shut_lips(score: Curve) -> Curve:
    """Turn scores of p b m into closures: 1 for 80 ms or more, eased by 50 ms."""
    rows = np.arange(len(score)) + 0.5
    shut = np.zeros(len(score), np.float32)
    for first, last in _find_runs(score > SURE_CLOSURE):
        spread = max(0.0, (_MIN_CLOSURE_ROWS - (last - first)) / 2)
        outside = np.maximum(first - spread - rows, rows - last - spread)
        ease = np.clip(1 - outside / _RELEASE_ROWS, 0, 1)
        shut = np.maximum(shut, ease * ease * (3 - 2 * ease)).astype(np.float32)
    return shut


def _limit_speed(gap: Curve, shut: Curve) -> Curve:
    """Let the gap that is left by closures change no faster than lips move.

    It grows later than asked and shrinks earlier, so that no closure is lost.
    """
    left = gap * (1 - shut)
    rows = np.arange(len(gap))
    rise, fall = _OPENING_SPEED * rows, _CLOSING_SPEED * rows
    limited = np.minimum.accumulate(left - rise) + rise
    limited = np.minimum.accumulate((limited + fall)[::-1])[::-1] - fall
    return np.asarray(gap * (limited / np.maximum(left, 1e-6)).clip(0, 1), np.float32)


def _awake(silence: Curve, ahead: int) -> Curve:
    """Give 0 in sure silence, 1 elsewhere and in the last `ahead` rows before speech."""
    asleep = np.zeros(len(silence), np.float32)
    for first, last in _find_runs(silence > _SURE_SILENCE):
        if last - first > _SILENCE_ROWS:
            asleep[first : last if last == len(silence) else max(first, last - ahead)] = 1
    return 1 - smooth(asleep, _RELAX_SIGMA)


def _spoken(phones: npt.NDArray[np.float32]) -> Curve:
    """Give 1 near speech and 0 where no phone is heard for sure, as in music or a crowd.

    Args:
        phones: (T, 39) probabilities of every phone but silence.
    """
    sure = smooth(phones.max(1), _SURE_SIGMA)
    padded = np.pad(sure, _SURE_REACH, "edge")
    nearby = np.lib.stride_tricks.sliding_window_view(padded, 2 * _SURE_REACH + 1).max(1)
    doubt, trust = _SURE_SPEECH
    return np.asarray(np.clip((nearby - doubt) / (trust - doubt), 0, 1), np.float32)


def _parted_lips(silence: Curve, sealed: Curve) -> Curve:
    """Give 1 around speech where no sound asks for the lips to meet: they part, and stay so."""
    presence = np.clip(2 * smooth(1 - silence, _PRESENCE_SIGMA), 0, 1)
    return smooth(presence * (1 - sealed), _PARTED_SIGMA)


def trace_curves(heard: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Turn network outputs into continuous curves.

    Args:
        heard: (T, 47) rows at 100 Hz.

    Returns:
        (T, 7) float32: columns `GAP` to `SHUT`.
    """
    spoken = _spoken(np.delete(heard[:, : len(PHONES)], SILENCE, axis=1))
    awake = _awake(heard[:, SILENCE], _PARTING_ROWS) * spoken
    shaping = _awake(heard[:, SILENCE], _SHAPING_ROWS) * spoken
    tuck = smooth(heard[:, LABIODENTAL], 1.0) * awake
    shut = _shut_lips(closure_score(heard)) * spoken
    width = heard[:, WIDTH] * _WIDTH_GAIN * shaping
    opening = np.maximum(heard[:, APERTURE], 0)
    opening = opening * (1 + (_WIDE_GAIN - 1) * np.clip(opening - 0.3, 0, 0.7))
    sealed = np.clip(heard[:, CLOSURE] + heard[:, LABIODENTAL], 0, 1)
    parted = _PARTED * _parted_lips(heard[:, SILENCE], sealed)
    return np.stack(
        [
            _limit_speed((opening + parted) * _APERTURE_UNIT * awake, shut),
            np.clip(width, 0, 1),
            np.clip(-width, 0, 1),
            np.clip(heard[:, JAW], 0, 1) * awake,
            np.clip(heard[:, TONGUE], 0, 1) * awake,
            np.clip(tuck, 0, 1),
            shut,
        ],
        axis=1,
    ).astype(np.float32)


def shape_mouth(curves: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Share the curves out among the mouth channels.

    Args:
        curves: (T, 7) curves at the frames' times.

    Returns:
        (T, 10) float32 mouth channels in the order of `channels.CHANNELS`.
    """
    shut, tuck, height = curves[:, SHUT], curves[:, TUCK], curves[:, JAW_HEIGHT]
    gap = curves[:, GAP] * (1 - shut)
    by_jaw = gap * np.clip(0.35 + 0.5 * height, 0, 0.85)
    upper = np.minimum((gap - by_jaw) * _UPPER_SHARE, RAISE_GAP)
    lower = np.minimum(gap - by_jaw - upper, DROP_GAP)
    carried = np.maximum(0.25 * height * shut, 0)
    mouth = np.zeros((len(curves), MOUTH.stop), np.float32)
    mouth[:, INDEX["jaw_open"]] = (gap - upper - lower) / JAW_GAP + carried
    mouth[:, INDEX["mouth_close"]] = carried
    mouth[:, INDEX["lip_pucker"]] = curves[:, PUCKER]
    mouth[:, INDEX["lip_stretch"]] = curves[:, STRETCH]
    mouth[:, INDEX["lip_press"]] = shut
    mouth[:, INDEX["upper_lip_raise"]] = upper / RAISE_GAP
    mouth[:, INDEX["lower_lip_drop"]] = lower / DROP_GAP
    mouth[:, INDEX["lower_lip_tuck"]] = tuck * (1 - shut)
    mouth[:, INDEX["tongue_up"]] = curves[:, TONGUE_TIP] * (1 - shut)
    return np.clip(mouth, 0, 1)
