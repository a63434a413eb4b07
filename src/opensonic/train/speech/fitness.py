"""Which stretches of a tracked video can be learnt from, and why the others cannot.

A stretch is fit while one face is seen, large enough and not turned away, without a cut or a gap.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opensonic.errors import InputError
from opensonic.face.tracker import NO_FACE, SEEN, SEVERAL
from opensonic.train.speech.tracker import Track

MIN_RUN_S = 2.0
"""Shortest stretch that is used, s."""
MIN_EYES_PX = 32
"""Smallest distance of the outer eye corners, px."""
MAX_YAW_DEG, MAX_PITCH_DEG = 35.0, 40.0
"""Heads turned or nodding further hide their lips, degrees."""
MIN_RATE = 15
"""Pictures per second under which lips cannot be followed."""
MIN_MOVEMENT = 0.015
"""Range of the gap between the lips, in e, under which they stand still."""
MIN_SPEECH = 0.1
"""Share of the stretches in which somebody must be heard."""
MIN_CERTAINTY = 0.36
MIN_RANGE_DB = 7.0
"""Mean certainty of the phones, and range of loudness, under which noise hides the speech."""

_MAX_GAP_S = 0.2

Run = npt.NDArray[np.int64]
"""(N,) numbers of the pictures of one stretch, ascending."""


def find_runs(track: Track) -> list[Run]:
    """Find the stretches of at least `MIN_RUN_S` in which the lips are well seen.

    Args:
        track: What was seen of the video.

    Returns:
        The numbers of the pictures of each stretch; short gaps in between are to be bridged.

    Raises:
        InputError: There is none; the message is the bare reason.
    """
    if len(track.time_s) < 2 or track.time_s[-1] - track.time_s[0] < MIN_RUN_S:
        raise InputError(f"shorter than {MIN_RUN_S:g} s, or its pictures cannot be decoded")
    rate = 1 / float(np.median(np.diff(track.time_s)))
    if rate < MIN_RATE:
        raise InputError(f"only {rate:.0f} pictures a second; expected at least {MIN_RATE}")
    causes = _causes(track)
    fit = ~np.any(list(causes.values()), axis=0)
    places = np.flatnonzero(fit)
    apart = (np.diff(track.time_s[places]) > _MAX_GAP_S) | (np.diff(track.shot[places]) != 0)
    stretches = np.split(places, np.flatnonzero(apart) + 1)
    shortest_s = MIN_RUN_S - 1.5 / rate
    runs = [
        stretch
        for stretch in stretches
        if len(stretch) and np.ptp(track.time_s[stretch]) >= shortest_s
    ]
    if not runs:
        raise InputError(_main_cause(causes, fit))
    return runs


def _causes(track: Track) -> dict[str, npt.NDArray[np.bool_]]:
    """Give, for every reason in words, the pictures that it makes unfit."""
    seen = track.state == SEEN
    yaw, pitch = np.abs(track.turn_deg).T
    small = seen & (track.eyes_px < MIN_EYES_PX)
    size = float(np.median(track.eyes_px[small])) if small.any() else 0.0
    return {
        "no face found": track.state == NO_FACE,
        "several faces, and any of them may be speaking": track.state == SEVERAL,
        f"the face is too small: {size:.0f} px between the outer eye corners, "
        f"expected {MIN_EYES_PX}": small,
        "the face is turned away": seen & ((yaw > MAX_YAW_DEG) | (pitch > MAX_PITCH_DEG)),
    }


def _main_cause(causes: dict[str, npt.NDArray[np.bool_]], fit: npt.NDArray[np.bool_]) -> str:
    shares = {reason: float(pictures.mean()) for reason, pictures in causes.items()}
    reason = max(shares, key=lambda key: shares[key])
    if fit.mean() > 0.5 or shares[reason] < 0.2:
        return f"the face is lost or cut away before {MIN_RUN_S:g} s are together"
    return f"{reason} ({100 * shares[reason]:.0f} % of the pictures)"


def check_movement(gap: npt.NDArray[np.float32]) -> None:
    """Refuse lips that stand still.

    Args:
        gap: (T,) gap between the inner lips, e.

    Raises:
        InputError: They do not move; the message is the bare reason.
    """
    low, high = np.quantile(gap, (0.05, 0.95))
    if high - low < MIN_MOVEMENT:
        raise InputError("the lips do not move: a photograph, or a narrator over a silent face")


def check_speech(
    phones: npt.NDArray[np.float32],
    silence: npt.NDArray[np.float32],
    level: npt.NDArray[np.float32],
) -> None:
    """Refuse sound in which no speech, or hardly any, can be made out.

    Args:
        phones: (T,) probability of the likeliest phone.
        silence: (T,) probability of silence.
        level: (T,) mean of the log-mel bands, natural logarithm of power.

    Raises:
        InputError: Nobody speaks, or noise hides it; the message is the bare reason.
    """
    speaking = silence < 0.5
    share = float(speaking.mean())
    if share < MIN_SPEECH:
        raise InputError(f"nobody is heard to speak ({100 * share:.0f} % of the time)")
    certainty = float(phones[speaking].mean())
    low, high = np.quantile(level, (0.1, 0.95)) * (10 / np.log(10))
    if certainty < MIN_CERTAINTY or high - low < MIN_RANGE_DB:
        raise InputError(
            f"noise or music hides the speech (sounds are made out with a certainty of "
            f"{certainty:.2f}, expected {MIN_CERTAINTY}; loudness ranges over {high - low:.0f} dB, "
            f"expected {MIN_RANGE_DB:.0f})"
        )
