"""Jumps between pictures, as `post.smooth` finds them: pictures out of place, and lone repeats.

A picture that does not lie on the way between its neighbours (dense optical flow, at 192 px) was
displaced, flickers, or comes from another time; one that repeats its neighbour amid movement holds
the place of a dropped one. `opensonic smooth` mends both.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opensonic.post.smooth.evidence import Evidence, Examiner
from opensonic.post.smooth.verdict import REACH, copy_place, is_displaced, is_frozen


class Jump(NamedTuple):
    """One picture that jumps.

    Attributes:
        place: Its number in the video.
        frozen: Whether it repeats its neighbour; else it is out of place.
    """

    place: int
    frozen: bool


class JumpFinder:
    """Looks at pictures in order; keeps the measures of the last two dozen."""

    def __init__(self) -> None:
        self._examiner = Examiner()
        self._evidence: dict[int, Evidence | None] = {}
        self._seen = self._judged = 0
        self._jumps: list[Jump] = []

    def look(self, image: npt.NDArray[np.uint8]) -> None:
        """Look at the next picture.

        Args:
            image: (H, W, 3) uint8 RGB.
        """
        self._evidence[self._seen - 1] = self._examiner.examine(image)
        self._seen += 1
        self._judge_up_to(self._seen - 1 - REACH - 1)

    def finish(self) -> list[Jump]:
        """Give all pictures that jump, in order."""
        self._judge_up_to(self._seen)
        return sorted(set(self._jumps))

    def _judge_up_to(self, number: int) -> None:
        while self._judged < number:
            self._judge(self._judged)
            self._evidence.pop(self._judged - REACH - 2, None)
            self._judged += 1

    def _judge(self, number: int) -> None:
        first = number - REACH - 1
        around = [self._evidence.get(k) for k in range(first, number + REACH + 2)]
        place = number - first
        if is_displaced(around, place):
            jump = Jump(number, frozen=False)
        elif is_frozen(around, place):
            jump = Jump(first + copy_place(around, place), frozen=True)
        else:
            return
        self._jumps.append(jump)
        for near in (jump.place - 1, jump.place, jump.place + 1, number):
            self._evidence[near] = None  # the jump shows in their measures
