"""One face followed through a video, picture by picture, with our own face mesh.

The detector finds the face where a shot begins and looks again twice a second, whether it is still
there and alone; in between, the mesh follows it from picture to picture (`FaceMesh.follow`).
Landmarks are not smoothed.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.face.detect import Detection, FaceDetector
from opensonic.face.mesh import FaceMesh
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


class Seen(NamedTuple):
    """What was seen in one picture.

    Attributes:
        state: `SEEN`, `NO_FACE` or `SEVERAL`.
        shot: A number that rises with each cut or lost face.
        face: The face that is followed, in px of the picture; None where none is.
        taken_back: How many of the pictures just before this one showed no face after all: one was
            followed there that the detector does not confirm. Their state is to be `NO_FACE`.
    """

    state: int
    shot: int
    face: Face | None
    taken_back: int = 0


class FaceTracker:
    """Follows one face through the pictures of a video; keeps the last one alone.

    With several faces it takes the largest where a shot begins, and stays with it.

    Args:
        threads: CPU threads that one network may use.
        eyes: Whether to look at the eyes from close by, too; without, blinks are seen less well,
            and a look takes two thirds of the time.
    """

    def __init__(self, threads: int = 1, *, eyes: bool = True) -> None:
        self._detector, self._mesh = FaceDetector(threads), FaceMesh(threads)
        self._eyes = eyes
        self._face: Face | None = None
        self._several = False
        self._shot = 0
        self._next_look_s = -np.inf
        self._unsure = 0
        self._thumbnail: npt.NDArray[np.float32] | None = None
        self._changes: deque[float] = deque(maxlen=12)

    def look(self, image: npt.NDArray[np.uint8], time_s: float) -> Seen:
        """Look at the next picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            time_s: When it is shown, seconds; ascending.
        """
        if self._is_cut(image):
            self._lose(time_s)
        if self._face is not None:
            self._follow(image, self._face, time_s)
        taken_back = self._check(image, time_s) if time_s >= self._next_look_s else 0
        self._unsure += 1
        if self._face is None:
            return Seen(NO_FACE, self._shot, None, taken_back)
        return Seen(SEVERAL if self._several else SEEN, self._shot, self._face, taken_back)

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

    def _follow(self, image: npt.NDArray[np.uint8], before: Face, time_s: float) -> None:
        """Find the face again near its last place; a leap means that it was lost."""
        now = self._mesh.follow(image, before, eyes=self._eyes)
        zoom = now.eye_distance / max(before.eye_distance, 1e-6)
        jump = np.linalg.norm(now.landmarks[:, :2].mean(0) - before.landmarks[:, :2].mean(0))
        if 1 / _MAX_ZOOM < zoom < _MAX_ZOOM and jump < _MAX_JUMP * before.eye_distance:
            self._face = now
        else:
            self._lose(time_s)

    def _check(self, image: npt.NDArray[np.uint8], time_s: float) -> int:
        """Let the detector say what is there; give how many pictures are to be taken back."""
        found = self._detector.detect(image)
        mine = [each for each in found if self._face is not None and _same(each, self._face)]
        taken_back = 0
        if self._face is not None and not mine:
            taken_back = self._unsure
            self._lose(time_s)
        if self._face is None and found:
            mine = found[:1]
            glanced = self._mesh.glance(image, mine[0])
            self._face = self._mesh.follow(image, glanced, eyes=self._eyes)
        if mine:
            alike = [each for each in found if _side(each) > _COMPARABLE * _side(mine[0])]
            self._several = len(alike) > 1
        self._unsure = -1  # this picture is sure
        self._next_look_s = time_s + (_RETRY_S if self._face is None else _CHECK_S)
        return taken_back


def _side(detection: Detection) -> float:
    return float(detection.box[2] - detection.box[0])


def _same(detection: Detection, face: Face) -> bool:
    """Whether the detector's eyes, nose and mouth lie where the mesh has the face."""
    centre = detection.keypoints[:4].mean(0)
    own = face.landmarks[[33, 263, 1, 13], :2].mean(0)
    return float(np.linalg.norm(centre - own)) < 0.4 * _side(detection)
