"""What lies behind the lips: a dark cavity, teeth on the skull, teeth and tongue on the jaw.

The interior is drawn once per portrait, in mouth coordinates, with the light and sharpness of the
picture; a frame only moves the drawings and shades them below the lips, so nothing flickers.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.channels import INDEX, JAW_GAP
from opensonic.engines.mesh.rig import MOUTH_V, Box, Floats, Rig
from opensonic.engines.mesh.seam import Cover
from opensonic.engines.mesh.warp import ramp

_UPPER_TEETH = (0.050, 0.046, 0.043, 0.037, 0.031, 0.026)
"""Half of the row from the middle: widths as seen from the front, e."""
_UPPER_EDGE = 0.045
"""How far the upper teeth reach below the line of closed lips, e."""
_LOWER_TEETH = (0.032, 0.033, 0.037, 0.034, 0.030, 0.026)
_LOWER_EDGE = 0.004
_HALF_WIDTH, _ABOVE, _BELOW = 0.40, 0.22, 0.30
"""Reach of the drawings around the middle of the mouth, e."""


def measure_light(image: npt.NDArray[np.uint8], rig: Rig) -> Floats:
    """Estimate the colour of a white thing in the light of the face: (3,) float32 RGB."""
    x, y = rig.landmarks[:, 0], rig.landmarks[:, 1]
    height, width = image.shape[:2]
    cheeks = [50, 101, 118, 280, 330, 347, 205, 425, 36, 266, 4, 9, 151]
    columns = np.clip(x[cheeks], 0, width - 1).astype(int)
    rows = np.clip(y[cheeks], 0, height - 1).astype(int)
    skin = np.median(image[rows, columns].astype(np.float32), 0)
    eyes = []
    for ring in ((33, 159, 133, 145), (362, 386, 263, 374)):
        shape = np.zeros((height, width), np.uint8)
        cv2.fillConvexPoly(shape, np.round(rig.landmarks[list(ring)]).astype(np.int32), 1)
        inside = image[shape > 0].astype(np.float32)
        if len(inside):
            order = np.argsort(inside.sum(1))
            eyes.append(inside[order[int(0.75 * (len(order) - 1))]])
    white = np.mean(eyes, 0) if eyes else skin
    level = max(float(white.mean()), float(skin.mean()) * 1.05, 60.0)
    tint = np.clip(white / max(white.mean(), 1), 0.92, 1.10)
    hue = 0.3 * tint + 0.7 * np.array([1.03, 1.0, 0.955])
    return np.asarray(np.clip(hue * level, 0, 245), np.float32)


class Mouth:
    """The interior of one portrait's mouth.

    Args:
        image: (H, W, 3) uint8, RGB.
        rig: The portrait's rig.
        softness: Width of an edge in the picture, px.
    """

    def __init__(self, image: npt.NDArray[np.uint8], rig: Rig, softness: float) -> None:
        self._rig = rig
        self._scale = float(rig.e)
        self._light = measure_light(image, rig)
        middle = len(rig.grid) // 2
        gap = float(rig.lower[middle] - rig.upper[middle])
        self._line = float(rig.upper[middle]) + 0.4 * gap
        k = self._scale
        size = (int((_ABOVE + _BELOW) * k) + 1, int(2 * _HALF_WIDTH * k) + 1)
        rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32)
        self._x, self._y = columns / k - _HALF_WIDTH, rows / k - _ABOVE
        self._softness = softness
        self.upper = self._draw_teeth(_UPPER_TEETH, True)
        self.lower = self._draw_teeth(_LOWER_TEETH, False)
        self.tongue = self._draw_tongue()

    def _finish(self, colour: Floats, alpha: Floats) -> Floats:
        """Soften a drawing as the picture is: (H, W, 4) float32, premultiplied, alpha last."""
        sigma = max(self._softness * 0.5, 0.35)
        both = np.dstack([colour * alpha[..., None], alpha]).astype(np.float32)
        return np.asarray(cv2.GaussianBlur(both, (0, 0), sigma), np.float32)

    def _draw_teeth(self, widths: tuple[float, ...], is_upper: bool) -> Floats:
        x, y = np.abs(self._x), self._y
        ends = np.cumsum(widths)
        starts = ends - widths
        number = np.clip(np.searchsorted(ends, x.ravel()), 0, len(widths) - 1).reshape(x.shape)
        half = np.array(widths, np.float32)[number] / 2
        across = (x - starts.astype(np.float32)[number]) / half - 1
        soft = 1.2 / self._scale
        bend = np.abs(across) ** 3
        if is_upper:
            lift = np.array([0.0, 0.010, 0.002, 0.012, 0.016, 0.02], np.float32)[number]
            edge = _UPPER_EDGE - lift - 0.22 * x * x - 0.010 * bend
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
        gap = 1 - 0.42 * np.clip(np.abs(across), 0, 1) ** 7
        body = 0.90 + 0.10 * np.cos(np.clip(along, 0, 1) * 3 - 1.2)
        shade = side * gap * body * (0.80 if is_upper else 0.55)
        ivory = self._light * np.array([1.0, 0.955, 0.86], np.float32)
        pink = self._light * np.array([0.66, 0.36, 0.36], np.float32)
        colour = ivory * (1 - gum[..., None]) + pink * gum[..., None]
        return self._finish(colour * shade[..., None], inside * end)

    def _draw_tongue(self) -> Floats:
        x, y = self._x, self._y
        top = -0.015 + 1.5 * x * x
        inside = ramp(y - top, 0.0, 0.03) * (1 - ramp(np.abs(x), 0.19, 0.26))
        groove = 1 - 0.22 * np.exp(-((x / 0.018) ** 2))
        round_ = np.clip(0.35 + 4.0 * (y - top), 0.35, 0.95) * np.clip(1 - (x / 0.3) ** 2, 0.2, 1)
        pink = self._light * np.array([0.66, 0.36, 0.35], np.float32)
        colour = pink * (groove * round_)[..., None]
        return self._finish(colour, inside.astype(np.float32))

    def _matrix(self, head: Floats, shift: float, origin: tuple[int, int]) -> Floats:
        axes = self._rig.camera.axes
        corner = self._rig.mouth + axes[0] * -_HALF_WIDTH
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
        lift = float(np.clip(coefficients[INDEX["tongue_up"]], 0, 1.2))
        e = self._scale
        depth, height = cover.depth / e, cover.height / e
        deep = np.float32(0.30) + np.float32(0.7) * np.exp(-np.maximum(height, 0) / 0.10)
        picture = (self._light * np.array([0.21, 0.075, 0.075], np.float32)) * deep[..., None]
        reach = jaw - max(jaw - 0.075, 0.0) * min(lift, 1.0)
        layers = (
            (self.tongue, reach + 0.02 - 0.05 * min(lift, 1.0)),
            (self.lower, jaw),
            (self.upper, 0.0),
        )
        lower_light = np.clip(0.35 + np.maximum(depth, 0) * 5, 0, 1)
        for layer, shift in layers:
            matrix = self._matrix(head, shift, (box[0], box[1]))
            drawn = cv2.warpAffine(layer, matrix, size, flags=cv2.INTER_LINEAR)
            colour = drawn[..., :3]
            if layer is not self.upper:
                colour = colour * lower_light[..., None]
            picture = picture * (1 - drawn[..., 3:]) + colour
        under_lip = 0.42 + 0.58 * np.clip(depth / 0.055, 0, 1)
        over_lip = 0.55 + 0.45 * np.clip(height / 0.035, 0, 1)
        return np.asarray(picture * (under_lip * over_lip)[..., None], np.float32)


def head_reference() -> Floats:
    """(3, 3) float32 canonical places of the skull behind the mouth, not on one line."""
    return np.array([[0, MOUTH_V, 0.5], [0.3, MOUTH_V, 0.5], [0, MOUTH_V + 0.3, 0.5]], np.float32)
