"""One eye, drawn into the sheet before that is laid out, and only when lids or gaze have moved.

What the lids show depends on their closure alone. It is drawn once for each of some closures, when
that is first needed, and mixed between them; they are so close to each other that an edge moves by
less than a pixel. A frame adds the eye ball, looking where it looks.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from opensonic.engines.mesh.lids import OPENEST, Lids
from opensonic.engines.mesh.sampling import Floats, Image
from opensonic.engines.mesh.sheet import Sheet

_PX_PER_LEVEL = 0.75
"""How far an edge of the lids moves from one drawn closure to the next, px of the picture."""
_MOST_LEVELS = 14
"""Fifths of the levels: one level is the picture's own opening."""
_NOTHING = 1e-4
"""Closure that is not seen."""
_REST = (0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class _Level:
    """Lids at one closure, without the ball.

    Attributes:
        skin: (H, W, 4) uint8 what the lids add, with their shadow.
        ball: (h, w, 4) uint8 share of the ball in each channel where an eye can be open, with the
            shadow of the lashes.
    """

    skin: Image
    ball: Image


class EyePatch:
    """The part of a sheet around one eye.

    Args:
        lids: The eye's lids.
        sheet: The sheet; its part around the eye is drawn anew by `draw`.
        softness: Width of an edge, px.
    """

    def __init__(self, lids: Lids, sheet: Sheet, softness: float) -> None:
        self.lids = lids
        self._softness = softness
        self._target, self._places = sheet.borrow(lids.corners)
        self._rest = self._target.copy()
        n_levels = lids.height * (1 - OPENEST) / _PX_PER_LEVEL
        self._n_levels = 5 * int(np.clip(np.ceil(n_levels / 5), 2, _MOST_LEVELS))
        self._levels: dict[int, _Level] = {}
        widest = lids.show(self._places, OPENEST, softness)
        self._open = _box_of(widest.between)
        share, near = lids.find_ball(self._places)
        self._share = share[self._open]
        self._shift = near[self._open] * np.float32(-sheet.scale)
        grid = np.indices(self._rest.shape[:2], np.float32)
        self._ball_x, self._ball_y = grid[1][self._open].copy(), grid[0][self._open].copy()
        self._state = _REST

    @property
    def is_moved(self) -> bool:
        """Whether the eye differs from the picture's."""
        return self._state != _REST

    def draw(self, closure: float, gaze: tuple[float, float]) -> None:
        """Draw the eye into the sheet.

        Args:
            closure: 0 as in the picture, 1 shut.
            gaze: Shift of the iris to the right and down, px.
        """
        state = (closure if abs(closure) > _NOTHING else 0.0, *gaze)
        if state == self._state:
            return
        if state[0]:
            self._draw_lids(state[0], gaze)
        else:
            if self._state[0]:
                np.copyto(self._target, self._rest)
            share = self._share
            self._target[self._open] = cv2.blendLinear(
                self._look(gaze), self._rest[self._open], share, 1 - share
            )
        self._state = state

    def _look(self, gaze: tuple[float, float]) -> Image:
        """Read the eye ball where an eye can be open."""
        x = cv2.scaleAdd(self._shift, gaze[0], self._ball_x)
        y = cv2.scaleAdd(self._shift, gaze[1], self._ball_y)
        kind = cv2.BORDER_REPLICATE
        return np.asarray(cv2.remap(self._rest, x, y, cv2.INTER_LINEAR, borderMode=kind), np.uint8)

    def _draw_lids(self, closure: float, gaze: tuple[float, float]) -> None:
        at = (float(np.clip(closure, OPENEST, 1)) - OPENEST) / (1 - OPENEST) * self._n_levels
        first = min(int(at), self._n_levels - 1)
        share = at - first
        one, other = self._level(first), self._level(first + 1)
        cv2.addWeighted(one.skin, 1 - share, other.skin, share, 0, dst=self._target)
        seen = cv2.addWeighted(one.ball, 1 - share, other.ball, share, 0)
        ball = cv2.multiply(self._look(gaze), seen, scale=1 / 255)
        self._target[self._open] = cv2.add(self._target[self._open], ball)

    def _level(self, number: int) -> _Level:
        if number not in self._levels:
            closure = OPENEST + (1 - OPENEST) * number / self._n_levels
            lid = self.lids.show(self._places, closure, self._softness)
            upper, lower = self.lids.read(lid), self.lids.read_rest(lid.lower)
            skin = cv2.blendLinear(upper, lower, lid.above, lid.below)
            shade = np.asarray(lid.shade if closure > _NOTHING else np.ones_like(lid.shade))
            covered = 1 - lid.between
            rest = cv2.merge([covered * shade] * 3 + [covered])
            ball = cv2.merge([lid.between * shade] * 3 + [lid.between])[self._open]
            self._levels[number] = _Level(
                np.asarray(cv2.multiply(skin, rest, dtype=cv2.CV_8U), np.uint8),
                np.asarray(cv2.convertScaleAbs(ball, alpha=255), np.uint8),
            )
        return self._levels[number]


def _box_of(share: Floats) -> tuple[slice, slice]:
    """Give the rows and columns in which a share is not 0; at least one of each."""
    x, y, width, height = cv2.boundingRect(np.asarray(share > 0, np.uint8))
    return slice(y, y + max(height, 1)), slice(x, x + max(width, 1))
