"""Where the person ends and the background begins, so that the background can stay still.

GrabCut (Rother et al. 2004) on a small copy of the picture, told by the face where head, hair and
neck must be; a guided filter (He et al. 2013) brings its edge to the picture's own. Where both
sides of the outline look alike there is no cut, and the background moves along.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.rig import Rig
from opensonic.engines.mesh.sampling import Box, Floats, Image, sample
from opensonic.engines.mesh.warp import ramp
from opensonic.face import topology

_SCALE = 36.0
"""Length of e in the small copy, px."""
_ROUNDS = 3
_GUESSES = ((0.85, 1.25), (1.05, 1.4))
"""First guesses of the head's reach, sideways and up, e; where they lead apart there is doubt."""
_WINDOW = np.array([3.3, 3.3], np.float32)
"""How far from the face it is looked for, to both sides and up and down, e."""
_LEAST_CONTRAST = 25.0
"""Least difference between the sides of an outline that is sure, 0 to 255."""
_MOST_DOUBT = 0.6
_DOUBT_REACH = (0.25, 0.5)
"""How far around a doubtful outline the background moves along, e."""
_OUTLINE_V = 1.0
"""Height down to which the outline of the head goes in the canonical face, e."""
_UNCUT_FROM, _UNCUT_AT = 1.3, 1.75
"""Heights between which the cut ends: shoulders move too little to need one."""


@dataclass(frozen=True, eq=False)
class Person:
    """The person's part of a picture.

    Attributes:
        alpha: (H, W) float32, 1 on the person, under the shoulders' height and around a doubtful
            outline, 0 behind.
        outside: (h, w) float32 distance from the person on a small copy of a part, e.
        corner: x and y of that part, px.
        scale: Size of the copy, as a share of the part's.
    """

    alpha: Floats
    outside: Floats
    corner: tuple[int, int]
    scale: float

    def distance(self, xy: Floats) -> Floats:
        """(N,) float32 distance of places ((N, 2) px) from the person, e; 0 on it."""
        places = (xy - self.corner + 0.5) * self.scale - 0.5
        return np.asarray(sample(self.outside, np.asarray(places[None], np.float32))[0], np.float32)


def find_person(image: Image, rig: Rig) -> Person | None:
    """Cut the person out.

    Args:
        image: (H, W, 3) uint8, RGB.
        rig: The portrait's rig.

    Returns:
        The person, or None where the outline is not clear.
    """
    x0, y0 = np.clip(np.floor(rig.camera.origin - _WINDOW * rig.e), 0, None).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(rig.camera.origin + _WINDOW * rig.e), 8, rig.size).astype(int).tolist()
    part = image[y0:y1, x0:x1]
    if min(part.shape[:2]) < 8:
        return None
    height, width = part.shape[:2]
    scale = min(_SCALE / rig.e, 1.0)
    size = (max(round(width * scale), 8), max(round(height * scale), 8))
    small = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    u, v = _read_face(rig, (x0, y0, x1, y1), size)
    marks = (rig.landmarks + 0.5 - (x0, y0)) * np.array(size) / (width, height)
    masks = [_grow(small, _sow(u, v, marks, guess), u, v) for guess in _GUESSES]
    mask = np.maximum.reduce(masks)
    doubt = _find_doubt(small, mask, np.minimum.reduce(masks), v)
    if doubt is None:
        return None
    outside = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5) / np.float32(_SCALE)
    uncut = np.maximum(ramp(v, _UNCUT_FROM, _UNCUT_AT), doubt)
    mask = np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8)), np.uint8)  # loose hairs
    alpha = np.maximum(_refine(part, mask, rig.e), cv2.resize(uncut, (width, height)))
    around = ((y0, image.shape[0] - y1), (x0, image.shape[1] - x1))
    return Person(
        np.pad(alpha, around, mode="edge"),
        np.asarray(outside, np.float32),
        (x0, y0),
        size[0] / width,
    )


