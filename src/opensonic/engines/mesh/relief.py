"""How protruding lips are lit: they stand out of the face, and the picture's own light says how.

The lips of a pout are two bumps on the skin. What a bump adds to or takes from the light is
n . l of its tilted normals (Lambert's law), with the direction of the light as it was found in the
picture, the shadow under the lower lip and that in the corners. It is computed once, in places of
the picture, and moves with the skin.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.rig import Rig
from opensonic.engines.mesh.sampling import SINGLE_MAP, Floats, Image

Numbers = npt.NDArray[np.floating[Any]]

REACH = 0.20
"""How far around the edges of the lips their light changes, e."""
_AROUND = (0.16, 0.30)
"""Room beside the corners, above and below the line, e."""
_HEIGHT = 0.014
"""How far the lips of a full pout come out, as they are lit: less than they do, as skin is soft."""
_CREST, _WIDTH, _SLOPE = 0.52, 0.42, 0.95
"""Where a lip stands out most, the width of its bump, and that of the upper lip's where it runs out
into the skin: a steep one would be lit as a bright rim; shares of its height."""
_FRONT = 0.5
"""Least share of the light that comes from in front."""
_GLOSS, _SHADOW, _CORNER = 0.04, 0.12, 0.16
"""Light on the crest of the lower lip, and what the shadows take under it and in the corners."""
_MOST, _GAINS = 0.24, (0.10, 0.17)
"""Largest change of the light, as a share of it, and what upper and lower lip gain at most."""
_ZERO, _LEVELS = 128, 500.0
"""How the change of light is kept: its zero and its steps."""
ONE = 128
"""Light that does not change."""


class Relief:
    """The light on the lips of one portrait as they come forward.

    Args:
        rig: The portrait's rig.
        toward: (3,) float32 unit vector to the light: right, down, towards the viewer.
        strength: How much of it the picture's style shows, 0 to 1.
    """

    def __init__(self, rig: Rig, toward: Floats, strength: float) -> None:
        lips = rig.lips
        line = lips.place(lips.grid, 0.5 * (lips.upper + lips.lower))
        beside, around = _AROUND
        low = np.floor(line.min(0) - np.array([beside, around]) * rig.e)
        high = np.ceil(line.max(0) + np.array([beside, around]) * rig.e)
        self._origin = low.astype(np.float32)
        columns, rows = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
        xy = np.stack([columns.ravel(), rows.ravel()], -1).astype(np.float32)
        frame = lips.to_frame(xy).reshape(*columns.shape, 2)
        s = lips.along(frame[..., 0])
        above = np.interp(s, lips.grid, lips.upper) - frame[..., 1]
        below = frame[..., 1] - np.interp(s, lips.grid, lips.lower)
        front = max(float(toward[2]), _FRONT)
        side, down = np.asarray(toward[:2]) / front
        bumps = (
            _bump(s, above / np.interp(s, lips.grid, lips.heights[0]), _SLOPE),
            _bump(s, q := below / np.interp(s, lips.grid, lips.heights[1]), _WIDTH),
        )
        wide = np.clip(1 - s * s, 0, 1)
        own = wide * (_GLOSS * _bell(q, _CREST, 0.25) + down * _SHADOW * _bell(q, 1.35, 0.4))
        gains = []
        sides = zip(bumps, (0.0, own), (above, below), _GAINS, strict=True)
        for bump, extra, away, most in sides:
            steep_y, steep_x = np.gradient(bump * np.float32(_HEIGHT * rig.e))
            light = -(side * steep_x + down * steep_y) + extra
            light -= _CORNER * _bell(np.abs(s), 1.0, 0.16) * _bell(away, 0.0, 0.05)
            limit = np.where(light > 0, most, _MOST)
            gains.append(limit * np.tanh(light / limit))
        full = np.where(below > above, gains[1], gains[0]) * strength
        self._light = np.asarray(np.rint(_ZERO + _LEVELS * full), np.uint8)

    def light(self, places: Floats, pout: float) -> Image:
        """Say how the light changes.

        Args:
            places: (H, W, 2) float32 places of the picture that a patch shows, px.
            pout: How far the lips come forward, 0 to 1.

        Returns:
            (H, W, 3) uint8, the same in each channel: `ONE` where the light stays.
        """
        read = cv2.remap(
            self._light,
            places - self._origin,
            SINGLE_MAP,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=_ZERO,
        )
        share = pout * ONE / _LEVELS
        scaled = cv2.convertScaleAbs(read, alpha=share, beta=ONE - _ZERO * share)
        return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_GRAY2RGB), np.uint8)


def _bell(x: Numbers, middle: float, width: float) -> Numbers:
    return np.asarray(np.exp(-(((x - middle) / width) ** 2)), x.dtype)


def _bump(s: Floats, q: Numbers, outer: float) -> Numbers:
    """How far a lip comes forward, 0 to 1: of the place along the mouth and across the lip.

    Beyond the crest the bump has the width `outer`.
    """
    across = np.where(q > _CREST, _bell(q, _CREST, outer), _bell(q, _CREST, _WIDTH))
    return np.asarray(np.clip(1 - s * s, 0, 1) * across, q.dtype)
