"""What lies behind the lips: a dark cavity, teeth on the skull, teeth and tongue on the jaw.

The interior is drawn once per portrait, in mouth coordinates, with the light and sharpness of the
picture; a frame only moves the drawings and shades them below the lips, so nothing flickers.
"""

from __future__ import annotations

import cv2
import numpy as np

from opensonic.channels import INDEX, JAW_GAP
from opensonic.engines.mesh.camera import MOUTH_V
from opensonic.engines.mesh.lips import redness
from opensonic.engines.mesh.rig import Rig
from opensonic.engines.mesh.sampling import Box, Floats, Image, sample
from opensonic.engines.mesh.seam import Cover
from opensonic.engines.mesh.style import Style
from opensonic.engines.mesh.warp import ramp

_UPPER_TEETH = (0.050, 0.046, 0.043, 0.037, 0.031, 0.026)
"""Half of the row from the middle: widths as seen from the front, e."""
_UPPER_EDGE = 0.045
"""How far the upper teeth reach below the line of closed lips, e."""
_LOWER_TEETH = (0.032, 0.033, 0.037, 0.034, 0.030, 0.026)
_LOWER_EDGE = 0.014
_TEETH_GAP = 0.08
"""Opening of the picture's mouth from which its own teeth are worth taking, e."""
_HALF_WIDTH, _ABOVE, _BELOW = 0.40, 0.22, 0.30
"""Reach of the drawings around the middle of the mouth, e."""


