"""What lies behind the lips: a dark cavity, teeth on the skull, teeth and tongue on the jaw.

The interior is drawn once per portrait, in mouth coordinates, with the light and sharpness of the
picture; a frame only moves the drawings and shades them below the lips, so nothing flickers.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from opensonic.channels import INDEX, JAW_GAP
from opensonic.engines.mesh.camera import MOUTH_V
from opensonic.engines.mesh.own_teeth import OwnTeeth, find_teeth, show_teeth
from opensonic.engines.mesh.rig import Rig
from opensonic.engines.mesh.sampling import Box, Floats, Image, sample
from opensonic.engines.mesh.seam import Cover
from opensonic.engines.mesh.style import Style
from opensonic.engines.mesh.teeth import Canvas, draw_teeth, draw_tip, draw_tongue

_TEETH_GAP = 0.08
"""Opening of the picture's mouth from which its own teeth are worth taking, e."""
_HALF_WIDTH, _ABOVE, _BELOW = 0.40, 0.22, 0.30
"""Reach of the drawings around the middle of the mouth, e; further where a corner lies further."""
_USUAL = 0.31
"""Half the width of a mouth, e."""
_TIP = 0.024
"""Where the raised tip of the tongue ends: behind the edge of the upper teeth, e."""
_HIDDEN = 0.02
"""How far the tip of the tongue is raised before it shows."""
_SLOT = 0.016
"""Opening that lets half of the light in, e."""
_TUCKED = 0.6
"""What of the shadow a lower lip that is tucked in takes away: no dark gap is below the teeth. That
of the upper lip stays."""
_TUNNEL = 0.5
"""What lips that are put forward take from the light."""


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
        self._style = style
        middle = len(rig.lips.grid) // 2
        gap = float(rig.lips.lower[middle] - rig.lips.upper[middle])
        self._line = float(rig.lips.upper[middle]) + rig.lips.meet * gap
        k = self._scale
        corners = rig.lips.to_frame(
            rig.lips.place(np.array([-1, 1], np.float32), np.zeros(2, np.float32))
        )
        left, right = corners[:, 0].tolist()
        self._left = min(1.2 * left, -_HALF_WIDTH)
        wide = max(1.2 * right, _HALF_WIDTH) - self._left
        size = (int((_ABOVE + _BELOW) * k) + 1, int(wide * k) + 1)
        rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32)
        # the row of teeth turns with the lips: its middle is theirs, its ends at their corners
        along = rig.lips.along(columns.ravel() / k + np.float32(self._left)).reshape(size)
        half = 0.5 * (_USUAL + 0.5 * (right - left))
        self._canvas = Canvas(along * np.float32(half), rows / k - _ABOVE, k)
        own = self._find_teeth(image)
        if own is None:
            self.upper = draw_teeth(self._canvas, style, True)
        else:
            style = replace(style, teeth=own.colour)
            self.upper = show_teeth(self._canvas, style, own)
        self.lower = None if style.is_flat else draw_teeth(self._canvas, style, False)
        self.tongue = draw_tongue(self._canvas, style)
        self.tip = draw_tip(self._canvas, style)
        self._floor = self.tongue
        if self.lower is not None:
            self._floor = self.lower + self.tongue * (1 - self.lower[..., 3:])
        glow = style.flesh / max(float(style.light.mean()), 1.0)
        self._glow = np.asarray((0.08 if style.is_flat else 0.30) * glow, np.float32)
        self._dark = np.float32(0.3 if style.is_flat else 1.0)

    def _find_teeth(self, image: Image) -> OwnTeeth | None:
        """Find the person's own teeth where the picture shows them."""
        rig = self._rig
        if not rig.lips.is_open or float((rig.lips.lower - rig.lips.upper).max()) < _TEETH_GAP:
            return None
        matrix = self._matrix(np.eye(2, 3, dtype=np.float32), (0, 0))
        rows, columns = np.indices(self._canvas.x.shape, np.float32)
        places = np.stack([columns, rows], -1) @ matrix[:, :2].T + matrix[:, 2]
        seen = sample(image, places.astype(np.float32)).astype(np.float32)
        points = rig.points(places.reshape(-1, 2))
        inside = np.minimum(points.below_upper, -points.below_lower).reshape(rows.shape)
        return find_teeth(self._canvas, seen, inside, rig.lips.redness)

    def _matrix(self, head: Floats, origin: tuple[int, int]) -> Floats:
        axes = self._rig.camera.axes
        corner = self._rig.lips.middle + axes[0] * self._left + axes[1] * (self._line - _ABOVE)
        full = head[:, :2] @ np.column_stack([axes[:2].T / self._scale, corner])
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
        tuck = float(np.clip(coefficients[INDEX["lower_lip_tuck"]], 0, 1))
        pout = float(np.clip(coefficients[INDEX["lip_pucker"]], 0, 1))
        e, dark = self._scale, self._dark
        depth, height = np.maximum(cover.depth, 0) / e, np.maximum(cover.height, 0) / e
        lower_light = 1 - dark * (1 - np.clip(0.30 + depth * 5, 0, 1))
        shadow = 1 - dark * 0.6 * np.minimum(height / 0.12, 1)
        picture = np.asarray(shadow[..., None] * self._style.cave, np.float32)
        raised = lift * lift * (3 - 2 * lift)
        tip = _TIP + (1 - raised) * (jaw + 0.06)
        layers = [(self._floor, jaw, True)]
        if raised >= _HIDDEN:  # the tip of the tongue comes between tongue and lower teeth
            layers = [(self.tongue, jaw, True), (self.tip, tip, False)]
            layers += [] if self.lower is None else [(self.lower, jaw, True)]
        matrix, down = self._matrix(head, (box[0], box[1])), head[:, :2] @ self._rig.camera.axes[1]
        for layer, shift, is_low in (*layers, (self.upper, 0.0, False)):
            moved = np.column_stack([matrix[:, :2], matrix[:, 2] + down * np.float32(shift)])
            seen = cv2.warpAffine(layer, moved, size, flags=cv2.INTER_LINEAR)
            drawn = np.asarray(seen, np.float32)
            colour = drawn[..., :3]
            if is_low:
                colour *= np.asarray(lower_light[..., None], np.float32)
            picture *= 1 - drawn[..., 3:]
            picture += colour
        gap = depth + height
        under = 0.45 + 0.55 * np.minimum(depth / 0.045, 1)
        over = 0.60 + 0.40 * np.minimum(height / 0.03, 1)
        in_shade = dark * (1 - _TUCKED * min(1.5 * tuck, 1))
        lit = 1 - in_shade * (1 - over * gap / (gap + _SLOT))
        lit *= (1 - dark * (1 - under)) * (1 - dark * _TUNNEL * pout)
        picture *= np.asarray(lit[..., None] * (1 - self._glow) + self._glow, np.float32)
        return picture

    def shade_line(
        self, picture: Image, cover: Cover, edges: Floats, box: Box, strength: float
    ) -> None:
        """Darken the skin where the lips meet, as the picture's own line does where it has one.

        Args:
            picture: (H, W, 3) uint8, RGB; changed.
            cover: How the lips cover the patch.
            edges: (2, N, 2) float32 edges of the lips, px.
            box: x0, y0, x1, y1 of the patch, px.
            strength: 0 to 1.
        """
        width = max((0.016 if self._style.is_flat else 0.020) * self._scale, 1.2)
        top = max(int(edges[..., 1].min() - width) - box[1], 0)
        rows = slice(top, max(int(edges[..., 1].max() + width) + 2 - box[1], top + 1))
        xs = np.arange(box[0], box[2], dtype=np.float32)
        low, high = edges[0, 0, 0], edges[0, -1, 0]
        across = np.clip(2 * (xs - low) / max(high - low, 1) - 1, -1, 1)
        away = np.maximum(-cover.depth[rows], -cover.height[rows])
        near = np.clip(1 - away / width, 0, 1) ** 2
        near *= strength * (1 - across**6)
        picture[rows] = cv2.convertScaleAbs(
            picture[rows] * (1 - near[..., None] * self._style.crease)
        )


def head_reference() -> Floats:
    """(3, 3) float32 canonical places of the skull behind the mouth, not on one line."""
    return np.array([[0, MOUTH_V, 0.5], [0.3, MOUTH_V, 0.5], [0, MOUTH_V + 0.3, 0.5]], np.float32)


def mouth_depth(rig: Rig) -> Floats:
    """(3,) float32 depth of those places in the picture, e towards the viewer."""
    return np.asarray(head_reference()[[0, 0, 0]] @ rig.camera.rotation[2], np.float32)