def _read_face(rig: Rig, box: Box, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """(h, w) float32 places in the canonical face, right and down, on the small copy."""
    coarse = (max(size[0] // 4, 4), max(size[1] // 4, 4))
    xs = box[0] + (np.arange(coarse[0]) + 0.5) * (box[2] - box[0]) / coarse[0] - 0.5
    ys = box[1] + (np.arange(coarse[1]) + 0.5) * (box[3] - box[1]) / coarse[1] - 0.5
    places = np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 2).astype(np.float32)
    face = rig.points(places).face[:, :2].reshape(coarse[1], coarse[0], 2)
    full = np.asarray(cv2.resize(face, size, interpolation=cv2.INTER_LINEAR), np.float32)
    return full[..., 0], full[..., 1]


def _sow(u: Floats, v: Floats, marks: Floats, guess: tuple[float, float]) -> Image:
    """Say what is surely or probably person or background, as GrabCut takes it.

    Args:
        u: (h, w) place in the canonical face to the right, e.
        v: (h, w) the same, down.
        marks: (478, 2) landmarks on the small copy, px.
        guess: How far the head probably reaches sideways and up, e.
    """
    seeds = np.full(u.shape, cv2.GC_PR_BGD, np.uint8)
    torso = (v > 1.25) & (np.abs(u) < 0.8 + 1.2 * np.clip(v - 1.25, 0, 1))
    seeds[(np.hypot(u / guess[0], (v + 0.2) / guess[1]) < 1) | torso] = cv2.GC_PR_FGD
    seeds[(np.hypot(u / 1.75, (v + 0.15) / 1.75) > 1) & (v < 0.5)] = cv2.GC_BGD
    seeds[:2][np.abs(u[:2]) > 0.9] = cv2.GC_BGD
    for border in (np.s_[:, :2], np.s_[:, -2:]):
        seeds[border][(v[border] < 0.3) & (np.abs(u[border]) > 0.9)] = cv2.GC_BGD
    seeds[np.hypot(u / 0.66, (v + 0.42) / 0.72) < 1] = cv2.GC_FGD
    seeds[(np.abs(u) < 0.3) & (v > 0.8) & (v < 1.3)] = cv2.GC_FGD
    oval = np.round(marks[list(topology.FACE_OVAL)]).astype(np.int32)
    return np.asarray(cv2.fillPoly(seeds, [oval], cv2.GC_FGD), np.uint8)


def _grow(small: Image, seeds: Image, u: Floats, v: Floats) -> Image:
    """(h, w) uint8, 1 on the person; nothing where nothing can be told."""
    near = np.hypot(u / 3, (v + 0.15) / 2.6) < 1
    rows, columns = np.flatnonzero(near.any(1)), np.flatnonzero(near.any(0))
    if len(rows) < 8 or len(columns) < 8:
        return np.zeros(seeds.shape, np.uint8)
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    found = seeds[part].copy()
    is_seed = [bool(np.isin(found, kinds).any()) for kinds in ((0, 2), (1, 3))]
    if not all(is_seed):
        return np.zeros(seeds.shape, np.uint8)
    cv2.setRNGSeed(0)
    models = np.zeros((2, 1, 65))
    cv2.grabCut(
        small[part].copy(), found, None, models[0], models[1], _ROUNDS, cv2.GC_INIT_WITH_MASK
    )  # type: ignore[call-overload]
    mask = np.zeros(seeds.shape, np.uint8)
    mask[part] = found & 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel), np.uint8)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask)
    mask = np.asarray(parts == 1 + stats[1:, 4].argmax(), np.uint8) if len(stats) > 1 else mask
    _, parts, stats, _ = cv2.connectedComponentsWithStats(1 - mask)
    holes = np.flatnonzero(stats[:, 4] < (0.5 * _SCALE) ** 2)
    return np.asarray(mask | np.isin(parts, holes[holes > 0]), np.uint8)


