"""How the picture looks: its light, sharpness and grain, and whether it is drawn.

What the engine adds to a picture (mouth interior, lashes) is drawn in this style.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.rig import Rig
from opensonic.engines.mesh.sampling import Floats, Image
from opensonic.face import topology

_SKIN = (50, 101, 118, 280, 330, 347, 205, 425, 36, 266, 4, 9, 151)
"""Landmarks on cheeks, nose and forehead."""
_DRAWN = 17.0
"""Strongest edges of a face over its median gradient: photographs reach 11, drawings 30."""


@dataclass(frozen=True, eq=False)
class Style:
    """The look of a picture around the face.

    Attributes:
        light: (3,) float32, RGB of a white thing in the light of the face, 0 to 255.
        softness: Width of an edge, px.
        grain: Standard deviation of the noise, 0 to 255.
        is_drawn: Whether it is a drawing with flat colours and outlines.
    """

    light: Floats
    softness: float
    grain: float
    is_drawn: bool


def measure_style(image: Image, rig: Rig) -> Style:
    """Measure the look of a picture.

    Args:
        image: (H, W, 3) uint8, RGB.
        rig: The portrait's rig.
    """
    hull = cv2.convexHull(np.round(rig.landmarks).astype(np.int32))
    x, y, width, height = cv2.boundingRect(hull)
    x0, y0 = max(x, 0), max(y, 0)
    part = image[y0 : max(y + height, y0 + 8), x0 : max(x + width, x0 + 8)]
    inside = np.zeros(part.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, np.asarray(hull - (x0, y0), np.int32), 1)
    face = inside > 0
    if face.sum() < 64:
        return Style(np.array([200, 194, 186], np.float32), 1.0, 0.0, False)
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    softness, grain = _measure_texture(grey, face)
    light = _measure_light(image, part[face].astype(np.float32), rig)
    return Style(light, softness, grain, _is_drawn(grey, inside, rig.e))


def _measure_texture(
    grey: npt.NDArray[np.float32], face: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    once, twice = cv2.GaussianBlur(grey, (0, 0), 1.0), cv2.GaussianBlur(grey, (0, 0), 2.0)
    fine, coarse = np.abs(grey - once)[face], np.abs(once - twice)[face]
    ratio = float(np.percentile(fine, 99)) / max(float(np.percentile(coarse, 99)), 1e-3)
    return float(np.clip(1.5 / max(ratio, 1e-3), 1.0, 5.0)), float(np.median(fine))


def _is_drawn(grey: npt.NDArray[np.float32], inside: Image, e: float) -> bool:
    scale = min(120 / e, 1.0)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    size = (small.shape[1], small.shape[0])
    mask = cv2.resize(inside, size, interpolation=cv2.INTER_NEAREST)
    mask = cv2.erode(mask, np.ones((15, 15), np.uint8), borderValue=0)
    steep = np.hypot(cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1))
    steep = steep[mask > 0]
    if len(steep) < 100:
        return False
    return float(np.percentile(steep, 99)) > _DRAWN * max(float(np.median(steep)), 1.0)


def _measure_light(image: Image, face: Floats, rig: Rig) -> Floats:
    height, width = image.shape[:2]
    spots = np.clip(rig.landmarks[list(_SKIN)], 0, (width - 1, height - 1)).astype(int)
    skin = np.median(image[spots[:, 1], spots[:, 0]].astype(np.float32), 0)
    whites = [skin]
    for ring in (topology.RIGHT_EYE, topology.LEFT_EYE):
        outline = np.round(rig.landmarks[list(ring)]).astype(np.int32)
        x0, y0 = np.clip(outline.min(0), 0, (width - 1, height - 1))
        x1, y1 = np.clip(outline.max(0) + 1, (x0 + 1, y0 + 1), (width, height))
        part = image[y0:y1, x0:x1]
        shape = np.zeros(part.shape[:2], np.uint8)
        cv2.fillPoly(shape, [np.asarray(outline - (x0, y0), np.int32)], 1)
        seen = part[shape > 0].astype(np.float32)
        if len(seen):
            whites.append(seen[np.argsort(seen.sum(1))[int(0.85 * (len(seen) - 1))]])
    white = np.mean(whites[1:] or whites, 0)
    bright = float(np.percentile(face.mean(1), 97))
    level = max(float(white.mean()), 1.12 * float(skin.mean()), 0.85 * bright, 60.0)
    tint = np.clip(white / max(float(white.mean()), 1.0), 0.93, 1.08)
    hue = 0.3 * tint + 0.7 * np.array([1.03, 1.0, 0.965])
    return np.asarray(np.clip(hue * level, 0, 245), np.float32)
