"""Pictures of any frame rate as the 25 a second that the networks of the field want."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

RATE = 25
"""Pictures per second that come out."""
_LONGEST_HALF_S = 0.04
"""Half of the time for which the first and the last picture are taken to be shown at most, s."""
_HAIR_S = 1e-6


class Steady(Generic[T]):
    """Gives for each 25th of a second what is shown in its middle; holds one thing.

    Slot k is the time from k/25 s to (k+1)/25 s after the sound begins; it gets what is nearest to
    its middle in time. Slots before the sound, before the first picture or after the last are not
    given; a picture that stays is given again and again.
    """

    def __init__(self) -> None:
        self._held: tuple[float, T] | None = None
        self._slot: int | None = None
        self._half_s = 0.5 / RATE

    def push(self, time_s: float, thing: T) -> Iterator[tuple[int, T]]:
        """Take the next picture; give the slots that are now known.

        Args:
            time_s: Middle of the time for which it is shown, s; ascending.
            thing: What goes with it.

        Yields:
            Numbers of slots, ascending by one, and what is shown in each.
        """
        held, self._held = self._held, (time_s, thing)
        if held is not None:
            self._half_s = min((time_s - held[0]) / 2, _LONGEST_HALF_S)
            yield from self._until((held[0] + time_s) / 2, *held)

    def finish(self) -> Iterator[tuple[int, T]]:
        """Give the slots of the last picture, and be ready for another video."""
        held = self._held
        if held is not None:
            yield from self._until(held[0] + self._half_s - _HAIR_S, *held)
        self._held = self._slot = None
        self._half_s = 0.5 / RATE

    def _until(self, end_s: float, time_s: float, thing: T) -> Iterator[tuple[int, T]]:
        """Give the slots up to a time to one thing."""
        if self._slot is None:
            self._slot = max(0, math.ceil((time_s - self._half_s - _HAIR_S) * RATE - 0.5))
        while (self._slot + 0.5) / RATE < end_s:
            yield self._slot, thing
            self._slot += 1
