"""How the skin around the mouth moves, and how parted lips of a picture come together at rest.

As lips close they go as a whole; the skin around them gives way: that below the nose, which holds
still, and that above the chin.
"""

from __future__ import annotations

import numpy as np

from opensonic.channels import DROP_GAP, INDEX, JAW_GAP, PUCKER, RAISE_GAP, STRETCH
from opensonic.engines.mesh.camera import MOUTH_V
from opensonic.engines.mesh.rig import Points, Rig
from opensonic.engines.mesh.sampling import Floats
from opensonic.engines.mesh.warp import LOWER, N_COEFFICIENTS, REST, ramp

_ROUND = 1.8
"""How pointed an open mouth is: 0 a box, much a parabola."""
_UNBENT = (("jaw_open", 1.2), ("lower_lip_drop", 0.7), ("mouth_close", -1.2))
"""What straightens the edge of the lower lip, by which share; closing over an open jaw takes it
back."""
_CALM = (0.5, 0.11)
"""By what share a smile's mouth narrows as it closes: per e of its gap, and at most."""
_NOSE = (129, 98, 97, 2, 326, 327, 358)
"""Landmarks below the nose, from wing to wing."""
_LEAST_SKIN, _BESIDE, _HIGHER = 0.05, 0.12, 0.2
"""Skin below the nose that gives way as lips close, at least; how far beside the wings that reaches
up into the cheeks, and how far up; e."""
_ROLLS = ((0.025, 0.4), (0.03, 0.25))
"""How far the upper and the lower lip roll in: e, and at most a share of their height."""
_ROLLED = 0.7
"""The same of parted lips, which have rolled in a bit when they close, as a share."""


def _opening(s: Floats, distance: Floats) -> Floats:
    """Shape of an open mouth: 1 in the middle, 0 from the corners on."""
    spread = s / (1 + 1.2 * np.abs(distance))
    inside = np.clip(1 - spread * spread, 0, None)
    return np.asarray(inside * (1 + _ROUND) / (inside + _ROUND), np.float32)


def mouth_basis(points: Points, rig: Rig, layer: bool) -> Floats:
    """Compute what the mouth's channels do.

    Args:
        points: N places.
        rig: The portrait's rig.
        layer: `UPPER` or `LOWER`.

    Returns:
        (N, 2, K) float32, px.
    """
    move = np.zeros((len(points.xy), 3, N_COEFFICIENTS), np.float32)
    u, v, w = points.face.T
    s, lower = points.s, layer == LOWER
    away = points.below_lower if lower else -points.below_upper
    spread = np.maximum(away, 0)
    shape = _opening(s, spread)
    tissue = ramp(v, 0.05, 0.95)
    lip = 1 - (ramp(away, 0.10, 0.45) if lower else ramp(away, 0.07, 0.27))
    inside = np.clip(1 - s**4, 0, None)

    weight = tissue + (1 - tissue) * shape if lower else tissue * (1 - shape)
    lever = np.clip((w + 0.25) / 0.86, 0, 1.15)
    lever += shape * (1 - ramp(spread, 0.08, 0.45)) * (1 - lever)
    neck = 1 - ramp(v, MOUTH_V + 0.5, MOUTH_V + 1.45)
    jaw = weight * lever * neck * JAW_GAP
    move[:, 1, INDEX["jaw_open"]] = jaw
    move[:, 2, INDEX["jaw_open"]] = -0.4 * jaw
    side = np.sign(u) * ramp(np.abs(u), 0.15, 0.5) * (1 - ramp(np.abs(u), 0.6, 1.0))
    move[:, 0, INDEX["jaw_open"]] = -0.025 * side * ramp(v, 0.2, 0.5) * neck

    rolls = _rolls(s, rig, lower) * inside
    if lower:
        move[:, 1, INDEX["lower_lip_drop"]] = DROP_GAP * inside * lip
        move[:, 1, INDEX["mouth_close"]] = -0.8 * JAW_GAP * shape * lip
        move[:, 1, INDEX["lip_press"]] = -rolls * (1 - ramp(away, 0.07, 0.3))
        move[:, 1, INDEX["lower_lip_tuck"]] = -0.05 * inside * (1 - ramp(away, 0.08, 0.35))
    else:
        move[:, 1, INDEX["upper_lip_raise"]] = -RAISE_GAP * inside * lip
        move[:, 1, INDEX["mouth_close"]] = 0.2 * JAW_GAP * shape * lip
        move[:, 1, INDEX["lip_press"]] = rolls * (1 - ramp(away, 0.05, 0.22))
        move[:, 1, INDEX["lower_lip_tuck"]] = -0.032 * np.clip(1 - s * s, 0, None) ** 1.5 * lip

    bow = _bow(s, rig) * (1 - ramp(spread, 0.02, 0.25))
    if lower:
        for name, share in _UNBENT:
            move[:, 1, INDEX[name]] -= share * bow
    width = _width(points, rig, away, lower)
    thick = (1 if lower else -1) * spread * spread / (spread + 0.02)  # their line stays thin
    thick *= np.exp(-((spread / 0.13) ** 2)) * inside
    move[:, 0, INDEX["lip_pucker"]] = -PUCKER * width
    move[:, 1, INDEX["lip_pucker"]] = 0.46 * thick - 0.6 * bow
    move[:, 2, INDEX["lip_pucker"]] = 0.06 * shape * lip
    move[:, 0, INDEX["lip_stretch"]] = STRETCH * width
    move[:, 1, INDEX["lip_stretch"]] = -0.12 * thick

    corner = np.exp(-(((np.abs(s) - 1) / 0.55) ** 2) - (away / 0.25) ** 2)
    move[:, 0, INDEX["corner_up"]] = 0.02 * np.sign(s) * corner
    move[:, 1, INDEX["corner_up"]] = -0.08 * corner

    end = None if lower else _below_nose(s, rig)
    kept = 1.0 if end is None else 1 - ramp(away / end, 0.25, 1.0)
    move[:, 0, REST] = -calm(rig) * width * kept
    move[:, 1, REST] = _meeting(s, away, rig, end) + relax(rig) * corner * kept
    if lower:  # around the eyes this layer is used again, and the mouth must not reach there
        move *= (1 - ramp(-points.below_lower, 0.14, 0.30))[:, None, None]
    return np.asarray(np.einsum("nak,ap->npk", move, rig.camera.axes), np.float32)