class Mouth:
    """The interior of one portrait's mouth.

    Args:
        image: (H, W, 3) uint8, RGB.
        rig: The portrait's rig.
        style: The look of the picture.
    """

    def __init__(self, image: Image, rig: Rig, style: Style) -> None:
        self._rig = rig
        self._scale = float(rig.e)
        self._light, self._style = style.light, style
        middle = len(rig.lips.grid) // 2
        gap = float(rig.lips.lower[middle] - rig.lips.upper[middle])
        self._line = float(rig.lips.upper[middle]) + 0.4 * gap
        k = self._scale
        size = (int((_ABOVE + _BELOW) * k) + 1, int(2 * _HALF_WIDTH * k) + 1)
        rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32)
        self._x, self._y = columns / k - _HALF_WIDTH, rows / k - _ABOVE
        own = self._take_teeth(image)
        self.upper = self._draw_teeth(_UPPER_TEETH, True) if own is None else own
        self.lower = self._draw_teeth(_LOWER_TEETH, False)
        self.tongue = self._draw_tongue()

    def _finish(self, colour: Floats, alpha: Floats) -> Floats:
        """Soften a drawing as the picture is: (H, W, 4) float32, premultiplied, alpha last."""
        sigma = max(self._style.softness * 0.5, 0.35)
        both = np.dstack([colour * alpha[..., None], alpha]).astype(np.float32)
        both = np.asarray(cv2.GaussianBlur(both, (0, 0), sigma), np.float32)
        if not self._style.is_drawn:
            noise = np.random.default_rng(0).normal(0, self._style.grain, alpha.shape)
            both[..., :3] += (noise * both[..., 3])[..., None]
        return both

    def _take_teeth(self, image: Image) -> Floats | None:
        """Take the person's own teeth, where the picture shows them: (H, W, 4) or None."""
        rig, e = self._rig, self._scale
        if not rig.lips.is_open or float((rig.lips.lower - rig.lips.upper).max()) < _TEETH_GAP:
            return None
        matrix = self._matrix(np.eye(2, 3, dtype=np.float32), 0.0, (0, 0))
        rows, columns = np.indices(self._x.shape, np.float32)
        places = np.stack([columns, rows], -1) @ matrix[:, :2].T + matrix[:, 2]
        colour = sample(image, places.astype(np.float32)).astype(np.float32)
        points = rig.points(places.reshape(-1, 2))
        inside = np.minimum(points.below_upper, -points.below_lower).reshape(self._x.shape)
        bright, red = colour.mean(-1), redness(colour)
        teeth = (inside > 0.015) & (red < 0.6 * rig.lips.redness)
        if teeth.sum() < 20:
            return None
        level, own_red = np.percentile(bright[teeth], 85), float(np.median(red[teeth]))
        lip_red = max(rig.lips.redness, own_red + 0.05)
        limits = (own_red + 0.4 * (lip_red - own_red), own_red + 0.8 * (lip_red - own_red))
        like = ramp(bright / level, 0.42, 0.66) * (1 - ramp(red, *limits))
        like *= ramp(inside, 0.0, 0.02)
        size = 2 * int(0.012 * e) + 1
        like = np.asarray(cv2.morphologyEx(like, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8)))
        if like[inside > 0.015].mean() < 0.3:
            return None
        return self._finish(colour, like)

    def _draw_teeth(self, widths: tuple[float, ...], is_upper: bool) -> Floats:
        x, y = np.abs(self._x), self._y
        ends = np.cumsum(widths)
        starts = ends - widths
        number = np.clip(np.searchsorted(ends, x.ravel()), 0, len(widths) - 1).reshape(x.shape)
        half = np.array(widths, np.float32)[number] / 2
        across = (x - starts.astype(np.float32)[number]) / half - 1
        soft = 1.2 / self._scale
        bend = np.abs(across) ** 4
        if is_upper:
            lift = np.array([0.0, 0.010, 0.002, 0.012, 0.016, 0.02], np.float32)[number]
            edge = _UPPER_EDGE - lift - 0.22 * x * x - 0.008 * bend
            inside = np.clip((edge - y) / soft, 0, 1)
            along = (edge - y) / 0.10
            gum = ramp(along - 0.18 * bend, 0.92, 1.02)
        else:
            edge = _LOWER_EDGE + 0.30 * x * x + 0.006 * bend
            inside = np.clip((y - edge) / soft, 0, 1)
            along = (y - edge) / 0.085
            gum = ramp(along - 0.18 * bend, 0.92, 1.02)
        end = 1 - ramp(x, float(ends[-1]) - 0.02, float(ends[-1]))
        side = np.clip(1 - (x / 0.34) ** 2, 0.06, 1)
        gap = 1 - (0.12 if self._style.is_drawn else 0.34) * np.clip(np.abs(across), 0, 1) ** 8
        body = 0.90 + 0.10 * np.cos(np.clip(along, 0, 1) * 3 - 1.2)
        shade = side * gap * body * (0.95 if is_upper else 0.62)
        ivory = self._light * np.array([1.03, 0.955, 0.87], np.float32)
        pink = self._light * np.array([0.66, 0.36, 0.36], np.float32)
        colour = ivory * (1 - gum[..., None]) + pink * gum[..., None]
        return self._finish(colour * shade[..., None], inside * end)

    def _draw_tongue(self) -> Floats:
        x, y = self._x, self._y
        top = -0.085 + 1.6 * x * x
        inside = ramp(y - top, -0.01, 0.05) * (1 - ramp(np.abs(x), 0.17, 0.25))
        groove = 1 - 0.16 * np.exp(-((x / 0.02) ** 2))
        round_ = np.clip(0.30 + 7.0 * (y - top), 0.30, 1.0) * np.clip(1 - (x / 0.3) ** 2, 0.2, 1)
        pink = self._light * np.array([0.86, 0.43, 0.42], np.float32)
        colour = pink * (groove * round_)[..., None]
        return self._finish(colour, inside.astype(np.float32))

    def _matrix(self, head: Floats, shift: float, origin: tuple[int, int]) -> Floats:
        axes = self._rig.camera.axes
        corner = self._rig.lips.middle + axes[0] * -_HALF_WIDTH
        corner = corner + axes[1] * (self._line - _ABOVE + shift)
        into = np.column_stack([axes[0] / self._scale, axes[1] / self._scale, corner])
        full = head[:, :2] @ into
        full[:, 2] += head[:, 2]
        full[:, 2] -= origin
        return np.asarray(full, np.float32)

    def render(self, box: Box, cover: Cover, coefficients: Floats, head: Floats) -> Floats:
        """Draw the interior in a frame.

        Args:
            box: x0, y0, x1, y1 of the patch, px.
            cover: How the lips cover the patch.
            coefficients: (K,) float32.
            head: (2, 3) float32, moves the picture's skull into the frame.

        Returns:
            (H, W, 3) float32, 0 to 255.
        """
        size = (box[2] - box[0], box[3] - box[1])
        jaw = float(coefficients[INDEX["jaw_open"]]) * JAW_GAP
        lift = float(np.clip(coefficients[INDEX["tongue_up"]], 0, 1))
        e = self._scale
        depth, height = cover.depth / e, cover.height / e
        deep = np.float32(0.30) + np.float32(0.7) * np.exp(-np.maximum(height, 0) / 0.10)
        picture = (self._light * np.array([0.24, 0.085, 0.08], np.float32)) * deep[..., None]
        reach = jaw - max(jaw - 0.075, 0.0) * lift
        layers = (
            (self.tongue, reach + 0.02 - 0.05 * lift),
            (self.lower, jaw),
            (self.upper, 0.0),
        )
        lower_light = np.clip(0.35 + np.maximum(depth, 0) * 5, 0, 1)
        for layer, shift in layers:
            matrix = self._matrix(head, shift, (box[0], box[1]))
            drawn = cv2.warpAffine(layer, matrix, size, flags=cv2.INTER_LINEAR)
            if layer is self.lower:
                drawn = drawn * (1 - 0.85 * lift)
            if layer is not self.upper:
                drawn[..., :3] *= lower_light[..., None]
            picture = picture * (1 - drawn[..., 3:]) + drawn[..., :3]
        under_lip = 0.58 + 0.42 * np.clip(depth / 0.05, 0, 1)
        over_lip = 0.55 + 0.45 * np.clip(height / 0.035, 0, 1)
        shade = (under_lip * over_lip)[..., None] ** np.array([1.0, 1.10, 1.18], np.float32)
        return np.asarray(picture * shade, np.float32)


def head_reference() -> Floats:
    """(3, 3) float32 canonical places of the skull behind the mouth, not on one line."""
    return np.array([[0, MOUTH_V, 0.5], [0.3, MOUTH_V, 0.5], [0, MOUTH_V + 0.3, 0.5]], np.float32)


def mouth_depth(rig: Rig) -> Floats:
    """(3,) float32 depth of those places in the picture, e towards the viewer."""
    return np.asarray(head_reference()[[0, 0, 0]] @ rig.camera.rotation[2], np.float32)
