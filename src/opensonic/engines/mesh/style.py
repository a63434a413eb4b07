"""How the picture looks: its light, colours, sharpness and grain, and what it is made of.

What the engine adds to a picture (mouth interior, lashes) is drawn in this style: a photograph gets
a mouth of flesh in its own light, a picture without colours a grey one, a statue one of its stone,
and a flat drawing flat shapes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.light import find_light, read_skin
from opensonic.engines.mesh.lips import redness
from opensonic.engines.mesh.rig import Rig
from opensonic.engines.mesh.sampling import Floats, Image
from opensonic.engines.mesh.warp import ramp
from opensonic.face import topology

_SKIN = (50, 101, 118, 280, 330, 347, 205, 425, 36, 266, 4, 9, 151)
"""Landmarks on cheeks, nose and forehead."""
_CHEEKS = (205, 425, 207, 427, 57, 287)
"""Landmarks beside the mouth, the person's right and left in turn."""
_DRAWN = 17.0
"""Strongest edges of a face over its median gradient: photographs reach 11, drawings 30."""
_FLAT = 80.0
"""Strongest edges over the lower quartile: photographs reach 30, soft renderings 55, flat colours
110."""
_EVEN, _STRONG = 0.05, 190.0
"""Share of a face without any change of brightness, and the strongest tenth of its edges, from
which it is filled with flat colours: photographs reach 0.01 and 170, drawings start at 0.09 and
215."""
_SPOT = np.ones((3, 3), np.uint8)
_COLOURED = (0.02, 0.05)
"""Spread of redness in a face: up to 0.01 where a picture has one hue, 0.06 to 0.4 in colour."""
_BLIND = 0.5
"""Brightness of the pupils over that of the skin: people reach 0.3, statues are near 1."""
_MORE_LIGHT = 0.5
"""Largest difference of light that one e makes across the teeth."""
_OVERHEAD = np.array([0.0, -0.6, 0.8], np.float32)
_PINK = np.array([0.86, 0.43, 0.42], np.float32)
_IVORY = np.array([1.10, 1.03, 0.935], np.float32)
_CREASE = np.array([0.50, 0.60, 0.58], np.float32)
_INK = np.array([0.88, 0.92, 0.90], np.float32)
"""What the line between closed lips takes from the light of the skin: of a photograph, drawn."""
_CAVE = np.array([0.21, 0.075, 0.07], np.float32)
"""Tongue, teeth and throat in white light."""


@dataclass(frozen=True, eq=False)
class Style:
    """The look of a picture around the face.

    Attributes:
        light: (3,) float32, RGB of a white thing in the light of the face, 0 to 255.
        teeth: (3,) float32, RGB of teeth in that light.
        flesh: (3,) float32, RGB of tongue and gums.
        cave: (3,) float32, RGB of the throat.
        crease: (3,) float32, share of the light that the line between closed lips takes.
        tilt: How much brighter the light is one e to the face's right, as a share.
        toward: (3,) float32 unit vector to the light: right, down, towards the viewer.
        softness: Width of an edge, px.
        grain: Standard deviation of the noise, 0 to 255.
        is_drawn: Whether it is a drawing or a rendering, without the grain of a photograph.
        is_flat: Whether it is drawn in flat colours or lines.
        is_stone: Whether it shows a statue.
    """

    light: Floats
    teeth: Floats
    flesh: Floats
    cave: Floats
    crease: Floats
    tilt: float
    toward: Floats
    softness: float
    grain: float
    is_drawn: bool
    is_flat: bool
    is_stone: bool

    @property
    def relief(self) -> float:
        """How much light and shade the picture shows on what stands out, 0 to 1."""
        return 0.0 if self.is_flat else 1.0

    @property
    def roll(self) -> float:
        """How far pressed lips roll in, 0 to 1: flat lips would lose the line between them."""
        return 0.0 if self.is_flat else 1.0


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
        light = np.array([200, 194, 186], np.float32)
        look = (light * _IVORY, light * _PINK, light * _CAVE)
        return Style(light, *look, _CREASE, 0.0, _OVERHEAD, 1.0, 0.0, False, False, False)
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    softness, grain = _measure_texture(grey, face)
    skin = np.median(_read_skin(image, rig), 0)
    colourful = _measure_colours(part, face, rig.e)
    light = _measure_light(image, part[face].astype(np.float32), skin, colourful, rig)
    is_drawn, is_flat = _find_drawing(grey, inside, rig.e)
    is_stone = colourful < 0.5 and not is_drawn and _is_blind(image, skin, rig)
    if is_stone:
        teeth, flesh, cave = 0.94 * skin, 0.62 * skin, 0.2 * skin
    else:
        pale = [_without_hue(colour, colourful) for colour in (_IVORY, _PINK, _CAVE)]
        teeth, flesh, cave = (np.minimum(light * colour, 248) for colour in pale)
    toward, _ = find_light(read_skin(image, rig.landmarks, rig.e), rig)
    return Style(
        light,
        np.asarray(teeth, np.float32),
        np.asarray(flesh, np.float32),
        np.asarray(cave, np.float32),
        _INK if is_flat else _without_hue(_CREASE, colourful),
        0.0 if is_flat else _measure_tilt(image, rig),
        toward,
        softness,
        grain,
        is_drawn,
        is_flat,
        is_stone,
    )


