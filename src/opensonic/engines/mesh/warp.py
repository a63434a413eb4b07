"""How the skin moves: displacement fields that are linear in the motion channels.

Two layers cover the face. The upper one holds everything above the parting line of lips and lids,
the lower one everything below; each is smooth across the line, so that either can be warped as one
sheet, and the two are joined along the parting line. A field is a basis of shape (N, 2, K): the
displacement in px of N places for each of the K = C + 1 coefficients (the channels, then a 1).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from opensonic.channels import (
    CHANNELS,
    DROP_GAP,
    HIGH,
    INDEX,
    JAW_GAP,
    LOW,
    PUCKER,
    RAISE_GAP,
    STRETCH,
)
from opensonic.engines.mesh.camera import MOUTH_V
from opensonic.engines.mesh.rig import Points, Rig
from opensonic.engines.mesh.sampling import Box, Floats, sample

UPPER, LOWER = False, True
"""The two layers."""
N_COEFFICIENTS = len(CHANNELS) + 1
REST = N_COEFFICIENTS - 1
"""Column of the constant: what brings the lips of the picture together."""

_LIMIT = np.array([12.0 if high > 1 else min(high, 1.0) for high in HIGH], np.float32)
_LIMIT[[INDEX["head_x"], INDEX["head_y"]]] = 0.2
_JAW, _CLOSE = INDEX["jaw_open"], INDEX["mouth_close"]
_LEAST = np.where(LOW < 0, -np.inf, -0.1).astype(np.float32)
_SOFTEST, _STEEPEST, _ITERATIONS = 0.6, 2.2, 6
_NODES = np.cos((2 * np.arange(_ITERATIONS)[::-1] + 1) * np.pi / (2 * _ITERATIONS))
_STEPS = (2 / (_SOFTEST + _STEEPEST + (_STEEPEST - _SOFTEST) * _NODES)).astype(np.float32)
"""Steps of the inversion (Richardson's iteration with Chebyshev's steps): it converges fast where
the skin is drawn out to at most 2.2 of its length or pressed to at least 0.6 of it."""
STIFF_STEPS = (1.0, 1.0)
_TUCK_GAP, _TUCK_HOLDS = 0.012, 0.7
"""A lower lip tucked under the upper teeth: how far it stays below the line of closed lips, e, and
what share of its raising it takes from the upper lip."""
_ROUND = 1.8
"""How pointed an open mouth is: 0 a box, much a parabola."""
_UNBENT = (("jaw_open", 1.2), ("lower_lip_drop", 0.7), ("mouth_close", -1.2))
"""What straightens the edge of the lower lip, by which share; closing over an open jaw takes it
back."""
_CALM = (0.5, 0.11)
"""By what share a smile's mouth narrows as it closes: per e of its gap, and at most."""


