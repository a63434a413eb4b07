"""Which frames are jumps: those alone that stand out from what half a second around them does.

Two faults are told:

- **Displaced**: the frame fits to neither neighbour although these fit to each other. It was
  shifted, flickers, or comes from another time.
- **Frozen**: the frame repeats the one before it (or after it) amid movement. A frame was dropped
  and its place held by a copy, or one was doubled.

Both are measured against the frames around them, so that a restless video, a shaking camera or a
rhythm of repeated frames (film at another rate) is left as it is: only what is alone is a fault.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from opensonic.post.smooth.evidence import Evidence

REACH = 8
"""Frames on each side with which one is compared."""
MIN_AROUND = 8
"""Frames that it must be compared with, at least: the first and the last two are never judged."""
DISPLACED_SCORE = 1.3
"""Residual over the largest around it, times how much the frame stands out from both neighbours.
Found on real and rendered talking videos: frames of theirs reach 1.06; shifted and flickering ones
start at 1.5."""
MIN_LEAD = 1.2
"""And the residual alone is so many times the largest around it."""
RESTLESS = 0.75
"""Where two frames around stand out so much, the video is restless and nothing is a fault: frames
of calm videos, blinks and plosives included, stay below."""
COPIES = ((0.03, -1.0), (0.12, -0.4), (0.18, 0.2))
"""A repeated frame differs from its copy by less than the first number, a share of the usual step,
while movement goes on by at least the second (`Evidence.onward`): a turn of the movement, too, has
a small step, of 0.09 and more, but what comes after it is against what came before."""
MOVING_SHARE = 0.25
"""And the steps before and after it are at least this share of the usual one."""
EARLY_LEAP = 1.6
"""The leap lies before a frozen pair where the step into it is so many times the one out of it;
else behind it, as it does where a dropped frame's place is held."""
FLASH_LEVELS = 24.0
"""A frame brighter or darker by more, of 255, is a flash and meant."""

_NOISE_LEVELS = 0.15
_MOVING_LEVELS = 0.12
_LONE_SHARE = 0.12
_RHYTHM_SHARE, _RHYTHM_TIMES = 0.35, 3.0
_MANY = 2
_CUT_SHARE = 3.0
_CUT_LEVELS = 2.0


def is_displaced(around: Sequence[Evidence | None], place: int) -> bool:
    """Tell whether a frame is displaced.

    Args:
        around: Evidence of consecutive frames; None where there is none or a fault was found.
        place: The frame's index in `around`.
    """
    here = around[place]
    if here is None or abs(here.brighter) > FLASH_LEVELS or _is_cut(around, place):
        return False
    near = [around[k] for k in (place - 1, place + 1) if 0 <= k < len(around)]
    largest = all(each is None or each.residual <= here.residual for each in near)
    return largest and not _is_restless(around, place) and _score(around, place) >= DISPLACED_SCORE


def _is_restless(around: Sequence[Evidence | None], place: int) -> bool:
    """Tell whether other frames around stand out, too, as they do where a camera shakes."""
    standing_out = [
        each
        for k, each in enumerate(around)
        if each is not None and 1 < abs(k - place) <= REACH and each.stands_out > RESTLESS
    ]
    return len(standing_out) >= _MANY


def _score(around: Sequence[Evidence | None], place: int) -> float:
    here = around[place]
    others = [
        each.residual
        for k, each in enumerate(around)
        if each is not None and 1 < abs(k - place) <= REACH
    ]
    if here is None or len(others) < MIN_AROUND:
        return 0.0
    lead = here.residual / max(*others, _NOISE_LEVELS)
    return lead * here.stands_out if lead >= MIN_LEAD else 0.0


def _is_cut(around: Sequence[Evidence | None], place: int) -> bool:
    """Tell whether the frames before and after one are of different shots: nothing lies between."""
    overs = [
        each.over
        for k, each in enumerate(around)
        if each is not None and 1 < abs(k - place) <= REACH
    ]
    here = around[place]
    if here is None or not overs:
        return True
    return here.over > _CUT_SHARE * statistics.median(overs) + _CUT_LEVELS


def is_frozen(around: Sequence[Evidence | None], place: int) -> bool:
    """Tell whether a frame repeats the one before it amid movement that goes on.

    Args:
        around: As for `is_displaced`.
        place: The same.
    """
    here = around[place]
    if here is None or _is_cut(around, place):
        return False
    steps = {
        k: each.step
        for k, each in enumerate(around)
        if each is not None and k != place and abs(k - place) <= REACH
    }
    if len(steps) < MIN_AROUND:
        return False
    usual = statistics.median(steps.values())
    before = steps.get(place - 1, 0.0)
    return (
        usual >= _MOVING_LEVELS
        and any(here.step < share * usual and here.onward >= way for share, way in COPIES)
        and min(before, here.next_step) >= MOVING_SHARE * usual
        and _is_alone(here.step, sorted(steps.values()), usual)
    )


def _is_alone(step: float, others: Sequence[float], usual: float) -> bool:
    """Tell whether so small a step is no rhythm, as film at another rate has.

    Args:
        step: The small step.
        others: The steps around it, ascending.
        usual: Their median.
    """
    like_it = min(_RHYTHM_SHARE * usual, _RHYTHM_TIMES * step)
    return others[0] >= _LONE_SHARE * usual and others[_MANY] >= like_it


def copy_place(around: Sequence[Evidence | None], place: int) -> int:
    """Tell which frame of a frozen pair does not belong there: the one that the leap is next to.

    Args:
        around: As for `is_displaced`.
        place: Index of the second frame of the pair.

    Returns:
        `place`, or the one before it.
    """
    here, before = around[place], around[place - 1] if place else None
    if here is None or before is None:
        return place
    return place - 1 if before.step > EARLY_LEAP * here.next_step else place
