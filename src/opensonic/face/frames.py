"""Where to cut: the upright squares around a face, its lips and its eyes.

A frame is a centre (px), a side (px) and a clockwise angle (degrees), as `crop_matrix` takes them.
Training and run time cut by these same rules.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opensonic.face.topology import CHIN, EYE_CORNERS, FOREHEAD, LEFT_EYE, OUTER_LIPS, RIGHT_EYE

BOX_RATIO = 1.6
"""Side of the first, rough crop over the larger side of the face's box."""

FACE_RATIO = 1.25
"""Side of the fine crop over the larger side of the levelled face."""

LIPS_RATIO = 1.0
EYE_RATIO = 0.75
"""Sides of the crops of the lips and of one eye over the distance of the outer eye corners."""


class Frame(NamedTuple):
    """A square in a picture: centre in px, side in px, clockwise angle in degrees."""

    centre: tuple[float, float]
    side: float
    angle_deg: float


def face_angle(landmarks: NDArray[np.floating]) -> float:
    """Return the clockwise roll of a face in degrees, from its eye line and its midline."""
    right, left = landmarks[list(EYE_CORNERS), :2]
    across = left - right
    down = landmarks[CHIN, :2] - landmarks[FOREHEAD, :2]
    return math.degrees(math.atan2(float(across[1] - down[0]), float(across[0] + down[1])))


def box_frame(box: NDArray[np.floating], angle_deg: float = 0.0) -> Frame:
    """Return the frame of the rough crop around a box (x0, y0, x1, y1)."""
    x0, y0, x1, y1 = (float(v) for v in box)
    return Frame(((x0 + x1) / 2, (y0 + y1) / 2), BOX_RATIO * max(x1 - x0, y1 - y0), angle_deg)


def face_frame(landmarks: NDArray[np.floating]) -> Frame:
    """Return the levelled frame of the fine crop around (478, 3) landmarks."""
    angle_deg = face_angle(landmarks)
    centre, sides = _levelled_box(landmarks[:, :2], angle_deg)
    return Frame(centre, FACE_RATIO * max(sides), angle_deg)


def lips_frame(landmarks: NDArray[np.floating]) -> Frame:
    """Return the levelled frame around the lips of (478, 3) landmarks."""
    return _part_frame(landmarks, OUTER_LIPS, LIPS_RATIO)


def right_eye_frame(landmarks: NDArray[np.floating]) -> Frame:
    """Return the levelled frame around the person's right eye."""
    return _part_frame(landmarks, RIGHT_EYE, EYE_RATIO)


def left_eye_frame(landmarks: NDArray[np.floating]) -> Frame:
    """Return the levelled frame around the person's left eye."""
    return _part_frame(landmarks, LEFT_EYE, EYE_RATIO)


def _part_frame(landmarks: NDArray[np.floating], part: tuple[int, ...], ratio: float) -> Frame:
    angle_deg = face_angle(landmarks)
    centre, _ = _levelled_box(landmarks[list(part), :2], angle_deg)
    right, left = landmarks[list(EYE_CORNERS)]
    return Frame(centre, ratio * float(np.linalg.norm(left - right)), angle_deg)


def _levelled_box(
    points: NDArray[np.floating], angle_deg: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the centre (in the picture) and the sides of the box turned by the angle."""
    angle = math.radians(angle_deg)
    level = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    levelled = points @ level.T
    low, high = levelled.min(axis=0), levelled.max(axis=0)
    x, y = level.T @ ((low + high) / 2)
    return (float(x), float(y)), (float(high[0] - low[0]), float(high[1] - low[1]))
