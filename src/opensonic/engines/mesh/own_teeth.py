"""The person's own teeth, taken from a picture that shows them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.lips import TEETH_EDGE, like_teeth
from opensonic.engines.mesh.sampling import Floats
from opensonic.engines.mesh.style import Style
from opensonic.engines.mesh.teeth import Canvas, draw_teeth
from opensonic.engines.mesh.warp import ramp

_LEAST_WIDTH = 0.15
"""Narrowest row that is worth taking, e."""
_LEAST_HEIGHT = 0.012
_LOWEST = 0.012
"""How far below their usual place the edges of the teeth may stay, e."""
_SEAM = 0.006
"""How far above the edges of the own teeth those that continue them end, e."""


@dataclass(frozen=True, eq=False)
class OwnTeeth:
    """The upper row as the picture shows it.

    Attributes:
        seen: (H, W, 3) float32, RGB, in mouth coordinates.
        share: (H, W) float32, 1 on the row.
        colour: (3,) float32, RGB of a tooth.
        edge: Where the edges of the incisors are, e below the line of closed lips.
    """

    seen: Floats
    share: Floats
    colour: Floats
    edge: float


def find_teeth(canvas: Canvas, seen: Floats, inside: Floats, lip_redness: float) -> OwnTeeth | None:
    """Find the upper row between parted lips.

    Args:
        canvas: The mouth coordinates.
        seen: (H, W, 3) float32, RGB, the picture.
        inside: (H, W) float32, e from the nearer lip, positive between the lips.
        lip_redness: Redness of the lips.

    Returns:
        The row, or None where too little of it is seen.
    """
    opening = inside > 0.004
    like = np.zeros_like(inside)
    like[opening] = like_teeth(seen[opening], lip_redness)
    size = 2 * int(0.010 * canvas.scale) + 1
    kernel = np.ones((size, size), np.uint8)
    is_tooth = cv2.morphologyEx((like > 0.5).astype(np.uint8), cv2.MORPH_CLOSE, kernel) > 0
    top = is_tooth.argmax(0)
    rows = np.arange(len(like))[:, None]
    bottom = (is_tooth | (rows < top)).argmin(0)
    columns = is_tooth.any(0) & (bottom - top > _LEAST_HEIGHT * canvas.scale)
    first, last = _longest_run(columns)
    if last - first < _LEAST_WIDTH * canvas.scale:
        return None
    row = slice(first, last)
    upper, lower = (_smooth(line[row], 0.045 * canvas.scale) for line in (top, bottom))
    bow = np.polyval(np.polyfit(np.arange(last - first), lower, 2), np.arange(last - first))
    lower = np.minimum(lower, bow + 0.004 * canvas.scale)  # no lip hangs on a tooth
    share = np.zeros_like(inside)
    x, y = canvas.x[0, row], rows.astype(np.float32)
    cut = np.clip(y - upper + 0.5, 0, 1) * np.clip(lower - y - 0.5, 0, 1)
    ends = ramp(x - x[0], 0, 0.02) * ramp(x[-1] - x, 0, 0.02)
    share[:, row] = cut * ends
    sure = (share > 0.9) & (like > 0.8)
    if sure.sum() < 20:
        return None
    bright = seen[sure]
    colour = np.median(bright[bright.mean(1) >= np.median(bright.mean(1))], 0)
    near = np.abs(x) < 0.08
    edge = np.median(lower[near if near.any() else slice(None)])
    return OwnTeeth(
        seen, share, np.asarray(colour, np.float32), float(canvas.y[0, 0] + edge / canvas.scale)
    )


def show_teeth(canvas: Canvas, style: Style, own: OwnTeeth) -> Floats:
    """Lay the own teeth over drawn ones of their colour, which continue them where lips hid them.

    Args:
        canvas: The mouth coordinates.
        style: The look of the picture, with the colour of the own teeth.
        own: The teeth.

    Returns:
        (H, W, 4) float32, premultiplied.
    """
    edge = min(own.edge, TEETH_EDGE + _LOWEST)
    drawn = draw_teeth(canvas, style, True, edge - _SEAM)
    both = np.dstack([own.seen * own.share[..., None], own.share]).astype(np.float32)
    both = np.asarray(cv2.GaussianBlur(both, (0, 0), 0.5), np.float32)
    up = np.array([[1, 0, 0], [0, 1, (edge - own.edge) * canvas.scale]], np.float32)
    both = np.asarray(cv2.warpAffine(both, up, both.shape[1::-1]), np.float32)
    return np.asarray(drawn * (1 - both[..., 3:]) + both, np.float32)


def _longest_run(flags: npt.NDArray[np.bool_]) -> tuple[int, int]:
    steps = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    runs = steps.reshape(-1, 2)
    if not len(runs):
        return 0, 0
    first, last = runs[np.argmax(runs[:, 1] - runs[:, 0])]
    return int(first), int(last)


def _smooth(line: npt.NDArray[np.generic], width: float) -> Floats:
    """Take the median of an edge over a width in px, and soften it."""
    half = max(int(width / 2), 1)
    padded = np.pad(np.asarray(line, np.float32), half, "edge")
    row = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), -1)[None]
    smooth = cv2.GaussianBlur(row, (0, 0), 0.2 * half + 0.3, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smooth[0], np.float32)