def _find_doubt(small: Image, mask: Image, least: Image, v: Floats) -> Floats | None:
    """Find where the head's outline may lie elsewhere.

    That is where the results of the guesses differ, or the two sides of the outline do not.

    Returns:
        (h, w) float32, 1 around such places, 0 elsewhere; None if most of the outline is such.
    """
    kernel = np.ones((3, 3), np.uint8)
    outline = (mask > 0) & (cv2.erode(mask, kernel) == 0) & (v < _OUTLINE_V)
    sides = []
    for side in (mask, 1 - mask):
        share = side.astype(np.float32)
        total = cv2.blur(small * share[..., None], (7, 7))
        sides.append(total / (cv2.blur(share, (7, 7))[..., None] + 1e-3))
    weak = outline & (np.abs(sides[0] - sides[1]).max(-1) < _LEAST_CONTRAST)
    if outline.sum() < _SCALE or weak.sum() > _MOST_DOUBT * outline.sum():
        return None
    amount = cv2.blur(weak.astype(np.float32), (7, 7))
    weak &= amount > 0.35 * cv2.blur(outline.astype(np.float32), (7, 7))
    kernel = np.ones((5, 5), np.uint8)
    weak |= (cv2.morphologyEx(mask - least, cv2.MORPH_OPEN, kernel) > 0) & (v < _OUTLINE_V + 0.3)
    if not weak.any():
        return np.zeros(mask.shape, np.float32)
    away = cv2.distanceTransform(1 - weak.astype(np.uint8), cv2.DIST_L2, 5) / np.float32(_SCALE)
    return 1 - ramp(np.asarray(away, np.float32), *_DOUBT_REACH)


def _refine(image: Image, mask: Image, e: float) -> Floats:
    """Bring the outline of the small mask to the edges of the picture: (H, W) float32."""
    height, width = image.shape[:2]
    scale = min(120.0 / e, 1.0)
    size = (max(round(width * scale), 8), max(round(height * scale), 8))
    guide = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    light = guide.astype(np.float32) / 255
    rough = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    reach = 2 * max(round(0.035 * e * scale), 1) + 1

    def mean(values: npt.ArrayLike) -> Floats:
        return np.asarray(cv2.blur(np.asarray(values, np.float32), (reach, reach)), np.float32)

    mean_light, mean_rough = mean(light), mean(rough)
    slope = (mean(light * rough) - mean_light * mean_rough) / (
        mean(light * light) - mean_light**2 + 4e-4
    )
    fine = mean(slope) * light + mean(mean_rough - slope * mean_light)
    full = cv2.resize(fine, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(ramp(np.asarray(full, np.float32), 0.15, 0.8), np.float32)


def fill_behind(image: Image, alpha: Floats) -> Image:
    """Continue the background a little way behind the person, mirrored at the outline.

    Args:
        image: (H, W, 3) uint8, RGB.
        alpha: (H, W) float32, 1 on the person.

    Returns:
        (H, W, 3) uint8; outside the person the picture itself.
    """
    hole = cv2.dilate((alpha > 0.02).astype(np.uint8), np.ones((3, 3), np.uint8))
    if hole.all():
        return image.copy()
    _, labels = cv2.distanceTransformWithLabels(
        hole, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    free = np.flatnonzero(hole.ravel() == 0)
    nearest = np.zeros(labels.max() + 1, np.int64)
    nearest[labels.ravel()[free]] = free
    rows, columns = np.nonzero(hole)
    height, width = hole.shape
    near_y, near_x = np.divmod(nearest[labels[rows, columns]], width)
    y = np.clip(2 * near_y - rows, 0, height - 1)
    x = np.clip(2 * near_x - columns, 0, width - 1)
    is_hidden = hole[y, x] > 0
    filled = image.copy()
    filled[rows, columns] = image[np.where(is_hidden, near_y, y), np.where(is_hidden, near_x, x)]
    return filled
