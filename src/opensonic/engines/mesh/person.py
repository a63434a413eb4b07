"""Where the person ends and the background begins, so that the background can stay still.

GrabCut (Rother et al. 2004) on a small copy of the picture, told by the face where head, hair and
neck must be. `matte` brings the outline to the picture's own edges. Only where nothing at all tells
the person from what is behind there is no cut, and the background moves along.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from opensonic.engines.mesh.matte import Matte, cut_out
from opensonic.engines.mesh.rig import Rig
from opensonic.engines.mesh.sampling import Box, Floats, Image, sample
from opensonic.engines.mesh.warp import ramp
from opensonic.face import topology

_SCALE = 36.0
"""Length of e in the small copy, px."""
_ROUNDS = 3
_GUESSES = ((0.85, 1.25, 0.66, 0.72), (1.05, 1.4, 0.87, 0.97))
"""First guesses of the head's reach and of what is surely head, each sideways and up, e."""
_SKULL_V = -0.42
"""Height of the middle of what is surely head, e."""
_EAR = (0.83, 0.06, 0.1, 0.22)
"""Middle and reach of an ear, sideways and down, e."""
_HIDES_EAR = 0.15
"""Sine of the turn from which on the far ear is not seen."""
_BESIDE_NECK = (-0.25, 1.15)
"""Heights between which something that one guess alone takes for the person is an object behind:
a chair, a window frame; above it is hair, below a shoulder."""
_THIN, _LOOSE = 0.1, 0.14
"""Half the width of what is too thin for a part of the person; how far hair may stick out, e."""
_PLAIN_RANGE, _FOREIGN = 45.0, 26.0
"""Range of the colours of a plain background, and how far from them something is no background,
0 to 255."""
_WINDOW = np.array([3.3, 3.3], np.float32)
"""How far from the face it is looked for, to both sides and up and down, e."""
_FLAT = 2.0
"""Spread of the colours of a picture in which nothing can be told, 0 to 255."""
_LEAST_CONTRAST = 25.0
"""Least difference between the sides of an outline that is sure, 0 to 255."""
_MOST_DOUBT = 0.8
"""Share of the outline whose sides may be alike."""
_OUTLINE_V = 1.0
"""Height down to which the outline of the head goes in the canonical face, e."""
_GLITTER, _LEAST_GLITTER, _MOST_GLITTER = 35, 5, 0.07
"""How far an earring stands out, 0 to 255, its least size, px of the small copy, and the share of
such pixels beside the jaw from which on they are the background's."""
_FAINT = np.ones((9, 3), np.uint8)
"""How far around its bright part an earring goes on, px of the small copy."""
_LOBE_V = 0.5
"""Height above which an earring begins, e."""
_BESIDE_CUT, _SEEN = 0.25, 0.1
"""How far beside the place where a border cuts the person off it holds, e, and from which share."""
_MOST_READ = 30000
"""How many places OpenCV reads in one row, at most."""
_UNCUT_FROM, _UNCUT_AT = 1.3, 1.75
"""Heights between which the cut ends: outlines of shoulders do not move."""


