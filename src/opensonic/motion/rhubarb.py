"""Rhubarb Lip Sync's nine mouth shapes, brought to life as mouth channels.

Rhubarb (github.com/DanielSWolf/rhubarb-lip-sync) says which of nine drawings to show when. Drawings
switch; a mouth moves: each change takes up to `TRANSITION_S`, half of it before and half after its
moment. A closure is no shape to pass through on the way: lips are shut for the whole of an A, and
its neighbours do the opening and closing. What the neighbours' lips do sideways goes on through it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from opensonic.channels import INDEX, MOUTH

Floats = npt.NDArray[np.float32]

RATE = 100
"""Rows per second of the motion that is made: Rhubarb's own resolution, Hz."""
TRANSITION_S = 0.12
"""Longest time from one shape to the next, seconds."""

SHAPES: dict[str, dict[str, float]] = {
    "A": {"lip_press": 0.7},
    "B": {
        "jaw_open": 0.05,
        "upper_lip_raise": 0.25,
        "lower_lip_drop": 0.35,
        "lip_stretch": 0.35,
    },
    "C": {
        "jaw_open": 0.30,
        "upper_lip_raise": 0.30,
        "lower_lip_drop": 0.40,
        "lip_stretch": 0.15,
    },
    "D": {"jaw_open": 0.60, "upper_lip_raise": 0.45, "lower_lip_drop": 0.60},
    "E": {
        "jaw_open": 0.25,
        "upper_lip_raise": 0.15,
        "lower_lip_drop": 0.25,
        "lip_pucker": 0.45,
    },
    "F": {
        "jaw_open": 0.08,
        "upper_lip_raise": 0.10,
        "lower_lip_drop": 0.15,
        "lip_pucker": 0.90,
    },
    "G": {"jaw_open": 0.10, "upper_lip_raise": 0.70, "lower_lip_tuck": 0.90},
    "H": {
        "jaw_open": 0.36,
        "upper_lip_raise": 0.30,
        "lower_lip_drop": 0.40,
        "tongue_up": 1.0,
    },
    "X": {},
}
"""What each shape is in our channels: closed and pressed; teeth nearly closed; open; wide open;
open and slightly round; puckered; lower lip at the upper teeth; open with the tongue up; rest."""

_SIDEWAYS = ("lip_pucker", "lip_stretch")
_CARRIED = 0.6
"""Share of its neighbours' width that a closure keeps."""


@dataclass(frozen=True)
class Cue:
    """One shape for a while.

    Attributes:
        start_s: When it comes, seconds.
        end_s: When it goes, seconds.
        shape: A letter of `SHAPES`.
    """

    start_s: float
    end_s: float
    shape: str


def fill_gaps(cues: list[Cue]) -> list[Cue]:
    """Put rest where no shape is shown, and join equal shapes that follow each other.

    Args:
        cues: In order, without overlap.
    """
    joined: list[Cue] = []
    for cue in cues:
        end = joined[-1].end_s if joined else 0.0
        if cue.start_s > end:
            joined.append(Cue(end, cue.start_s, "X"))
        if joined and joined[-1].shape == cue.shape:
            joined[-1] = Cue(joined[-1].start_s, cue.end_s, cue.shape)
        elif cue.end_s > cue.start_s:
            joined.append(cue)
    return joined


def perform_cues(cues: list[Cue]) -> Floats:
    """Move a mouth through shapes.

    Args:
        cues: In order, without overlap and gaps, from 0 on, no two equal shapes in a row.

    Returns:
        (T, 10) float32 mouth channels at `RATE`; row i stands for (i + 1/2) / `RATE` seconds.
    """
    targets = _targets(cues)
    n_rows = max(1, round(cues[-1].end_s * RATE))
    times = (np.arange(n_rows) + 0.5) / RATE
    starts = np.array([cue.start_s for cue in cues])
    rows = targets[np.clip(np.searchsorted(starts, times, "right") - 1, 0, None)]
    for number, (before, after) in enumerate(pairwise(cues)):
        begin, end = _transition(before, after)
        part = slice(*np.searchsorted(times, (begin, end)).tolist())
        share = (times[part] - begin) / max(end - begin, 1e-9)
        share = (share * share * (3 - 2 * share))[:, None]
        rows[part] = (1 - share) * targets[number] + share * targets[number + 1]
    return rows.astype(np.float32)


def _targets(cues: list[Cue]) -> npt.NDArray[np.float64]:
    """(N, 10) channels of each cue; closures keep some of the width around them."""
    targets = np.zeros((len(cues), MOUTH.stop))
    for row, cue in zip(targets, cues, strict=True):
        for channel, value in SHAPES[cue.shape].items():
            row[INDEX[channel]] = value
    sideways = [INDEX[channel] for channel in _SIDEWAYS]
    for number, cue in enumerate(cues):
        if cue.shape == "A":
            around = targets[max(number - 1, 0) : number + 2, sideways]
            targets[number, sideways] = _CARRIED * around.max(axis=0)
    return targets


def _transition(before: Cue, after: Cue) -> tuple[float, float]:
    """Say when one shape begins to turn into the next, and when it has become it."""
    moment = after.start_s
    if before.shape == "A":
        return moment, moment + min(TRANSITION_S, (after.end_s - after.start_s) / 2)
    if after.shape == "A":
        return moment - min(TRANSITION_S, (before.end_s - before.start_s) / 2), moment
    half = min(TRANSITION_S, before.end_s - before.start_s, after.end_s - after.start_s) / 2
    return moment - half, moment + half
