"""How lids close: the upper one unrolls and comes down, the lower one rises a little.

Skin of a lid moves up and down only, in the frame of its eye, so that each column of the eye is a
line on which the movement is inverted exactly, however far the lid is drawn out. That is done once
per portrait for some degrees of closure; a frame takes the mean of two of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.eyes import FOLD, LOWER_SHARE, REACH, SAMPLES, Eye
from opensonic.engines.mesh.lid_skin import LidSkin, Reader, find_seam
from opensonic.engines.mesh.rig import Rig
from opensonic.engines.mesh.sampling import Floats, Image, sample
from opensonic.engines.mesh.warp import ramp

OPENEST = -0.25
"""Least closure that is shown: wide eyes."""
_LEVELS = 11
_ROWS = 121
_SHADOW = 0.011
"""How far the shadow of the lashes reaches, e; it lies on the edge of the lower lid more."""
_LASHES = 0.52
"""What lashes take at most from the light along the closed line."""
_TUCK = 0.0095
"""Height of the rim that goes behind the closed line, e."""
_FAN_IN, _FAN_OUT = 1.0, 2.5
"""How far the lashes lean away from the middle of the eye, at its inner and at its outer end."""
_DRAWN_OUT = 1.3
"""How much more the skin near the rim is drawn out than that near the brow."""
_FOLD_ROOM = 0.3
"""Share of the room up to the brow that the fold over the lashes comes down at most."""
_BESIDE, _AROUND = 0.35, (-0.9, 0.7)
"""How far beside and around an eye its lids read the picture, e."""
_UNDER_CORNER = 0.10
_SLIGHT = 0.05
"""Closure from which the unrolled picture is shown alone; it is a little softer than the picture.
"""
_PRESSED = 0.75
"""How far the skin is pressed together at most."""


def surroundings(eye: Eye, rig: Rig) -> Floats:
    """Give the corners of all that is read for the lids of an eye: (4, 2) float32, px."""
    x = REACH * eye.half + _BESIDE
    box = np.array([[across, down] for across in (-x, x) for down in _AROUND], np.float32)
    return np.asarray(eye.middle + box @ rig.camera.axes[:2], np.float32)


@dataclass(frozen=True, eq=False)
class Lid:
    """What the pixels of a patch show of an eye; the shares add up to 1.

    Attributes:
        closure: 0 as in the picture, 1 shut.
        still: (H, W, 2) float32 places of the picture that it shows at closure 0, px.
        upper: (H, W, 2) float32 places of the unrolled picture that the upper lid shows, px.
        lower: (H, W, 2) float32 places of the picture that the lower lid shows, px.
        above: (H, W) float32 share of the upper lid.
        below: (H, W) float32 share of the lower lid.
        between: (H, W) float32 share of the eye ball.
        shade: (H, W) float32 factor of the lashes' shadow.
    """

    closure: float
    still: Floats
    upper: Floats
    lower: Floats
    above: Floats
    below: Floats
    between: Floats
    shade: Floats


class Lids:
    """Both lids of one eye.

    Args:
        eye: The eye.
        rig: The portrait's rig.
        read: Reads the picture.
    """

    def __init__(self, eye: Eye, rig: Rig, read: Reader) -> None:
        self._e = float(rig.e)
        self.read_rest = read
        self._axes = rig.camera.axes[:2]
        self._down = rig.camera.axes[1]
        self.eye = eye
        top = float((eye.upper - eye.room).min()) - 0.02
        bottom = float(eye.lower.max()) + 0.16
        self._y = np.linspace(top, bottom, _ROWS, dtype=np.float32)
        into = np.linalg.inv(self._axes)
        scale = np.array([(SAMPLES - 1) / (2 * REACH * eye.half), (_ROWS - 1) / (bottom - top)])
        self._matrix = np.asarray(into * scale, np.float32)
        self._shift = np.array([(SAMPLES - 1) / 2, -top * scale[1]], np.float32)
        self._shift -= eye.middle @ self._matrix
        self._seam = find_seam(eye, self._axes, read)
        self._rim = self._find_way()
        columns = np.arange(SAMPLES)
        way = np.array([np.interp(self._seam[i], self._y, self._rim[:, i]) for i in columns])
        room = np.maximum(eye.room - (eye.upper - self._seam), 0.01)
        self._fold = np.minimum(FOLD * way, _FOLD_ROOM * room)
        self._way, self._room = way, room
        hidden = np.asarray(way - self._fold, np.float32)
        self._skin = LidSkin(eye, self._seam, hidden, (top, bottom), self._axes, read)
        self._hidden = hidden
        self._lashes = self._measure_lashes()
        self._levels: dict[int, Floats] = {}
        of_source = self._skin.per_e / scale
        self._to_skin = np.column_stack(
            [np.diag(of_source), -self._skin.corner * self._skin.per_e]
        ).astype(np.float32)
        self._to_skin[:, 2] += np.array([-REACH * eye.half, top]) * self._skin.per_e

        self.height = self._e * float((eye.lower - eye.upper).max())
        """Height of the open eye, px."""
        x = REACH * eye.half
        self.corners = self._place((-x, x), (top, bottom))
        """(4, 2) float32 corners of what the lids can move, px."""
        self._rest = self._draw_rest()

    def _place(self, across: tuple[float, float], down: tuple[float, float]) -> Floats:
        box = np.array([[x, y] for x in across for y in down], np.float32)
        return np.asarray(self.eye.middle + box @ self._axes, np.float32)

    def _measure_lashes(self) -> float:
        """Say how dark the shadow of the lashes must be: where the lid's edge is dark, hardly."""
        eye = self.eye
        middle = np.abs(eye.grid) < 0.6
        right = eye.middle + (eye.grid * eye.half)[:, None] * self._axes[0]

        def light(up: Floats) -> float:
            places = right + (eye.upper - up)[..., None] * self._axes[1]
            seen = self.read_rest(np.asarray(places[:, middle], np.float32))
            return float(seen[..., :3].mean())

        rim = light(np.linspace(_TUCK, 0.5 * _TUCK + 0.012, 4, dtype=np.float32)[:, None])
        skin = light(eye.upper - self._seam + np.linspace(0, 0.03, 4, dtype=np.float32)[:, None])
        is_open = float(ramp(np.asarray(np.max(eye.lower - eye.upper), np.float32), 0.0, 0.03))
        return is_open * _LASHES * float(np.clip(1.4 * rim / max(skin, 1.0) - 0.4, 0.65, 1))

    def _find_way(self) -> Floats:
        """(R, Q) float32: how far each height of the rim comes down, shut, e."""
        eye, y = self.eye, self._y[:, None]
        gap, s = eye.lower - eye.upper, eye.grid
        away = eye.upper - y
        outwards = s * eye.outer
        fan = np.where(outwards > 0, _FAN_OUT, _FAN_IN)
        root = s / (1 + fan * np.clip(away, 0, 0.04))
        way = (1 - LOWER_SHARE) * np.interp(root, s, gap) + _TUCK * np.interp(
            root, s, np.clip(gap * 30, 0, 1)
        )
        beside = ramp(np.abs(s), 0.95, 1.15)
        return _ease(way * (1 - beside * ramp(-away, 0.0, _UNDER_CORNER)), self._y)

    def _solve(self, closure: float) -> Floats:
        """(R, Q, 4) float32: ways back to the skin of both lids in e, px under both edges.

        The way of the upper lid leads to the unrolled picture.
        """
        eye, y = self.eye, self._y
        gap = eye.lower - eye.upper
        upper = eye.upper + closure * (1 - LOWER_SHARE) * gap
        lower = eye.lower - max(closure, 0) * LOWER_SHARE * gap
        up = -max(closure, 0) * LOWER_SHARE * gap * (1 - ramp(y[:, None] - eye.lower, 0.0, 0.14))
        field = np.empty((_ROWS, SAMPLES, 4), np.float32)
        for i in range(SAMPLES):
            seam, hidden, way = self._seam[i], self._hidden[i], closure * self._way[i]
            fold = closure * self._fold[i] if closure > 0 else way
            above, below = y[y < seam], y[y > seam]
            near = np.clip(1 - (seam - above) / self._room[i], 0, 1) ** _DRAWN_OUT
            there = np.concatenate(
                [
                    above + fold * near,
                    [seam + fold, seam + way],
                    below + closure * self._rim[y > seam, i],
                ]
            )
            skin = np.concatenate([above, [seam, seam + hidden], below + hidden])
            field[:, i, 0] = np.interp(y, np.maximum.accumulate(there), skin) - y
            field[:, i, 1] = np.interp(y, np.maximum.accumulate(y + up[:, i]), y) - y
        step = 2 * REACH * eye.half / (SAMPLES - 1)
        for channel, edge in ((2, upper), (3, lower)):
            slope = np.gradient(edge) / step
            field[..., channel] = (y[:, None] - edge) * self._e / np.sqrt(1 + slope**2)
        return field

    def _level(self, number: int) -> Floats:
        if number not in self._levels:
            self._levels[number] = self._solve(OPENEST + (1 - OPENEST) * number / (_LEVELS - 1))
        return self._levels[number]

    def show(self, places: Floats, closure: float, softness: float) -> Lid:
        """Say what a patch shows.

        Args:
            places: (H, W, 2) float32 places of the picture that it would show unmoved, px.
            closure: 0 as in the picture, 1 shut.
            softness: Width of an edge, px.
        """
        at = (float(np.clip(closure, OPENEST, 1)) - OPENEST) / (1 - OPENEST) * (_LEVELS - 1)
        first = min(int(at), _LEVELS - 2)
        share = at - first
        field = cv2.addWeighted(self._level(first), 1 - share, self._level(first + 1), share, 0)
        maps = self._locate(places)
        seen = sample(np.asarray(field, np.float32), maps)
        to_upper, to_lower, under_upper, under_lower = cv2.split(seen)
        above, below = _share(under_upper, under_lower, softness)
        across = np.clip((maps[..., 0] * (2 / (SAMPLES - 1)) - 1) * REACH, -1, 1)
        width = max(_SHADOW * self._e, 0.7)
        near = np.exp(-((under_upper / width - 0.4) ** 2)) * (1 - across**2)
        strength = np.float32(self._lashes * np.clip(closure, 0, 1) ** 2)
        upper = np.asarray(cv2.transform(maps, self._to_skin), np.float32)
        upper[..., 1] += to_upper * np.float32(self._skin.per_e)
        return Lid(
            closure,
            places,
            upper,
            places + to_lower[..., None] * self._down,
            above,
            below,
            1 - above - below,
            1 - strength * near,
        )

    def read(self, lid: Lid) -> Image:
        """Read what the upper lid shows: (H, W, D) uint8, as what reads the picture gives it."""
        seen = self._skin.read(lid.upper, lid.closure)
        share = abs(lid.closure) / _SLIGHT
        if share >= 1:
            return seen
        return np.asarray(
            cv2.addWeighted(seen, share, self.read_rest(lid.still), 1 - share, 0), np.uint8
        )

    def _draw_rest(self) -> Floats:
        """(R, Q, 2) float32: share of the eye ball while the lids rest, and of the moving iris."""
        eye, rest = self.eye, self._solve(0.0)
        above, below = _share(rest[..., 2], rest[..., 3], 1.0)
        right = (eye.iris - eye.middle) @ np.linalg.inv(self._axes)
        away = np.abs(eye.grid * eye.half - right[0]) * self._e / eye.radius
        near = np.broadcast_to(1 - ramp(away.astype(np.float32), 1.0, 2.4), above.shape)
        return np.ascontiguousarray(np.stack([1 - above - below, near], -1), np.float32)

    def find_ball(self, places: Floats) -> tuple[Floats, Floats]:
        """Say where the eye ball is while the lids rest.

        Args:
            places: (H, W, 2) float32 places of the picture, px.

        Returns:
            (H, W) float32 share of the ball, and (H, W) float32 share of the iris' shift by which
            it moves; the corners of the eye stay.
        """
        share, near = cv2.split(sample(self._rest, self._locate(places)))
        return np.asarray(share, np.float32), np.asarray(near, np.float32)

    def _locate(self, places: Floats) -> Floats:
        into = np.column_stack([self._matrix.T, self._shift])
        return np.asarray(cv2.transform(places, into), np.float32)


def _share(
    under_upper: npt.ArrayLike, under_lower: npt.ArrayLike, softness: float
) -> tuple[Floats, Floats]:
    scale = np.float32(1 / softness)
    first = np.clip(np.asarray(under_upper, np.float32) * scale + np.float32(0.5), 0, 1)
    below = np.clip(np.asarray(under_lower, np.float32) * scale + np.float32(0.5), 0, first)
    return 1 - first, below


def _ease(down: Floats, y: Floats) -> Floats:
    """Let skin that would slide over other skin press it together instead: (R, Q) e."""
    slant = down + _PRESSED * y[:, None]
    return np.asarray(
        np.minimum.accumulate(slant[::-1], 0)[::-1] - _PRESSED * y[:, None], np.float32
    )