@dataclass(frozen=True, eq=False)
class Person:
    """The person's part of a picture.

    Attributes:
        alpha: (H, W) float32, 1 on the person and under the shoulders' height, 0 behind.
        behind: (H, W, 3) uint8, RGB: the picture with the background going on behind the person.
        away: (h, w) float32 distance from the outline on a small copy of a part, e; negative
            inside.
        corner: x and y of that part, px.
        scale: Size of the copy, as a share of the part's.
    """

    alpha: Floats
    behind: Image
    away: Floats
    corner: tuple[int, int]
    scale: float

    def distance(self, xy: Floats) -> Floats:
        """(N,) float32 distance of places ((N, 2) px) from the outline, e; negative inside."""
        places = np.asarray((xy - self.corner + 0.5) * self.scale - 0.5, np.float32)
        blocks = np.array_split(places, len(places) // _MOST_READ + 1)
        return np.concatenate([sample(self.away, block[None])[0] for block in blocks])

    def at_border(self, axis: int, far: int, along: Floats, e: float) -> Floats:
        """Say where a border of the picture cuts the person off.

        Args:
            axis: 0 for the left and right borders, 1 for the upper and lower ones.
            far: 0 for the left or upper of them, 1 for the other.
            along: (N,) places along the border, px.
            e: Distance of the outer eye corners, px.

        Returns:
            (N,) float32, 1 where the person touches the border, 0 from some way off.
        """
        edge = self.alpha.take(-1 if far else 0, axis=1 - axis)
        reach = max(round(_BESIDE_CUT * e), 1)
        touched = np.asarray(edge > _SEEN, np.float32)[None]
        wide = cv2.dilate(touched, np.ones((1, 2 * reach + 1), np.uint8))
        soft = cv2.blur(wide, (2 * reach + 1, 1), borderType=cv2.BORDER_REPLICATE)[0]
        return np.asarray(np.interp(along, np.arange(len(soft)), soft), np.float32)


def find_person(image: Image, rig: Rig) -> Person | None:
    """Cut the person out.

    Args:
        image: (H, W, 3) uint8, RGB.
        rig: The portrait's rig.

    Returns:
        The person, or None where no outline can be told.
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
    if small.std((0, 1)).max() < _FLAT:
        return None
    u, v = _read_face(rig, (x0, y0, x1, y1), size)
    marks = (rig.landmarks + 0.5 - (x0, y0)) * np.array(size) / (width, height)
    least, most = (_grow(small, _sow(u, v, marks, guess), u, v) for guess in _GUESSES)
    mask = _add_foreign(small, _trim(_agree(least, most, v), rig.e * scale), u, v)
    mask = _add_ears(mask, u, v, float(rig.camera.rotation[0, 2]))
    mask = _add_earrings(small, mask, u, v)
    if not _has_outline(small, mask, v):
        return None
    away = _signed_distance(mask) / np.float32(rig.e * scale)
    uncut = cv2.resize(ramp(v, _UNCUT_FROM, _UNCUT_AT), (width, height))
    found: Matte = cut_out(part, away, np.asarray(uncut, np.float32), rig.e)
    around = ((y0, image.shape[0] - y1), (x0, image.shape[1] - x1))
    behind = image.copy()
    behind[y0:y1, x0:x1] = found.behind
    alpha = np.pad(found.alpha, around, mode="edge")
    return Person(alpha, behind, away, (x0, y0), size[0] / width)


def _read_face(rig: Rig, box: Box, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """(h, w) float32 places in the canonical face, right and down, on the small copy."""
    coarse = (max(size[0] // 4, 4), max(size[1] // 4, 4))
    xs = box[0] + (np.arange(coarse[0]) + 0.5) * (box[2] - box[0]) / coarse[0] - 0.5
    ys = box[1] + (np.arange(coarse[1]) + 0.5) * (box[3] - box[1]) / coarse[1] - 0.5
    places = np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 2).astype(np.float32)
    face = rig.points(places).face[:, :2].reshape(coarse[1], coarse[0], 2)
    full = np.asarray(cv2.resize(face, size, interpolation=cv2.INTER_LINEAR), np.float32)
    return full[..., 0], full[..., 1]


def _sow(u: Floats, v: Floats, marks: Floats, guess: tuple[float, ...]) -> Image:
    """Say what is surely or probably person or background, as GrabCut takes it.

    Args:
        u: (h, w) place in the canonical face to the right, e.
        v: (h, w) the same, down.
        marks: (478, 2) landmarks on the small copy, px.
        guess: How far the head probably, and how far it surely reaches, sideways and up, e.
    """
    seeds = np.full(u.shape, cv2.GC_PR_BGD, np.uint8)
    torso = (v > 1.25) & (np.abs(u) < 0.8 + 1.2 * np.clip(v - 1.25, 0, 1))
    seeds[(np.hypot(u / guess[0], (v + 0.2) / guess[1]) < 1) | torso] = cv2.GC_PR_FGD
    seeds[(np.hypot(u / 1.75, (v + 0.15) / 1.75) > 1) & (v < 0.5)] = cv2.GC_BGD
    seeds[:2][np.abs(u[:2]) > 0.9] = cv2.GC_BGD
    for border in (np.s_[:, :2], np.s_[:, -2:]):
        seeds[border][(v[border] < 0.3) & (np.abs(u[border]) > 0.9)] = cv2.GC_BGD
    seeds[np.hypot(u / guess[2], (v - _SKULL_V) / guess[3]) < 1] = cv2.GC_FGD
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


def _agree(least: Image, most: Image, v: Floats) -> Image:
    """Join the results of two guesses: what only one of them has is hair, shoulder or object."""
    mask = least & most
    _, parts, stats, middles = cv2.connectedComponentsWithStats(least ^ most, connectivity=4)
    for number in range(1, len(stats)):
        x, y = np.round(middles[number]).astype(int)
        if not _BESIDE_NECK[0] < v[y, x] < _BESIDE_NECK[1]:
            mask[parts == number] = 1
    return np.asarray(mask, np.uint8)


def _trim(mask: Image, e: float) -> Image:
    """Take away what is too thin and sticks out too far to be hair: posts, edges of furniture."""
    thin = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(_THIN * e) + 1,) * 2)
    loose = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(_LOOSE * e) + 1,) * 2)
    stout = cv2.morphologyEx(mask, cv2.MORPH_OPEN, thin)
    near = np.asarray(cv2.dilate(_largest(np.asarray(stout, np.uint8)), loose), np.uint8)
    return mask & near


def _largest(mask: Image) -> Image:
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask)
    return np.asarray(parts == 1 + stats[1:, 4].argmax(), np.uint8) if len(stats) > 1 else mask


def _add_foreign(small: Image, mask: Image, u: Floats, v: Floats) -> Image:
    """Add hats, scarves and wide hair before a plain background: what hangs on and is not plain."""
    rim = np.zeros(mask.shape, bool)
    rim[:2], rim[:, :2], rim[:, -2:] = True, True, True
    rim &= (v < _OUTLINE_V) & (mask == 0)
    if rim.sum() < _SCALE:
        return mask
    colours = small[rim].astype(np.float32)
    low, high = np.percentile(colours, (4, 96), axis=0)
    if (high - low).max() > _PLAIN_RANGE:
        return mask
    beyond = np.maximum(low - small, small - high).max(-1)
    foreign = (mask > 0) | ((beyond > _FOREIGN) & (np.hypot(u / 2.4, v / 2.4) < 1))
    return _largest(foreign.astype(np.uint8))


def _add_ears(mask: Image, u: Floats, v: Floats, turn: float) -> Image:
    """Add the ears that are seen; `turn` is the sine by which the face looks to the right."""
    ears = np.zeros(mask.shape, bool)
    for side in (-1, 1):
        if side * turn < _HIDES_EAR:
            ears |= np.hypot((u - side * _EAR[0]) / _EAR[2], (v - _EAR[1]) / _EAR[3]) < 1
    return np.asarray(mask | ears, np.uint8)


def _add_earrings(small: Image, mask: Image, u: Floats, v: Floats) -> Image:
    """Add what is thin, shines and hangs from the ears, unless it is so everywhere there."""
    beside = (np.abs(u) > 0.6) & (np.abs(u) < 1.1) & (v > 0.1) & (v < 0.9) & (mask == 0)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    bright = cv2.morphologyEx(small, cv2.MORPH_TOPHAT, kernel).max(-1)
    found = np.asarray(beside & (bright > _GLITTER), np.uint8)
    if not 0 < found.sum() < _MOST_GLITTER * max(int(beside.sum()), 1):
        return mask
    _, parts, stats, _ = cv2.connectedComponentsWithStats(found)
    touching = np.unique(parts[(cv2.dilate(mask, np.ones((9, 9), np.uint8)) > 0) & (found > 0)])
    joined = mask.copy()
    for number in touching[stats[touching, 4] > _LEAST_GLITTER]:
        ring = cv2.dilate((parts == number).astype(np.uint8), _FAINT) > 0
        side = np.sign(u[ring].mean())
        if v[ring].min() < _LOBE_V:
            inwards = ring if side < 0 else ring[:, ::-1]
            hidden = np.logical_or.accumulate(inwards, 1)
            joined[(hidden if side < 0 else hidden[:, ::-1]) & (u * side > 0.6)] = 1
    return joined


def _has_outline(small: Image, mask: Image, v: Floats) -> bool:
    """Tell whether the two sides of the head's outline differ for the most part of it."""
    outline = (mask > 0) & (cv2.erode(mask, np.ones((3, 3), np.uint8)) == 0) & (v < _OUTLINE_V)
    sides = []
    for side in (mask, 1 - mask):
        share = side.astype(np.float32)
        total = cv2.blur(small * share[..., None], (7, 7))
        sides.append(total / (cv2.blur(share, (7, 7))[..., None] + 1e-3))
    weak = outline & (np.abs(sides[0] - sides[1]).max(-1) < _LEAST_CONTRAST)
    return bool(outline.sum() >= _SCALE and weak.sum() <= _MOST_DOUBT * outline.sum())


def _signed_distance(mask: Image) -> Floats:
    """(h, w) float32 distance from the outline, px; negative inside."""
    outside = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5)
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    return np.asarray(np.maximum(outside - 0.5, 0) - np.maximum(inside - 0.5, 0), np.float32)
