"""What lies over an eye: the rim of glasses, or its own lid where it is shut in the picture.

A rim differs from what is above and below it, is thin, and goes on past both corners of the eye.
Lines of the lid end before. Taken for a rim by mistake, a line only holds the skin above it still.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.rig import Rig
from opensonic.engines.mesh.sampling import Floats, Image, sample

_UP, _ROWS = 0.44, 97
"""How far above the middle of the eye a rim is looked for, e, and in how many steps."""
_WINDOW = 25
"""Rows and columns of which a rim takes less than half."""
_CONTRAST, _FAINT = 30, 14
"""Least difference from what is around, 0 to 255: of the first rim that is found, of the other."""
_PAST = 5
"""Columns at both ends that a rim need not reach."""
_MIDDLE = slice(24, -24)
"""Columns over the eye itself; beside it round rims run down."""
_USUAL, _THICK = 10.5, 14
"""Rows of most of a rim at most, and of its thickest part."""
_NEAR = np.ones((1, 11), np.uint8)
_DARK, _BRIGHT, _PALE = 0.6, 1.25, 0.5
"""Light of a pupil and of the white, and colour of the white, as shares of the skin's."""
_PUPIL, _WHITE = 0.45, 0.05
"""Share of its height that the pupil takes at least in an open eye, and the white of its area."""

Numbers = npt.NDArray[Any]


def _read(image: Image, rig: Rig, middle: Numbers, across: Numbers, rows: Numbers) -> Image:
    """Read around an eye: places ((Q,) and (R, Q) or (R, 1), e) to (R, Q, 3) uint8."""
    axes = rig.camera.axes
    places = middle + across[None, :, None] * axes[0] + rows[..., None] * axes[1]
    return sample(image, places.astype(np.float32))


def find_rims(
    image: Image, rig: Rig, eyes: Sequence[tuple[Numbers, Numbers, Numbers]]
) -> list[tuple[Floats, Floats]]:
    """Look for glasses over both eyes.

    Args:
        image: (H, W, 3) uint8, RGB.
        rig: The portrait's rig.
        eyes: Of each eye (2,) middle, px, (97,) places along it and past its corners, e to the
            right of the middle, and (97,) edge of the upper lid, e below the middle.

    Returns:
        Of each eye (97,) float32 lower and (97,) float32 upper edge of the rim, e above the lid;
        empty where there are no two rims.
    """
    rims = [_find_rim(image, rig, *eye, _CONTRAST) for eye in eyes]
    if any(rims) and not all(rims):
        rims = [
            rim or _find_rim(image, rig, *eye, _FAINT) for rim, eye in zip(rims, eyes, strict=True)
        ]
    return [rim for rim in rims if rim] if all(rims) else []


def _find_rim(
    image: Image, rig: Rig, middle: Numbers, across: Numbers, upper: Numbers, contrast: float
) -> tuple[Floats, Floats] | None:
    rows = np.linspace(-_UP, 0.02, _ROWS)
    seen = _read(image, rig, middle, across, rows[:, None])
    differs = cv2.absdiff(seen, cv2.medianBlur(seen, _WINDOW)).max(-1) > contrast
    _, parts = cv2.connectedComponents(differs.astype(np.uint8), connectivity=8)
    for part in np.unique(parts[:, len(across) // 2]):
        inside = parts == part
        if part == 0 or not inside.any(0)[_PAST:-_PAST].all():
            continue
        columns = np.flatnonzero(inside.any(0))
        first = np.interp(np.arange(len(across)), columns, inside.argmax(0)[columns])
        ends = ~inside & (np.arange(_ROWS)[:, None] > first)
        last = np.where(ends.any(0), ends.argmax(0), _ROWS - 1)
        if np.median((last - first)[_MIDDLE]) > _USUAL:  # a brow
            continue
        last = np.minimum(last, first + _THICK)
        last = cv2.dilate(last.astype(np.float32)[None], _NEAR)[0]
        first = cv2.erode(first.astype(np.float32)[None], _NEAR)[0]
        edges = (cv2.blur(edge[None], (9, 1))[0] for edge in (first, last))
        top, bottom = (np.interp(edge, np.arange(_ROWS), rows) for edge in edges)
        return (upper - bottom).astype(np.float32), (upper - top).astype(np.float32)
    return None


def is_shut(
    image: Image, rig: Rig, middle: Numbers, across: Numbers, upper: Numbers, lower: Numbers
) -> bool:
    """Tell whether an eye is shut in the picture: neither pupil nor white can be seen.

    Args:
        image: (H, W, 3) uint8, RGB.
        rig: The portrait's rig.
        middle: (2,) middle of the eye, px.
        across: (Q,) places between its corners, e to the right of the middle.
        upper: (Q,) edge of the upper lid as the landmarks have it, e below the middle.
        lower: (Q,) the same of the lower lid.
    """
    inside = upper + np.linspace(0.1, 0.9, 17)[:, None] * (lower - upper)
    beside = [
        upper - np.linspace(0.03, 0.08, 9)[:, None],
        lower + np.linspace(0.02, 0.07, 9)[:, None],
    ]
    eye, *skins = (
        _read(image, rig, middle, across, rows).astype(np.float32) for rows in (inside, *beside)
    )
    skin = np.median(np.concatenate(skins).reshape(-1, 3), 0) + 1
    light = eye.mean(-1) / skin.mean()
    pupil = np.percentile((light < _DARK).mean(0), 80)
    tint = (eye.max(-1) - eye.min(-1)) / (eye.max(-1) + 1)
    is_white = (light > _BRIGHT) | (tint < _PALE * np.ptp(skin) / skin.max())
    return bool(pupil < _PUPIL and is_white.mean() < _WHITE)