def _without_hue(colour: Floats, colourful: float) -> Floats:
    """Take the hue from a colour where the picture has none."""
    grey = colour @ np.array([0.3, 0.59, 0.11], np.float32)
    return np.asarray(grey + colourful * (colour - grey), np.float32)


def _read_skin(image: Image, rig: Rig) -> Floats:
    """(13, 3) float32 colours of cheeks, nose and forehead."""
    height, width = image.shape[:2]
    spots = np.clip(rig.landmarks[list(_SKIN)], 0, (width - 1, height - 1)).astype(int)
    return np.asarray(image[spots[:, 1], spots[:, 0]], np.float32)


def _measure_colours(part: Image, face: npt.NDArray[np.bool_], e: float) -> float:
    """Say how much of nature's colours a face has: 0 in black and white or sepia, else 1."""
    seen = cv2.GaussianBlur(part, (0, 0), max(0.01 * e, 0.5))[face].astype(np.float32)
    seen = seen[seen.sum(1) > 90]
    if len(seen) < 64:
        return 1.0
    spread = np.ptp(np.percentile(redness(seen), [5, 95]))
    return float(ramp(np.asarray(spread, np.float32), *_COLOURED))


def _is_blind(image: Image, skin: Floats, rig: Rig) -> bool:
    """Tell whether the eyes have no dark pupils."""
    height, width = image.shape[:2]
    pupils = np.clip(rig.landmarks[[468, 473]], 0, (width - 1, height - 1)).astype(int)
    reach = max(int(0.03 * rig.e), 1)
    parts = [
        image[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
        for x, y in pupils
    ]
    return bool(np.mean([np.median(part.mean(-1)) for part in parts]) > _BLIND * skin.mean())


def _measure_tilt(image: Image, rig: Rig) -> float:
    """Compare the light on both sides of the mouth."""
    height, width = image.shape[:2]
    spots = np.clip(rig.landmarks[list(_CHEEKS)], 0, (width - 1, height - 1))
    reach = max(int(0.04 * rig.e), 1)
    bright = []
    for x, y in spots.astype(int):
        part = image[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
        bright.append(float(np.median(part.mean(-1))))
    right, left = np.mean(bright[::2]), np.mean(bright[1::2])
    share = 2 * (left - right) / max(float(left + right), 1.0)
    return float(np.clip(share, -_MORE_LIGHT, _MORE_LIGHT))


def _measure_texture(
    grey: npt.NDArray[np.float32], face: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    once, twice = cv2.GaussianBlur(grey, (0, 0), 1.0), cv2.GaussianBlur(grey, (0, 0), 2.0)
    fine, coarse = np.abs(grey - once)[face], np.abs(once - twice)[face]
    ratio = float(np.percentile(fine, 99)) / max(float(np.percentile(coarse, 99)), 1e-3)
    return float(np.clip(1.5 / max(ratio, 1e-3), 1.0, 5.0)), float(np.median(fine))


def _find_drawing(grey: npt.NDArray[np.float32], inside: Image, e: float) -> tuple[bool, bool]:
    """Tell whether a face is drawn, and whether in flat colours."""
    scale = min(120 / e, 1.0)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    size = (small.shape[1], small.shape[0])
    mask = cv2.resize(inside, size, interpolation=cv2.INTER_NEAREST)
    mask = cv2.erode(mask, np.ones((15, 15), np.uint8), borderValue=0)
    steep = np.hypot(cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1))
    range_ = cv2.dilate(small, _SPOT) - cv2.erode(small, _SPOT)
    steep, even = steep[mask > 0], range_[mask > 0] < 1
    if len(steep) < 100:
        return False, False
    quarter, half, tenth, most = np.percentile(steep, [25, 50, 90, 99])
    is_filled = bool(even.mean() > _EVEN and tenth > _STRONG)
    is_drawn = is_filled or bool(most > _DRAWN * max(half, 1.0))
    return is_drawn, is_filled or (is_drawn and bool(most > _FLAT * max(quarter, 1.0)))


def _measure_light(image: Image, face: Floats, skin: Floats, colourful: float, rig: Rig) -> Floats:
    height, width = image.shape[:2]
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
    tint = white / max(float(white.mean()), 1.0)
    daylight = 0.3 * np.clip(tint, 0.93, 1.08) + 0.7 * np.array([1.03, 1.0, 0.965])
    hue = colourful * daylight + (1 - colourful) * np.clip(tint, 0.7, 1.3)
    return np.asarray(np.clip(hue * level, 0, 245), np.float32)