def _width(points: Points, rig: Rig, away: Floats, lower: bool) -> Floats:
    """(N,) e to the right by which places move as the mouth widens to twice its width.

    It ends soon beside the corners, so that the folds of the cheeks keep their shape.
    """
    tall = (1 - ramp(away, 0.08, 0.6)) if lower else (1 - ramp(away, 0.08, 0.4))
    beyond = rig.lips.beyond(points.x)
    between = points.x - np.sign(points.x) * beyond
    return np.asarray(between * (1 - ramp(beyond, 0.0, 0.28)) * tall, np.float32)


def _bow(s: Floats, rig: Rig) -> Floats:
    """(N,) e by which the line of closed lips lies below a plain arch: the upper lip bends it.

    As the lips part, the lower one takes the plain arch.
    """
    lips = rig.lips
    grid, edge = lips.grid, lips.upper + lips.meet * (lips.lower - lips.upper)
    own = (edge - np.polyval(np.polyfit(grid, edge, 2), grid)) * (1 - grid**4)
    return np.asarray(np.interp(s, grid, own, left=0, right=0), np.float32)


def relax(rig: Rig) -> float:
    """Say by how much the corners of a smile sink as its lips close, e."""
    return 0.25 * float((rig.lips.lower - rig.lips.upper).max())


def calm(rig: Rig) -> float:
    """Say by what share a smile narrows as its lips close."""
    return min(_CALM[0] * float((rig.lips.lower - rig.lips.upper).max()), _CALM[1])


def _rolls(s: Floats, rig: Rig, lower: bool) -> Floats:
    """(N,) e by which a pressed lip rolls in."""
    far, share = _ROLLS[lower]
    far *= _ROLLED if rig.lips.is_open else 1.0
    rolls = np.minimum(far, share * rig.lips.heights[int(lower)])
    return np.asarray(np.interp(s, rig.lips.grid, rolls), np.float32)


def _below_nose(s: Floats, rig: Rig) -> Floats:
    """(N,) e above the upper lip's edge where the skin holds still as lips close.

    The nose does not move; beside it the cheek gives way further up.
    """
    lips = rig.lips
    frame = lips.to_frame(rig.landmarks[list(_NOSE)])
    xs = np.maximum.accumulate(frame[:, 0])
    along = lips.along(np.hstack([xs[0] - _BESIDE, xs, xs[-1] + _BESIDE]))
    above = np.interp(along[1:-1], lips.grid, lips.upper) - frame[:, 1]
    room = np.interp(along[1:-1], lips.grid, lips.heights[0]) + _LEAST_SKIN
    above = np.maximum(above, room)
    above = np.hstack([above[0] + _HIGHER, above, above[-1] + _HIGHER])
    return np.asarray(np.interp(s, along, above), np.float32)


def _meeting(s: Floats, away: Floats, rig: Rig, end: Floats | None) -> Floats:
    """(N,) e downwards by which parted lips meet: exactly at their edges, evenly around them.

    The lips go as a whole and the skin around them gives way: that below the nose to `end`, where
    the upper lip's is meant; that of the lower lip as far as the chin.
    """
    lips = rig.lips
    gap = lips.lower - lips.upper
    kernel = np.hanning(len(gap) // 2)
    even = np.convolve(gap, kernel / kernel.sum(), "same")
    far = float(np.clip(gap.max() / 0.12, 0, 1))
    if end is None:
        reach, share = 1 - ramp(away, 0.0, 0.12 + 0.48 * far), lips.meet - 1
    else:
        reach, share = 1 - ramp(away / end, 0.0, 1.0), lips.meet
    near = 1 - ramp(away, 0.01, 0.12)
    wide = np.interp(s, lips.grid, even, left=0, right=0)
    rest = np.interp(s, lips.grid, gap - even, left=0, right=0)
    return np.asarray(share * (wide * reach + rest * near), np.float32)
