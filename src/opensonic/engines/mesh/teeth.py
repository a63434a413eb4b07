"""Teeth, gums and tongue as drawings in mouth coordinates, in the style of the picture.

Each drawing is (H, W, 4) float32: RGB from 0 to 255, premultiplied by the last channel, the share
of the pixel that it covers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.lips import TEETH_EDGE
from opensonic.engines.mesh.sampling import Floats
from opensonic.engines.mesh.style import Style
from opensonic.engines.mesh.warp import ramp

Numbers = npt.NDArray[np.floating[Any]]

_UPPER_TEETH = (0.086, 0.067, 0.064, 0.048, 0.036, 0.028, 0.022)
_UPPER_LIFT = (0.0, 0.008, 0.001, 0.009, 0.012, 0.015, 0.018)
_LOWER_TEETH = (0.054, 0.058, 0.060, 0.050, 0.040, 0.032, 0.026)
_LOWER_LIFT = (0.0, 0.001, -0.002, 0.003, 0.006, 0.009, 0.012)
"""Half of each row from the middle: widths as seen from the front, and how much shorter, e."""
LOWER_EDGE = 0.022
"""Where the edges of the lower incisors are while the lips are closed, e below their line."""
_LOWER_LIGHT = 0.66
"""What the upper row leaves of the light on the edges of the lower one."""
_HEIGHT = 0.10
"""From the edge to the gum, e."""
_LINE = 0.004
"""Width of the dark line between two teeth, e."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """The mouth coordinates of the drawings.

    Attributes:
        x: (H, W) float32, e to the right of the middle, along a mouth seen from the front.
        y: (H, W) float32, e below the line of closed lips.
        scale: Pixels per e.
    """

    x: Floats
    y: Floats
    scale: float

    def finish(self, colour: Numbers, alpha: Numbers, style: Style) -> Floats:
        """Soften a drawing as the picture is and lay its grain over it.

        Args:
            colour: (H, W, 3) float32.
            alpha: (H, W) float32.
            style: The look of the picture.

        Returns:
            (H, W, 4) float32, premultiplied.
        """
        sigma = max(style.softness * 0.5, 0.35)
        both = np.dstack([colour * alpha[..., None], alpha]).astype(np.float32)
        both = np.asarray(cv2.GaussianBlur(both, (0, 0), sigma), np.float32)
        if not style.is_drawn:
            noise = np.random.default_rng(0).normal(0, style.grain, alpha.shape)
            both[..., :3] += (noise * both[..., 3])[..., None]
        return both


def draw_teeth(canvas: Canvas, style: Style, is_upper: bool, edge: float | None = None) -> Floats:
    """Draw a row of teeth with its gum.

    Args:
        canvas: Where to draw.
        style: The look of the picture.
        is_upper: Which row.
        edge: Where the edges of the incisors are, e below the line of closed lips; None for where
            they usually are.

    Returns:
        (H, W, 4) float32, premultiplied.
    """
    x, direction = np.abs(canvas.x), 1 if is_upper else -1
    widths = np.array(_UPPER_TEETH if is_upper else _LOWER_TEETH, np.float32)
    lifts = np.array(_UPPER_LIFT if is_upper else _LOWER_LIFT, np.float32)
    usual = TEETH_EDGE if is_upper else LOWER_EDGE
    line = (usual if edge is None else edge) - direction * 0.24 * x * x
    if style.is_flat:
        alpha = np.clip(0.5 + direction * (line - canvas.y) * canvas.scale, 0, 1)
        return canvas.finish(np.broadcast_to(0.98 * style.teeth, (*x.shape, 3)), alpha, style)
    ends = np.cumsum(widths)
    number = np.clip(np.searchsorted(ends, x.ravel()), 0, len(widths) - 1).reshape(x.shape)
    half = widths[number] / 2
    across = np.abs((x - (ends - widths)[number]) / half - 1)
    round_corners = (0.014 if is_upper else 0.006) * across**6
    above = direction * (line - canvas.y) - lifts[number] - round_corners
    cut = np.clip(0.5 + above * canvas.scale / 1.2, 0, 1)
    alpha = cut * (1 - ramp(x, float(ends[-1]) - 0.05, float(ends[-1])))
    along = np.clip(above / _HEIGHT, 0, 1.2)
    wide = max(_LINE, 0.7 / canvas.scale)
    gap = np.exp(-(((1 - across) * half / wide) ** 2)) * _LINE / wide
    depth = (0.38 if is_upper else 0.22) - 0.20 * np.clip(along * 2, 0, 1)
    body = 0.93 + 0.07 * np.cos(np.clip(along, 0, 1) * 3 - 1.2) - 0.05 * across**2
    shade = (1 - depth * gap) * body * np.clip(1 - (x / 0.31) ** 2, 0.05, 1) ** 0.7
    shade = shade * (1 + style.tilt * canvas.x)
    tooth = style.teeth
    if not is_upper:  # they stand in the shadow of the upper row, and only their edges catch light
        shade = shade * (_LOWER_LIGHT - 0.22 * np.clip(above / 0.035, 0, 1))
        tooth = 0.65 * tooth + 0.35 * style.flesh * tooth.mean() / max(float(style.flesh.mean()), 1)
    gum = ramp(along - 0.14 * across**3, 0.92, 1.02)[..., None]
    colour = tooth * (1 - gum) + 0.8 * style.flesh * gum
    return canvas.finish(colour * shade[..., None], alpha, style)


def draw_tongue(canvas: Canvas, style: Style) -> Floats:
    """Draw the tongue as it lies in the lower jaw.

    Args:
        canvas: Where to draw; its line is that of the jaw.
        style: The look of the picture.

    Returns:
        (H, W, 4) float32, premultiplied.
    """
    x, y = canvas.x, canvas.y
    below = y + (0.04 if style.is_flat else 0.075) - 1.5 * x * x
    if style.is_flat:
        alpha = np.clip(0.5 + below * canvas.scale, 0, 1)
        return canvas.finish(np.broadcast_to(style.flesh, (*x.shape, 3)), alpha, style)
    shape = ramp(below, -0.025, 0.045) * (1 - ramp(np.abs(x), 0.15, 0.24))
    groove = 1 - 0.11 * np.exp(-((x / 0.026) ** 2)) * ramp(below, 0.01, 0.06)
    front = 1 - 0.35 * ramp(below, 0.072, 0.115)  # it bends down behind the lower teeth
    body = (0.34 + 0.66 * ramp(below, -0.02, 0.085)) * front
    body = body * np.clip(1 - (x / 0.26) ** 2, 0.2, 1)
    noise = np.random.default_rng(1).normal(0, 1, x.shape).astype(np.float32)
    rough = np.asarray(cv2.GaussianBlur(noise, (0, 0), max(0.008 * canvas.scale, 0.8)))
    light = (1 + style.tilt * x) * (1 + 0.035 * rough / max(float(rough.std()), 1e-6))
    return canvas.finish(style.flesh * (groove * body * light)[..., None], shape, style)


def draw_tip(canvas: Canvas, style: Style) -> Floats:
    """Draw the raised tip of the tongue.

    Args:
        canvas: Where to draw; the tip ends at its line.
        style: The look of the picture.

    Returns:
        (H, W, 4) float32, premultiplied.
    """
    x, below = canvas.x, canvas.y - 5.0 * canvas.x**2
    if style.is_flat:
        alpha = np.clip(0.5 + below * canvas.scale, 0, 1)
        return canvas.finish(np.broadcast_to(style.flesh, (*x.shape, 3)), alpha, style)
    shape = ramp(below, -0.006, 0.012) * (1 - ramp(np.abs(x), 0.13, 0.19))
    body = 0.70 + 0.30 * np.sin(np.clip(below / 0.09, 0, 1) * 2.6)
    body = body * np.clip(1 - (x / 0.22) ** 2, 0.3, 1) * (1 + style.tilt * x)
    return canvas.finish(style.flesh * body[..., None], shape, style)
