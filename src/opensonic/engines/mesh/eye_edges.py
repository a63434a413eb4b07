"""Where an eye ends that landmarks alone do not tell: its white, and the room up to the brow."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.rig import Rig
from opensonic.engines.mesh.sampling import Image, sample
from opensonic.engines.mesh.warp import ramp

MOST_ROOM = 0.24
"""Greatest height between lid and brow that is looked at, e."""
_HAIR = 0.58
"""Brightness of a brow, as a share of that of the skin under it, from which it counts as hair."""
_WHITE_UP, _WHITE_DOWN = 0.05, 0.06
"""How far beyond the landmarks the white of an eye is looked for, e."""

Line = npt.NDArray[np.float64]


def smooth(line: Line, half: int) -> Line:
    """Smooth a line by a window of some places to both sides."""
    kernel = np.hanning(2 * half + 3)[1:-1]
    return np.convolve(np.pad(line, half, mode="edge"), kernel / kernel.sum(), "valid")


def find_white(
    image: Image,
    middle: Line,
    half: float,
    grid: Line,
    outer: int,
    upper: Line,
    lower: Line,
    rig: Rig,
) -> tuple[Line, Line]:
    """Find how far the white of the eye reaches past its landmarks: (97,) e up and down.

    Down only near the outer corner: under the inner one skin may shine as white.
    """
    rows = np.linspace(-0.14, 0.16, 76)
    y = np.stack(np.broadcast_arrays(rows[:, None] + 0 * grid, 0 * rows[:, None] + grid), -1)
    places = middle + y[..., 1:] * half * rig.camera.axes[0] + y[..., :1] * rig.camera.axes[1]
    seen = sample(image, places.astype(np.float32)).astype(np.float32)
    light, tint = seen.mean(-1), (seen.max(-1) - seen.min(-1)) / (seen.max(-1) + 1)
    below, above = rows[:, None] - lower, upper - rows[:, None]
    skin = (below > 0.06) | (above > 0.06)
    inside = (below < -0.005) & (above < -0.005)
    if not inside.any() or np.median(tint[skin]) < 0.15:
        return 0 * grid, 0 * grid
    white = (tint < 0.55 * np.median(tint[skin])) & (light > 0.75 * np.median(light[skin]))
    white &= (below < _WHITE_DOWN) & (above < _WHITE_UP) & (np.abs(grid) < 1.45)
    _, parts = cv2.connectedComponents((white | inside).astype(np.uint8))
    white &= np.isin(parts, np.unique(parts[inside]))
    up, down = (
        smooth(np.maximum(np.where(white, reach, 0).max(0), 0), 8) for reach in (above, below)
    )
    up = up * ramp(np.abs(grid).astype(np.float32), 0.2, 0.6)
    return up, down * ramp((grid * outer).astype(np.float32), 0.5, 0.8)


def find_room(
    image: Image,
    middle: Line,
    half: float,
    grid: Line,
    upper: Line,
    room: Line,
    rig: Rig,
) -> Line:
    """Find how far above the upper lid the dark hair of the brow begins: (97,) e.

    It is looked for in the upper part of the room that the landmarks give; lower down, lines of
    the lid are as dark.
    """
    up = np.linspace(0.02, MOST_ROOM, 45)[:, None]
    right = (middle + grid[:, None] * half * rig.camera.axes[0])[None]
    places = right + (upper - up)[..., None] * rig.camera.axes[1]
    light = sample(image, places.astype(np.float32)).astype(np.float32).mean(-1)
    level = np.maximum.accumulate(cv2.GaussianBlur(light, (0, 0), 2.0), 0)
    thick = cv2.blur(light, (3, 9), anchor=(1, 0), borderType=cv2.BORDER_REPLICATE)
    hair = thick < _HAIR * level
    hair &= up > np.maximum(0.5 * room, 0.04)
    return np.where(hair.any(0), np.minimum(up[hair.argmax(0), 0] - 0.01, room), room)
