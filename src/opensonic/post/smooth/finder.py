"""Jumps found while pictures go by: each is judged when those around it have been seen.

`stream` mends what is found here, `metrics` counts it. A picture that does not lie on the way
between its neighbours was displaced, flickers, or comes from another time; one that repeats its
neighbour amid movement holds the place of a dropped one.
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
        self._n_seen = self._n_judged = 0

    @property
    def n_judged(self) -> int:
        """Pictures on which the verdict has fallen; that on the last may still move to it."""
        return self._n_judged

    def look(self, image: npt.NDArray[np.uint8]) -> list[Jump]:
        """Look at the next picture.

        Args:
            image: (H, W, 3) uint8 RGB.

        Returns:
            The jumps that are now known, none or one.
        """
        self._evidence[self._n_seen - 1] = self._examiner.examine(image)
        self._n_seen += 1
        return self._judge_up_to(self._n_seen - 1 - REACH - 1)

    def finish(self) -> list[Jump]:
        """Give the jumps among the pictures that are not judged yet; none comes after them."""
        return self._judge_up_to(self._n_seen)

    def _judge_up_to(self, number: int) -> list[Jump]:
        found = []
        while self._n_judged < number:
            jump = self._judge(self._n_judged)
            found += [] if jump is None else [jump]
            self._evidence.pop(self._n_judged - REACH - 2, None)
            self._n_judged += 1
        return found

    def _judge(self, number: int) -> Jump | None:
        first = number - REACH - 1
        around = [self._evidence.get(k) for k in range(first, number + REACH + 2)]
        place = number - first
        if is_displaced(around, place):
            jump = Jump(number, frozen=False)
        elif is_frozen(around, place):
            jump = Jump(first + copy_place(around, place), frozen=True)
        else:
            return None
        for near in (jump.place - 1, jump.place, jump.place + 1, number):
            self._evidence[near] = None  # the jump shows in their measures
        return jump
