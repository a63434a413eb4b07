"""Faults that are planted in videos, and which of them count.

Every fault takes the place of one frame; the video keeps its length.

- dropped: a frame is missing and its place is held by the one before it: a freeze, then a leap.
- doubled: a frame is shown twice and all behind it comes one place later: a freeze, no leap.
- shifted: the whole frame is displaced by 2 to 10 px at 512 px.
- wrong time: the frame shows what is 3 to 12 frames earlier or later.
- light: the frame is 3 to 10 % brighter or darker.
- texture: coarse noise lies on the frame, as a decoder's flicker does.
- early: a frame is missing and its place is held by the one after it: a leap, then a freeze.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
Frame = npt.NDArray[np.uint8]

FROZEN = ("dropped", "doubled", "early")
"""Faults that show a frame twice."""
DISPLACED = ("shifted", "wrong time", "light", "texture")
"""Faults after which a frame does not fit its neighbours."""
KINDS = ("dropped", "doubled", "shifted", "wrong time", "light", "texture", "early")
"""All of them."""
COUNTS = (
    "A dropped or doubled frame counts where something moves: the step that is missing is at "
    "least half the median step of the 17 frames around, and 2 of 255 (root mean square, 42 dB: "
    "less than the encoder leaves); when the person is still, nobody can see it. A displaced frame "
    "counts when it is further from the one that belongs there than both its neighbours are."
)
"""Which faults count, in words."""

EDGE = 14
"""Frames at both ends in which nothing is planted."""

_APART = (14, 30)
_AROUND = 8
_HALF_STEP = 0.5
_SEEN_LEVELS = 2.0


@dataclass(frozen=True, eq=False)
class Harmed:
    """A video with faults of one kind.

    Attributes:
        frames: (T, H, W, 3) uint8 RGB, as many as the unharmed video has.
        places: Frames that are faults.
        counting: Those that count.
        truth: By place, the frame that belongs there; none where nobody knows it.
        either: Of doubled frames, the place of the second by that of the first: either may be made
            anew, for none is missing.
    """

    frames: Frames
    places: tuple[int, ...]
    counting: frozenset[int]
    truth: dict[int, Frame]
    either: dict[int, int]


def distance(first: Frame, second: Frame) -> float:
    """Give the root mean square difference of two frames, of 255."""
    return float(np.sqrt(np.mean((first.astype(np.float32) - second) ** 2)))


def plant(frames: Frames, kind: str, seed: int, between: Frames | None = None) -> Harmed:
    """Plant faults of one kind, 14 to 29 frames apart.

    Args:
        frames: (T, H, W, 3) uint8 RGB, unharmed.
        kind: Word of `KINDS`.
        seed: Of the places and sizes.
        between: (T, H, W, 3), the true frame half-way from each frame to the next, where known.
    """
    generator = np.random.default_rng(seed)
    harmed = frames.copy()
    places, counting, truth, late = [], set(), {}, 0
    place = EDGE
    while place < len(frames) - EDGE:
        source = place - late
        if kind == "doubled":
            late += 1
            harmed[place:] = frames[source - 1 : len(frames) - late]
            if between is not None:
                truth[place] = between[source - 1]
        else:
            harmed[place] = _harm(frames, place, kind, generator)
            truth[place] = frames[place]
        if _counts(frames, source, kind, harmed[place]):
            counting.add(place)
        places.append(place)
        place += int(generator.integers(*_APART))
    either = {each - 1: each for each in places} if kind == "doubled" else {}
    return Harmed(harmed, tuple(places), frozenset(counting), truth, either)


def _harm(frames: Frames, place: int, kind: str, generator: np.random.Generator) -> Frame:
    if kind == "dropped":
        return frames[place - 1]
    if kind == "early":
        return frames[place + 1]
    if kind == "wrong time":
        return frames[place + int(generator.integers(3, 13)) * int(generator.choice([-1, 1]))]
    frame = frames[place]
    height, width = frame.shape[:2]
    if kind == "shifted":
        angle = generator.uniform(0, 2 * np.pi)
        size = generator.uniform(2, 10) * max(height, width) / 512
        moved = np.array([[1, 0, size * np.cos(angle)], [0, 1, size * np.sin(angle)]], np.float32)
        shifted = cv2.warpAffine(frame, moved, (width, height), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(shifted, np.uint8)
    if kind == "light":
        changed = frame * (1 + generator.choice([-1, 1]) * generator.uniform(0.03, 0.1))
    else:
        noise = generator.normal(size=(height // 8, width // 8)).astype(np.float32)
        noise = np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))
        changed = frame + noise[..., None] * generator.uniform(4, 10)
    return np.clip(changed + 0.5, 0, 255).astype(np.uint8)


def _counts(frames: Frames, place: int, kind: str, harmed: Frame) -> bool:
    before, here, after = frames[place - 1], frames[place], frames[place + 1]
    if kind in DISPLACED:
        return distance(harmed, here) > max(distance(before, here), distance(here, after))
    near = range(max(1, place - _AROUND), min(len(frames), place + _AROUND + 1))
    usual = np.median([distance(frames[k - 1], frames[k]) for k in near])
    step = distance(here, after) if kind == "early" else distance(before, here)
    return step >= max(_HALF_STEP * usual, _SEEN_LEVELS)
