"""What is seen of a mouth: tracked faces reduced to a few numbers per picture.

Landmarks are turned into the frame of the canonical face by the points that speech does not move
(Umeyama, *Least-squares estimation of transformation parameters between two point patterns*, PAMI
13, 1991), so that a turned, nodding or nearing head changes the numbers little. The two halves of
the mouth are averaged. Left out: what is seen between the lips (teeth and tongue).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensonic.face.topology import CANONICAL, CHIN, INNER_LIPS, OUTER_LIPS

FEATURES = (
    *("gap", "width", "inner_area", "outer_area"),
    *("upper_inner_y", "lower_inner_y", "upper_outer_y", "lower_outer_y"),
    *("corners_y", "corners_z", "upper_z", "lower_z"),
    *("upper_thickness", "lower_thickness", "chin_y", "cheeks_y"),
    *("yaw", "pitch", "roll"),
)
"""What each column is. Lengths in e, the distance of the outer eye corners (y up, z towards the
camera); areas in e²; angles of the head in radians."""
N_FEATURES = len(FEATURES)
N_MOUTH = FEATURES.index("yaw")
"""The first columns, which are those of the mouth."""

_RIGID = (33, 133, 263, 362, 168, 6, 197, 195, 5, 4, 1, 98, 327, 127, 356, 234, 454)
_GAPS = ((13, 14, 0.5), (81, 178, 0.25), (311, 402, 0.25))
_CORNERS, _EYES = (61, 291), (33, 263)
_HEIGHTS = ((82, 13, 312), (87, 14, 317), (37, 0, 267), (84, 17, 314), _CORNERS)
_DEPTHS = (_CORNERS, (37, 0, 267), (84, 17, 314))
_CHIN = (148, CHIN, 377)
_CHEEKS = (205, 425)
_FLIP = np.array([1, -1, -1], np.float64)
_SHAPE = CANONICAL[list(_RIGID)].astype(np.float64)
_CENTRE = _SHAPE.mean(0)
_UNIT = float(np.linalg.norm(CANONICAL[_EYES[0]] - CANONICAL[_EYES[1]]))


@dataclass(frozen=True, eq=False)
class LipTrack:
    """What was seen of the lips in one video.

    Attributes:
        time_s: (N,) float64, middle of the time for which each picture is shown, in seconds of the
            sound, ascending; `media` gives pictures with these times.
        features: (N, F) float32 as `lip_features` gives them; anything where no face is seen.
        seen: (N,) bool, whether one face was seen.
        shot: (N,) int32, another number after each cut or lost face.
    """

    time_s: npt.NDArray[np.float64]
    features: npt.NDArray[np.float32]
    seen: npt.NDArray[np.bool_]
    shot: npt.NDArray[np.int32]


def lip_features(landmarks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Reduce one tracked face to what tells of its mouth.

    Args:
        landmarks: (478, 3) float32, x to the right and y down in px, z in the same scale, smaller
            is nearer.

    Returns:
        (F,) float32, the columns of `FEATURES`.
    """
    return np.asarray(features_of(landmarks[None])[0], np.float32)


def features_of(landmarks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Reduce many faces, (N, 478, 3) as in `lip_features`, to (N, F)."""
    flipped = landmarks.astype(np.float64) * _FLIP
    points, turn = _frontal(flipped)
    e = np.linalg.norm(flipped[:, _EYES[0]] - flipped[:, _EYES[1]], axis=1)
    e = np.maximum(e, 1e-6)[:, None, None]
    flipped = flipped / e

    def distance(a: int, b: int) -> npt.NDArray[np.float64]:
        return np.asarray(np.linalg.norm(flipped[:, a] - flipped[:, b], axis=1), np.float64)

    def mean(members: tuple[int, ...], axis: int) -> npt.NDArray[np.float64]:
        return np.asarray(points[:, list(members), axis].mean(1), np.float64)

    columns = [
        np.asarray(sum(share * distance(a, b) for a, b, share in _GAPS)),
        distance(*_CORNERS),
        _area(points[:, list(INNER_LIPS)]),
        _area(points[:, list(OUTER_LIPS)]),
        *(mean(members, 1) for members in _HEIGHTS),
        *(mean(members, 2) for members in _DEPTHS),
        distance(0, 13),
        distance(14, 17),
        mean(_CHIN, 1),
        mean(_CHEEKS, 1),
        *_angles(turn),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _frontal(
    points: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Turn (N, 478, 3) into the canonical frame, in e; and give the heads' (N, 3, 3) rotations."""
    own = points[:, list(_RIGID)]
    centre = own.mean(1, keepdims=True)
    spread = np.einsum("npi,pj->nij", own - centre, _SHAPE - _CENTRE)
    left, sizes, right = np.linalg.svd(spread)
    signs = np.ones_like(sizes)
    signs[:, 2] = np.sign(np.linalg.det(left @ right))
    turn = (left * signs[:, None]) @ right
    scale = (sizes * signs).sum(1) / np.maximum(((own - centre) ** 2).sum((1, 2)), 1e-9)
    straight = (points - centre) @ turn * (scale / _UNIT)[:, None, None]
    return straight, turn


def _area(ring: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the areas of closed rings (N, P, 3), seen from the front."""
    x, y = ring[..., 0], ring[..., 1]
    twice = (x * np.roll(y, -1, 1) - np.roll(x, -1, 1) * y).sum(1)
    return np.asarray(np.abs(twice) / 2, np.float64)


def _angles(turn: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], ...]:
    """Give yaw, pitch and roll of (N, 3, 3) rotations, radians."""
    yaw = np.arctan2(turn[:, 0, 2], turn[:, 2, 2])
    pitch = np.arcsin(np.clip(-turn[:, 1, 2], -1, 1))
    roll = np.arctan2(turn[:, 1, 0], turn[:, 1, 1])
    return yaw, pitch, roll
