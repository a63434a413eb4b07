"""The person's outline to the hair: what differs from the background behind it is the person.

Around the rough outline a place belongs to the person as far as it differs from the continued
background (difference matting). Before a busy background, where everything differs, a guided
filter (He et al. 2013) brings the outline to the picture's edges instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.behind import fill_behind
from opensonic.engines.mesh.sampling import Floats, Image
from opensonic.engines.mesh.warp import ramp

_HAIR, _HAIR_IF_PLAIN = 0.1, 0.16
"""How far beyond the outline loose hair is looked for, before a busy and a plain background, e."""
_AROUND = 0.25
"""How far around a place its background counts, e."""
_CORE = (-0.05, -0.015)
"""Distances from the outline between which a place is no longer surely the person, e."""
_FADE = 0.4
"""Share of that distance from which on loose hair fades."""
_LEAST, _RANGE, _PER_TEXTURE = 6.0, 32.0, 1.3
"""Difference from the background that is none, and how much more is the person alone, 0 to 255;
the first grows with the background's texture."""
_WINDOW, _LARGER = 0.06, 3.0
"""Half the window in which texture is measured, e, and how much larger it is to tell the plain."""
_NEAR = 0.03
"""How far beside the person its background is the continued one, not the picture's own, e."""
_BUSY = (7.0, 20.0)
"""Texture of the background between which differences lose their meaning, 0 to 255."""
_PLAIN = (3.0, 8.0)
"""The same of a plain and of another background, in a larger window."""


@dataclass(frozen=True, eq=False)
class Matte:
    """A picture cut in two.

    Attributes:
        alpha: (H, W) float32, 1 on the person, 0 behind.
        behind: (H, W, 3) uint8, RGB, the background also behind the person.
    """

    alpha: Floats
    behind: Image


def cut_out(image: Image, away: Floats, uncut: Floats, e: float) -> Matte:
    """Cut a picture along a rough outline.

    Args:
        image: (H, W, 3) uint8, RGB.
        away: (h, w) float32 distance from the rough outline on a small copy, e; negative inside.
        uncut: (H, W) float32, 1 where nothing is cut.
        e: Distance of the outer eye corners, px.
    """
    height, width = image.shape[:2]
    far = np.asarray(cv2.resize(away, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    hair = _find_hair_reach(image, away, e)
    behind = fill_behind(image, ((far < hair) | (uncut > 0.5)).astype(np.uint8), e)
    texture = _measure_texture(behind, e)
    near = np.nonzero(np.abs(far) < hair)
    own, back = (picture[near].astype(np.float32) for picture in (image, behind))
    out, rough = far[near], texture[near]
    beyond = _largest(np.abs(own - back)) - _LEAST - _PER_TEXTURE * rough
    differs = ramp(beyond, 0, _RANGE) * (1 - ramp(out / hair[near], _FADE, 1.0))
    alpha = (far < 0).astype(np.float32)
    alpha[near] = differs + ramp(rough, *_BUSY) * (_follow_edges(image, away, e)[near] - differs)
    alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 0.9), np.float32)
    alpha[near] = np.maximum(alpha[near], 1 - ramp(out, *_CORE))
    alpha[far <= _CORE[0]], alpha[far >= hair] = 1, 0
    around = np.asarray(cv2.GaussianBlur(alpha, (0, 0), _NEAR * e), np.float32)
    seen = np.maximum(ramp(around[near], 0.0, 0.3), ramp(alpha[near], 0.02, 0.2))
    back = np.rint(own + seen[:, None] * (back - own))
    behind[near] = back.astype(np.uint8)
    np.copyto(behind, image, where=(far >= hair)[..., None])
    alpha[near] = np.maximum(alpha[near], _least_share(own, back))
    return Matte(np.maximum(alpha, uncut), behind)


def _largest(colours: Floats) -> Floats:
    """(N,) float32 largest of three; several times as fast as `max` along the short axis."""
    red, green, blue = colours.T
    return np.asarray(np.maximum(np.maximum(red, green), blue), np.float32)


def _least_share(own: Floats, back: Floats) -> Floats:
    """Give the share of the person from which on some colour of it gives the picture.

    Args:
        own: (N, 3) colours of the picture, 0 to 255.
        back: (N, 3) colours of the background there.
    """
    room = np.where(own > back, 255 - back, back)
    return _largest(np.abs(own - back) / np.maximum(room, 1))


def _find_hair_reach(image: Image, away: Floats, e: float) -> Floats:
    """(H, W) float32: how far beyond the outline loose hair is looked for, e."""
    size = (away.shape[1], away.shape[0])
    texture = cv2.resize(_measure_texture(image, _LARGER * e), size, interpolation=cv2.INTER_AREA)
    radius = _AROUND * e * away.shape[1] / image.shape[1]
    free = (away > _HAIR_IF_PLAIN + _WINDOW * _LARGER).astype(np.float32)
    amount = cv2.GaussianBlur(free, (0, 0), radius) + np.float32(1e-4)
    mean = cv2.GaussianBlur(free * texture, (0, 0), radius) / amount
    busy = ramp(np.asarray(mean, np.float32), *_PLAIN)
    reach = _HAIR_IF_PLAIN + busy * (_HAIR - _HAIR_IF_PLAIN)
    full = cv2.resize(reach, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(full, np.float32)


def _measure_texture(image: Image, e: float) -> Floats:
    """(H, W) float32 standard deviation of the grey around each place, 0 to 255."""
    side = 2 * max(round(_WINDOW * e), 1) + 1
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mean = cv2.blur(grey, (side, side))
    square = cv2.blur(grey * grey, (side, side))
    return np.asarray(np.sqrt(np.maximum(square - mean * mean, 0)), np.float32)


def _follow_edges(image: Image, away: Floats, e: float) -> Floats:
    """Bring the rough outline to the edges of the picture: (H, W) float32."""
    height, width = image.shape[:2]
    scale = min(120.0 / e, 1.0)
    size = (max(round(width * scale), 8), max(round(height * scale), 8))
    guide = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    light = guide.astype(np.float32) / 255
    large = cv2.resize(away, size, interpolation=cv2.INTER_CUBIC)
    rough = 1 - ramp(np.asarray(large, np.float32), -0.01, 0.03)
    reach = 2 * max(round(0.035 * e * scale), 1) + 1

    def mean(values: npt.ArrayLike) -> Floats:
        return np.asarray(cv2.blur(np.asarray(values, np.float32), (reach, reach)), np.float32)

    mean_light, mean_rough = mean(light), mean(rough)
    slope = (mean(light * rough) - mean_light * mean_rough) / (
        mean(light * light) - mean_light**2 + 4e-4
    )
    fine = mean(slope) * light + mean(mean_rough - slope * mean_light)
    full = cv2.resize(fine, (width, height), interpolation=cv2.INTER_CUBIC)
    return ramp(np.asarray(full, np.float32), 0.2, 0.8)
