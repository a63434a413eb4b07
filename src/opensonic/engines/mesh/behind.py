"""What the person hides: the background goes on behind the outline.

Each hidden place looks back to the outline along the edges that run into the person there (found
by the structure tensor, Förstner and Gülch 1987), and shows what lies as far on the other side, up
to a limit. So an edge that is straight in the picture goes on straight, at any angle, and texture
stays sharp.
"""

from __future__ import annotations

import cv2
import numpy as np

from opensonic.engines.mesh.sampling import Floats, Image, sample
from opensonic.engines.mesh.warp import ramp

_SCALE = 48.0
"""Length of e in the copy on which directions are found, px."""
_REACH = 0.6
"""How far behind the outline edges are followed, e."""
_MIRRORED = 0.16
"""How far from the outline what is shown behind it lies at most, e: nothing strange comes up."""
_NEAR, _WIDE, _WIDE_SHARE = 0.16, 0.4, 0.1
"""Radii over which edges are gathered, e, and the weight of the wider one."""
_EVEN = 0.06
"""Radius over which the directions are evened, e."""
_STEP, _SMOOTH_PX = 1.0, 1.6
"""Length of the steps back and radius over which ways are made smooth, px of the copy."""
_NOISE = 5.0
"""Strength of edges that are none, 0 to 255 per px of the copy."""
_GRAZING = (0.15, 0.4)
"""Cosines to the way out between which an edge runs too much along the outline to be followed."""


def fill_behind(image: Image, hidden: Image, e: float) -> Image:
    """Continue the background behind the person.

    Args:
        image: (H, W, 3) uint8, RGB.
        hidden: (H, W) uint8, 1 on the person and its loose hairs.
        e: Distance of the outer eye corners, px.

    Returns:
        (H, W, 3) uint8; where nothing is hidden the picture itself.
    """
    if hidden.all() or not hidden.any():
        return image.copy()
    height, width = hidden.shape
    scale = min(_SCALE / e, 1.0)
    size = (max(round(width * scale), 8), max(round(height * scale), 8))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)
    covered = cv2.resize(hidden.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    if covered.all():
        return image.copy()
    way, plain = _look_back(small, covered.astype(np.uint8), e * scale)
    away = cv2.distanceTransform(hidden, cv2.DIST_L2, 5)[..., None]
    reach = _MIRRORED * e
    there = cv2.resize(way, (width, height), interpolation=cv2.INTER_LINEAR) * away
    there *= 1 + reach * np.tanh(away / reach) / np.maximum(away, 1)
    there += np.dstack(np.meshgrid(np.arange(width), np.arange(height)))
    there = there.astype(np.float32)
    shown = sample(image, there)
    lost = sample(hidden, there) > 0
    shown[lost] = cv2.resize(plain, (width, height), interpolation=cv2.INTER_LINEAR)[lost]
    filled = image.copy()
    np.copyto(filled, shown, where=hidden[..., None] > 0)
    return filled


def _look_back(small: Floats, covered: Image, e: float) -> tuple[Floats, Image]:
    """Tell where each covered pixel of the small copy looks.

    Returns:
        (h, w, 2) way to the outline over the distance from it, and (h, w, 3) uint8 what is
        straight ahead.
    """
    height, width = covered.shape
    _, labels = cv2.distanceTransformWithLabels(
        covered, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    free = np.flatnonzero(covered.ravel() == 0)
    nearest = np.zeros(labels.max() + 1, np.int64)
    nearest[labels.ravel()[free]] = free
    rows, columns = np.nonzero(covered)
    near_y, near_x = np.divmod(nearest[labels[rows, columns]], width)
    plain = small.astype(np.uint8)
    plain[rows, columns] = plain[near_y, near_x]
    straight = np.column_stack([near_x - columns, near_y - rows]).astype(np.float32)
    away = np.linalg.norm(straight, axis=1, keepdims=True)
    way = np.zeros((height, width, 2), np.float32)
    way[rows, columns] = straight / away
    turn = _turn_to_edges(small, covered, way, e)[rows, columns]
    start = np.column_stack([columns, rows]).astype(np.float32)
    for number in range(round(_REACH * e / _STEP), 0, -1):
        at = np.round(start + number * _STEP * turn).astype(int)
        there = np.clip(at, 0, (width - 1, height - 1))
        found = (at == there).all(1) & (covered[there[:, 1], there[:, 0]] == 0)
        way[rows[found], columns[found]] = (number * _STEP * turn / away)[found]
    share = cv2.GaussianBlur(covered.astype(np.float32), (0, 0), _SMOOTH_PX)
    smooth = cv2.GaussianBlur(way, (0, 0), _SMOOTH_PX) / np.maximum(share, 1e-3)[..., None]
    return np.asarray(smooth, np.float32), plain


def _turn_to_edges(small: Floats, covered: Image, outward: Floats, e: float) -> Floats:
    """Turn the ways out, (h, w, 2) of length 1, along the edges that run into the person."""
    edge, sure = _find_edges(small, covered, e)
    cosine = (edge * outward).sum(-1, keepdims=True)
    edge *= np.where(cosine < 0, -1, 1)
    weight = sure[..., None] * ramp(np.abs(cosine), *_GRAZING)
    turn = cv2.GaussianBlur(weight * edge + (1 - weight) * outward, (0, 0), _EVEN * e)
    return np.asarray(turn / (np.linalg.norm(turn, axis=-1, keepdims=True) + 1e-6), np.float32)


def _find_edges(small: Floats, covered: Image, e: float) -> tuple[Floats, Floats]:
    """Tell along which way the edges around run: (h, w, 2) of length 1, and (h, w) how surely."""
    seen = cv2.erode(1 - covered, np.ones((5, 5), np.uint8)).astype(np.float32)
    right = cv2.Scharr(small, cv2.CV_32F, 1, 0, scale=1 / 16)
    down = cv2.Scharr(small, cv2.CV_32F, 0, 1, scale=1 / 16)
    tensor = np.dstack([(right**2).sum(-1), (down**2).sum(-1), (right * down).sum(-1), seen])
    tensor *= seen[..., None]
    near, wide = (cv2.GaussianBlur(tensor, (0, 0), radius * e) for radius in (_NEAR, _WIDE))
    gathered = near + _WIDE_SHARE * wide
    xx, yy, xy, amount = np.moveaxis(gathered, -1, 0)
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    one_way = np.sqrt((xx - yy) ** 2 + 4 * xy**2) / (xx + yy + _NOISE**2 * amount + 1e-6)
    along = np.dstack([np.cos(angle), np.sin(angle)]).astype(np.float32)
    return along, ramp(np.asarray(one_way, np.float32), 0.25, 0.65)
