"""The lips of one video, picture by picture, as training measures them.

Lips are measured in three dimensions, in distances of the outer eye corners, so that a turned or
nodding head changes them little. They are not smoothed: they tremble no more than the tracks that
the network was trained on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensonic.face.portrait import estimate_yaw
from opensonic.face.topology import CANONICAL, CHIN, FOREHEAD
from opensonic.face.tracker import NO_FACE, FaceTracker
from opensonic.media.footage import Picture

_GAPS = ((13, 14, 0.5), (81, 178, 0.25), (311, 402, 0.25))
_CORNERS = (61, 291)
_EYES = (33, 263)


@dataclass(frozen=True, eq=False)
class Track:
    """What was seen of the lips in one video.

    Attributes:
        time_s: (N,) float64, times of the pictures in the sound, ascending.
        state: (N,) int8, `SEEN`, `NO_FACE` or `SEVERAL` of `face.tracker`.
        shot: (N,) int32, another number after each cut or lost face.
        lips: (N, 2) float32, gap between the inner lips and distance of the mouth's corners, both
            in distances of the outer eye corners; 0 where no face is seen.
        eyes_px: (N,) float32, distance of the outer eye corners, px.
        turn_deg: (N, 2) float32, yaw and pitch of the head.
    """

    time_s: npt.NDArray[np.float64]
    state: npt.NDArray[np.int8]
    shot: npt.NDArray[np.int32]
    lips: npt.NDArray[np.float32]
    eyes_px: npt.NDArray[np.float32]
    turn_deg: npt.NDArray[np.float32]


def track_lips(pictures: Iterable[Picture]) -> Track:
    """Follow the lips through a video; nothing of a picture is kept.

    Args:
        pictures: The pictures in order.
    """
    tracker = FaceTracker()
    times: list[float] = []
    states: list[int] = []
    shots: list[int] = []
    rows: list[tuple[float, ...]] = []
    for picture in pictures:
        seen = tracker.look(picture.image, picture.time_s)
        for row in range(len(states) - seen.taken_back, len(states)):
            states[row] = NO_FACE
        times.append(picture.time_s)
        states.append(seen.state)
        shots.append(seen.shot)
        rows.append((0.0,) * 5 if seen.face is None else _measure(seen.face.landmarks))
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Track(
        time_s=np.array(times, np.float64),
        state=np.array(states, np.int8),
        shot=np.array(shots, np.int32),
        lips=table[:, :2],
        eyes_px=table[:, 2],
        turn_deg=table[:, 3:],
    )


def _measure(points: npt.NDArray[np.float32]) -> tuple[float, ...]:
    """Give gap, width, eye distance in px, yaw and pitch of one face, (478, 3) landmarks."""

    def distance(a: int, b: int) -> float:
        return float(np.linalg.norm(points[a] - points[b]))

    eyes = max(distance(*_EYES), 1e-6)
    gap = sum(share * distance(upper, lower) for upper, lower, share in _GAPS)
    pitch = _lean(points[CHIN] - points[FOREHEAD]) - _CANONICAL_LEAN
    return gap / eyes, distance(*_CORNERS) / eyes, eyes, estimate_yaw(points), pitch


def _lean(down: npt.NDArray[np.float32]) -> float:
    """Give the angle in degrees by which the line from forehead to chin leads away."""
    return float(np.degrees(np.arctan2(down[2], np.hypot(down[0], down[1]))))


_CANONICAL_LEAN = _lean((CANONICAL[CHIN] - CANONICAL[FOREHEAD]) * np.array([1, -1, -1], np.float32))