def ramp(x: Floats, low: float, high: float) -> Floats:
    """Rise smoothly from 0 at `low` to 1 at `high`."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def coefficients(values: Floats) -> Floats:
    """Limit channels softly to what the rig can show and append the constant.

    Args:
        values: (C,) float32; not-a-numbers count as rest.

    Returns:
        (C + 1,) float32: unchanged inside the limits, at most 30 % beyond them; the lips close no
        further than the jaw has opened them, and a tucked lower lip stays at the upper teeth.
    """
    factors = np.ones(N_COEFFICIENTS, np.float32)
    limited = factors[:REST]
    limited[:] = values
    if not np.isfinite(limited).all():
        np.nan_to_num(limited, copy=False, nan=0.0, posinf=9.0, neginf=-9.0)
    over = np.abs(limited) / _LIMIT
    if over.max() > 1:
        soft = 1 + 0.3 * np.tanh((over - 1) / 0.3)
        limited[:] = np.where(over > 1, np.copysign(soft * _LIMIT, limited), limited)
    np.maximum(limited, _LEAST, out=limited)
    limited[_CLOSE] = min(limited[_CLOSE], max(limited[_JAW], 0) + 0.1)
    _hold_at_teeth(limited)
    return factors


def _hold_at_teeth(limited: Floats) -> None:
    """Keep a tucked lower lip at the upper teeth, however far the jaw has opened.

    Args:
        limited: (C or more,) float32 channels; changed.
    """
    tuck = min(max(float(limited[INDEX["lower_lip_tuck"]]), 0.0), 1.0)
    if tuck == 0:
        return
    limited[INDEX["upper_lip_raise"]] *= 1 - _TUCK_HOLDS * tuck
    gap = JAW_GAP * float(limited[INDEX["jaw_open"]] - limited[INDEX["mouth_close"]])
    gap += DROP_GAP * float(limited[INDEX["lower_lip_drop"]])
    limited[INDEX["mouth_close"]] += tuck * max(gap - _TUCK_GAP, 0) / JAW_GAP


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
    near = shape * (1 - ramp(spread, 0.08, 0.45))
    lever += near * (1 - lever)
    neck = 1 - ramp(v, MOUTH_V + 0.5, MOUTH_V + 1.45)
    jaw = weight * lever * neck * JAW_GAP
    move[:, 1, INDEX["jaw_open"]] = jaw
    move[:, 2, INDEX["jaw_open"]] = -0.4 * jaw
    side = np.sign(u) * ramp(np.abs(u), 0.15, 0.5) * (1 - ramp(np.abs(u), 0.6, 1.0))
    move[:, 0, INDEX["jaw_open"]] = -0.025 * side * ramp(v, 0.2, 0.5) * neck

    if lower:
        move[:, 1, INDEX["lower_lip_drop"]] = DROP_GAP * inside * lip
        move[:, 1, INDEX["mouth_close"]] = -0.8 * JAW_GAP * shape * lip
        move[:, 1, INDEX["lip_press"]] = -0.03 * inside * (1 - ramp(away, 0.07, 0.3))
        move[:, 1, INDEX["lower_lip_tuck"]] = -0.05 * inside * (1 - ramp(away, 0.08, 0.35))
    else:
        move[:, 1, INDEX["upper_lip_raise"]] = -RAISE_GAP * inside * lip
        move[:, 1, INDEX["mouth_close"]] = 0.2 * JAW_GAP * shape * lip
        move[:, 1, INDEX["lip_press"]] = 0.025 * inside * (1 - ramp(away, 0.05, 0.22))
        move[:, 1, INDEX["lower_lip_tuck"]] = -0.030 * inside * inside * lip

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

    move[:, 0, REST] = -calm(rig) * width
    move[:, 1, REST] = _meeting(s, away, rig, lower) + relax(rig) * corner
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


def _meeting(s: Floats, away: Floats, rig: Rig, lower: bool) -> Floats:
    """(N,) e downwards by which parted lips meet: exactly at their edges, evenly around them."""
    lips = rig.lips
    gap = lips.lower - lips.upper
    kernel = np.hanning(len(gap) // 2)
    even = np.convolve(gap, kernel / kernel.sum(), "same")
    far = float(np.clip(gap.max() / 0.12, 0, 1))
    if lower:
        reach, share = 1 - ramp(away, 0.02 + 0.10 * far, 0.12 + 0.48 * far), lips.meet - 1
    else:
        stretch = 0.2 * max(lips.meet - 0.4, 0)
        reach, share = 1 - ramp(away, 0.02 + 0.06 * far, 0.12 + 0.21 * far + stretch), lips.meet
    near = 1 - ramp(away, 0.01, 0.12)
    wide = np.interp(s, lips.grid, even, left=0, right=0)
    rest = np.interp(s, lips.grid, gap - even, left=0, right=0)
    return np.asarray(share * (wide * reach + rest * near), np.float32)


class Lattice:
    """A coarse grid of places over the part of the picture that can move.

    Attributes:
        step: Distance of the nodes, px.
        x0, y0, x1, y1: The part of the picture, px; whole steps wide and high.
        xy: (R, Q, 2) float32 places of the nodes, one more on each side than the part needs.
    """

    def __init__(self, box: Box, step: int) -> None:
        self.step = step
        self.x0, self.y0 = box[0], box[1]
        columns, rows = -(-(box[2] - box[0]) // step), -(-(box[3] - box[1]) // step)
        self.x1, self.y1 = self.x0 + columns * step, self.y0 + rows * step
        xs = self.x0 + step * (np.arange(-1, columns + 1) + 0.5) - 0.5
        ys = self.y0 + step * (np.arange(-1, rows + 1) + 0.5) - 0.5
        self.xy = np.stack(np.meshgrid(xs, ys), -1).astype(np.float32)
        steps = np.meshgrid(np.arange(columns + 2), np.arange(rows + 2))
        self._nodes = np.stack(steps, -1).astype(np.float32)

    def invert(
        self,
        moved: Floats,
        first_row: int,
        first_column: int = 0,
        steps: Sequence[float] | Floats = _STEPS,
    ) -> Floats:
        """Find for every node of a part the place of the picture that is moved to it.

        Args:
            moved: (R', Q', 2) displacement of the nodes of the part, px.
            first_row: The first of its rows.
            first_column: The first of its columns.
            steps: Lengths of the steps of the iteration; `STIFF_STEPS` do where nothing is drawn
                out or pressed by more than a tenth.

        Returns:
            (R', Q', 2) float32 places, px.
        """
        nodes = self._nodes[: moved.shape[0], : moved.shape[1]]
        moves = moved * np.float32(1 / self.step)
        places = nodes - moves
        for step in steps:
            there = cv2.subtract(nodes, sample(moves, places))
            cv2.addWeighted(places, 1 - step, there, step, 0, dst=places)
        return np.asarray(places * self.step + self.xy[first_row, first_column], np.float32)

    def enlarge(self, places: Floats, out: Floats | None = None) -> Floats:
        """Bring nodes to pixels.

        Args:
            places: (R, Q, 2) float32 of the nodes of a part, one more on each side.
            out: Float32 array to write into, at least R by Q steps large.

        Returns:
            (H, W, 2) float32 for the pixels of the part.
        """
        step = self.step
        size = (places.shape[1] * step, places.shape[0] * step)
        into = None if out is None else out[: size[1], : size[0]]
        full = cv2.resize(places, size, dst=into, interpolation=cv2.INTER_LINEAR)
        return np.asarray(full[step:-step, step:-step], np.float32)
