"""The mouth of a frame that is made between two: where the lips would be, drawn from one of them.

Optical flow does not follow lips that part or close; it shows one frame's mouth or the other's. But
where the lips are in both frames is known. The frame whose mouth is more open, so that nothing is
missing that is to be seen, is bent by a thin-plate spline (Bookstein, *Principal warps*, PAMI 11,
1989) until its lips lie where they are at the wanted time, and laid over the face that the flow
made, with a soft edge in the skin around. It is always one mouth, never a mixture of two.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.face.topology import CHIN, EYE_CORNERS, LIPS, OUTER_LIPS
from opensonic.post.interpolate.flow import pixel_grid

MAX_STEP = 0.2
"""Where a point of the mouth moves further than this between two frames, in e, the two are not
one movement, and nothing is bent."""

_AROUND = (*(2, 164, 98, 327, 205, 425, 216, 436, 212, 432, 204, 424), *(18, 200, 175, CHIN))
_POINTS = (*LIPS, *_AROUND)
_GAP = (13, 14)
_LIMPNESS = 0.001
_NODES = 28
_EDGE = 0.13
_MIN_E_PX = 12
_STILL_PX = 0.05

Frame = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Mouth:
    """Where one frame has its mouth. Lengths in px, places as those of pixels.

    Attributes:
        points: (P, 2) float32, the lips, the outer ones first, and the skin around them.
        e: Distance of the outer eye corners.
        gap: Gap between the lips.
        shot: Another number after each cut or lost face.
    """

    points: npt.NDArray[np.float32]
    e: float
    gap: float
    shot: int


def find_mouth(landmarks: npt.NDArray[np.float32], shot: int = 0) -> Mouth:
    """Pick the mouth of a face.

    Args:
        landmarks: (478, 3) float32 px.
        shot: Number of the shot.
    """

    def distance(pair: tuple[int, ...]) -> float:
        return float(np.linalg.norm(landmarks[pair[0]] - landmarks[pair[1]]))

    points = (landmarks[list(_POINTS), :2] - 0.5).astype(np.float32)
    return Mouth(points, distance(EYE_CORNERS), distance(_GAP), shot)


def place_mouth(
    made: Frame, frames: tuple[Frame, Frame], mouths: tuple[Mouth, Mouth], share: float
) -> None:
    """Put the mouth where it belongs into a frame that was made between two.

    Nothing is done where the two are not one movement, or nothing moves.

    Args:
        made: (H, W, 3) uint8 RGB; the mouth is drawn into it.
        frames: The two frames, alike.
        mouths: Their mouths.
        share: 0 is the first frame, 1 the second.
    """
    first, second = mouths
    e = first.e
    step = float(np.abs(second.points - first.points).max())
    if first.shot != second.shot or e < _MIN_E_PX or not _STILL_PX < step < MAX_STEP * e:
        return
    wanted = np.asarray((1 - share) * first.points + share * second.points, np.float32)
    open_one = int(second.gap > first.gap)
    lips, room = wanted[: len(LIPS)], 2 * _EDGE * e
    size = made.shape[1], made.shape[0]
    left, top = (int(low) for low in np.clip(np.floor(lips.min(0) - room), 0, size))
    right, bottom = (int(high) for high in np.clip(np.ceil(lips.max(0) + room) + 1, 0, size))
    if min(right - left, bottom - top) < _MIN_E_PX:
        return
    part = slice(top, bottom), slice(left, right)
    x, y = np.linspace(left, right - 1, _NODES) / e, np.linspace(top, bottom - 1, _NODES) / e
    way = e * _bend(wanted / e, (mouths[open_one].points - wanted) / e, x, y)
    large = cv2.resize(way.astype(np.float32), (right - left, bottom - top))
    places = cv2.add(large, pixel_grid(*made.shape[:2])[part])
    bent = cv2.remap(  # type: ignore[call-overload]
        frames[open_one], places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    cover = _cover(lips[: len(OUTER_LIPS)] - np.array([left, top], np.float32), e, large.shape[:2])
    made[part] = cv2.blendLinear(bent, made[part].copy(), cover, 1 - cover)


def _bend(
    points: npt.NDArray[np.float32], ways: npt.NDArray[np.float32], x: Field, y: Field
) -> Field:
    """Carry the ways of some points over to a lattice by a thin-plate spline.

    It follows its points closely, not exactly: they tremble, and lips that touch share a place.

    Args:
        points: (P, 2) places.
        ways: (P, 2) how far each moves.
        x: (n,) columns of the lattice.
        y: (m,) its rows.

    Returns:
        (m, n, 2).
    """
    n, places = len(points), points.astype(np.float64)
    flat = np.concatenate([np.ones((n, 1)), places], axis=1)
    system, known = np.zeros((n + 3, n + 3)), np.zeros((n + 3, 2))
    system[:n, :n] = _stiffness(places, places) + _LIMPNESS * np.eye(n)
    system[:n, n:], system[n:, :n] = flat, flat.T
    known[:n] = ways
    weights = np.linalg.solve(system, known)
    lattice = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    ways_there = _stiffness(lattice, places) @ weights[:n] + weights[n] + lattice @ weights[n + 1 :]
    return np.asarray(ways_there.reshape(len(y), len(x), 2), np.float64)


def _stiffness(there: Field, here: Field) -> Field:
    """Give the kernel r² log r² between places: (n, 2), (m, 2) -> (n, m)."""
    squared = np.square(there[:, None, 0] - here[:, 0]) + np.square(there[:, None, 1] - here[:, 1])
    return np.asarray(squared * np.log(squared + 1e-12), np.float64)


def _cover(
    ring: npt.NDArray[np.float32], e: float, size: tuple[int, ...]
) -> npt.NDArray[np.float32]:
    """Tell where the mouth is drawn: (H, W) float32, 1 on the lips, falling to 0 around them."""
    cover = np.zeros(size, np.uint8)
    cv2.fillPoly(cover, [np.round(ring * 16).astype(np.int32)], 255, shift=4)
    reach = max(3, round(_EDGE * e)) | 1
    grown = cv2.dilate(cover, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    soft = cv2.GaussianBlur(grown, (0, 0), _EDGE * e / 3)
    return (soft / 255).astype(np.float32)
