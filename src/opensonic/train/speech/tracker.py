"""The lips of one video, picture by picture, tracked with our own face mesh.

The detector finds the face where a shot begins and looks again twice a second, whether it is still
there and alone; in between, the mesh follows it from picture to picture (`FaceMesh.follow`). Lips
are measured in three dimensions, in distances of the outer eye corners, so that a turned or nodding
head changes them little. They are not smoothed: they tremble no more than the tracks that the
network was trained on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.face.detect import Detection, FaceDetector
from opensonic.face.mesh import FaceMesh
from opensonic.face.portrait import estimate_yaw
from opensonic.face.topology import CANONICAL, CHIN, FOREHEAD
from opensonic.train.speech.footage import Picture
from opensonic.values import Face

SEEN, NO_FACE, SEVERAL = range(3)
"""What was found in a picture: one face, none, or several of which any may be speaking."""

_CHECK_S = 0.5
_RETRY_S = 0.3
_CUT = 22.0
_QUIET_CUT, _QUIET_RATIO, _QUIET_LEAST = 3.0, 10.0, 0.3
"""A cut changes a picture by the first on average (0 to 255), or by the second and that many times
as much as the pictures just before it changed."""
_THUMBNAIL = (32, 24)
_MAX_JUMP = 0.5
_MAX_ZOOM = 1.3
_COMPARABLE = 0.55
_GAPS = ((13, 14, 0.5), (81, 178, 0.25), (311, 402, 0.25))
_CORNERS = (61, 291)
_EYES = (33, 263)


@dataclass(frozen=True, eq=False)
class Track:
    """What was seen of the lips in one video.

    Attributes:
        time_s: (N,) float64, times of the pictures in the sound, ascending.
        state: (N,) int8, `SEEN`, `NO_FACE` or `SEVERAL`.
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
    follower = _Follower()
    times: list[float] = []
    for picture in pictures:
        follower.look(picture)
        times.append(picture.time_s)
    rows = np.array(follower.rows, np.float32).reshape(-1, 5)
    return Track(
        time_s=np.array(times, np.float64),
        state=np.array(follower.states, np.int8),
        shot=np.array(follower.shots, np.int32),
        lips=rows[:, :2],
        eyes_px=rows[:, 2],
        turn_deg=rows[:, 3:],
    )


class _Follower:
    """Holds the face of the picture before, and writes one row per picture."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, ...]] = []
        self.states: list[int] = []
        self.shots: list[int] = []
        self._detector, self._mesh = FaceDetector(), FaceMesh()
        self._face: Face | None = None
        self._several = False
        self._shot = 0
        self._next_look_s = -np.inf
        self._unsure_from = 0
        self._thumbnail: npt.NDArray[np.float32] | None = None
        self._changes: deque[float] = deque(maxlen=12)

    def look(self, picture: Picture) -> None:
        """Look at the next picture."""
        if self._is_cut(picture.image):
            self._lose(picture.time_s)
        if self._face is not None:
            self._follow(picture, self._face)
        if picture.time_s >= self._next_look_s:
            self._check(picture)
        if self._face is None:
            self.rows.append((0.0,) * 5)
            self.states.append(NO_FACE)
        else:
            self.rows.append(_measure(self._face.landmarks))
            self.states.append(SEVERAL if self._several else SEEN)
        self.shots.append(self._shot)

    def _is_cut(self, image: npt.NDArray[np.uint8]) -> bool:
        small = cv2.resize(image, _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self._thumbnail = self._thumbnail, small
        if before is None:
            return False
        change = float(np.abs(small - before).mean())
        usual = max(float(np.median(self._changes)), _QUIET_LEAST) if self._changes else change
        self._changes.append(change)
        return change > _CUT or (change > _QUIET_CUT and change > _QUIET_RATIO * usual)

    def _lose(self, next_look_s: float) -> None:
        self._face = None
        self._shot += 1
        self._next_look_s = next_look_s

    def _follow(self, picture: Picture, before: Face) -> None:
        """Find the face again near its last place; a leap means that it was lost."""
        now = self._mesh.follow(picture.image, before)
        zoom = now.eye_distance / max(before.eye_distance, 1e-6)
        jump = np.linalg.norm(now.landmarks[:, :2].mean(0) - before.landmarks[:, :2].mean(0))
        if 1 / _MAX_ZOOM < zoom < _MAX_ZOOM and jump < _MAX_JUMP * before.eye_distance:
            self._face = now
        else:
            self._lose(picture.time_s)

    def _check(self, picture: Picture) -> None:
        """Let the detector say what is there; what was followed without a face is taken back."""
        found = self._detector.detect(picture.image)
        mine = [each for each in found if self._face is not None and _same(each, self._face)]
        if self._face is not None and not mine:
            for row in range(self._unsure_from, len(self.states)):
                self.states[row] = NO_FACE
            self._lose(picture.time_s)
        if self._face is None and found:
            mine = found[:1]
            glanced = self._mesh.glance(picture.image, mine[0])
            self._face = self._mesh.follow(picture.image, glanced)
        if mine:
            alike = [each for each in found if _side(each) > _COMPARABLE * _side(mine[0])]
            self._several = len(alike) > 1
        self._unsure_from = len(self.states) + 1
        self._next_look_s = picture.time_s + (_RETRY_S if self._face is None else _CHECK_S)


def _side(detection: Detection) -> float:
    return float(detection.box[2] - detection.box[0])


def _same(detection: Detection, face: Face) -> bool:
    """Whether the detector's eyes, nose and mouth lie where the mesh has the face."""
    centre = detection.keypoints[:4].mean(0)
    own = face.landmarks[[33, 263, 1, 13], :2].mean(0)
    return float(np.linalg.norm(centre - own)) < 0.4 * _side(detection)


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
