"""How the skin moves: displacement fields that are linear in the motion channels.

Two layers cover the face. The upper one holds everything above the parting line of lips and lids,
the lower one everything below; each is smooth across the line, so that either can be warped as one
sheet, and the two are joined along the parting line. A field is a basis of shape (N, 2, K): the
displacement in px of N places for each of the K = C + 1 coefficients (the channels, then a 1).
"""

from __future__ import annotations

import cv2
import numpy as np

from opensonic.channels import (
    CHANNELS,
    DROP_GAP,
    HIGH,
    INDEX,
    JAW_GAP,
    LOW,
)
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
_TUCK_GAP, _TUCK_HOLDS = 0.012, 0.7
"""A lower lip tucked under the upper teeth: how far it stays below the line of closed lips, e, and
what share of its raising it takes from the upper lip."""


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

    def nodes_around(self, corners: Floats) -> tuple[slice, slice]:
        """Give the rows and columns of the nodes around places ((N, 2) px)."""
        low = (corners.min(0) - (self.x0, self.y0)) / self.step
        high = (corners.max(0) - (self.x0, self.y0)) / self.step
        (left, top), (right, bottom) = low.astype(int).tolist(), high.astype(int).tolist()
        return slice(max(top, 0), max(bottom + 3, 0)), slice(max(left, 0), max(right + 3, 0))

    def invert(self, moved: Floats, first_row: int) -> Floats:
        """Find for every node of a part the place of the picture that is moved to it.

        Args:
            moved: (R', Q', 2) displacement of the nodes of the part, px.
            first_row: The first of its rows.

        Returns:
            (R', Q', 2) float32 places, px.
        """
        nodes = self._nodes[: moved.shape[0], : moved.shape[1]]
        moves = moved * np.float32(1 / self.step)
        places = nodes - moves
        for step in _STEPS:
            there = cv2.subtract(nodes, sample(moves, places))
            cv2.addWeighted(places, 1 - step, there, step, 0, dst=places)
        return np.asarray(places * self.step + self.xy[first_row, 0], np.float32)

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
