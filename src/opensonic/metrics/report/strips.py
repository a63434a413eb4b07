"""Pictures of the moments that stand out, read again from the video: a few that follow each other.

The video is entered shortly before each moment, so nothing between the moments is decoded and no
picture is kept: what remains are small JPEGs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.face.detect import FaceDetector
from opensonic.face.mesh import FaceMesh
from opensonic.face.topology import LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE
from opensonic.media.footage import Footage, Picture, read_pictures
from opensonic.metrics.evaluation import Moment
from opensonic.values import Face

LENGTH = 8
"""Pictures of a strip."""
BEFORE = 2
"""How many of them come before the moment."""
WIDTH = 200
"""Width of a picture in a strip, px."""
QUALITY = 82
"""JPEG quality."""

_VIEWS = (
    ("eyes", ("blink", "eye", "stare")),
    ("picture", ("cut", "flash", "repeat", "freeze", "frozen", "double", "drop")),
    ("face", ("face", "head", "jump", "drift", "identity", "blur", "flicker", "sharp")),
)
_POINTS = {"mouth": LIPS, "eyes": RIGHT_EYE + LEFT_EYE + RIGHT_BROW + LEFT_BROW}
_REACH = {
    "mouth": (0.62, 0.42, 0.62, 0.62),
    "eyes": (0.72, 0.36, 0.72, 0.36),
    "face": (0.95, 1.2, 0.95, 1.0),
}
"""How far a view goes left, up, right and down from the middle of its points, e."""
_FACE_POINTS = (33, 263, 4, 152)

Image = npt.NDArray[np.uint8]


class Still(NamedTuple):
    """One picture: when it is shown, s, and the JPEG."""

    time_s: float
    jpeg: bytes


@dataclass(frozen=True)
class Strip:
    """Pictures of one moment.

    Attributes:
        view: What is shown of them: `mouth`, `eyes`, `face` or `picture`.
        stills: The pictures, in order.
        here: Which of them is shown at that time.
        size: Width and height of each, px.
    """

    view: str
    stills: tuple[Still, ...]
    here: int
    size: tuple[int, int]

    @property
    def n_bytes(self) -> int:
        """Size of the pictures, bytes."""
        return sum(len(still.jpeg) for still in self.stills)


def choose_view(name: str) -> str:
    """Choose what is shown of a kind of moment: `mouth`, `eyes`, `face` or `picture`."""
    for view, words in _VIEWS:
        if any(word in name for word in words):
            return view
    return "mouth"


class StripReader:
    """Reads strips from videos; its networks are loaded once."""

    def __init__(self) -> None:
        self._detector, self._mesh = FaceDetector(), FaceMesh()

    def read(self, footage: Footage, time_s: float, view: str) -> Strip | None:
        """Read the pictures of a moment.

        Args:
            footage: The video.
            time_s: When, s.
            view: What to show of them, as `choose_view` says; the whole picture without a face.

        Returns:
            The strip; None where the video has no picture at that time.

        Raises:
            InputError: The video cannot be read any more.
        """
        step_s = float(1 / footage.fps)
        begin_s = time_s - (BEFORE + 0.5) * step_s
        pictures = list(islice(read_pictures(footage, begin_s=begin_s), LENGTH))
        if not pictures:
            return None
        here = min(range(len(pictures)), key=lambda place: abs(pictures[place].time_s - time_s))
        view, box = self._frame(pictures[here].image, view)
        return _cut(pictures, box, view, here)

    def faces(self, footage: Footage, times_s: Sequence[float]) -> tuple[Still, ...]:
        """Read the face at some times; the whole picture where there is none.

        Args:
            footage: The video.
            times_s: When, s; times behind the end give none.

        Raises:
            InputError: The video cannot be read any more.
        """
        found = []
        for time_s in times_s:
            for picture in islice(read_pictures(footage, begin_s=time_s), 1):
                _, box = self._frame(picture.image, "face")
                found.append(_cut([picture], box, "face", 0).stills[0])
        return tuple(found)

    def _frame(self, image: Image, view: str) -> tuple[str, tuple[int, int, int, int]]:
        whole = (0, 0, image.shape[1], image.shape[0])
        found = [] if view == "picture" else self._detector.detect(image)
        if not found:
            return "picture", whole
        face = self._mesh.follow(image, self._mesh.glance(image, found[0]))
        return view, _box(face, view, image)


def _box(face: Face, view: str, image: Image) -> tuple[int, int, int, int]:
    points = face.landmarks[list(_POINTS.get(view, _FACE_POINTS)), :2]
    middle, e = 0.5 * (points.min(0) + points.max(0)), face.eye_distance
    left, up, right, down = _REACH[view]
    height, width = image.shape[:2]
    x0, x1 = np.clip((middle[0] - left * e, middle[0] + right * e), 0, width).round().astype(int)
    y0, y1 = np.clip((middle[1] - up * e, middle[1] + down * e), 0, height).round().astype(int)
    if x1 - x0 < 8 or y1 - y0 < 8:
        return 0, 0, width, height
    return int(x0), int(y0), int(x1), int(y1)


def _cut(
    pictures: Sequence[Picture], box: tuple[int, int, int, int], view: str, here: int
) -> Strip:
    x0, y0, x1, y1 = box
    size = (WIDTH, max(1, round(WIDTH * (y1 - y0) / (x1 - x0))))
    how = cv2.INTER_AREA if x1 - x0 > WIDTH else cv2.INTER_CUBIC
    stills = []
    for picture in pictures:
        small = cv2.resize(picture.image[y0:y1, x0:x1], size, interpolation=how)
        coded = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
        stills.append(Still(picture.time_s, coded.tobytes()))
    return Strip(view, tuple(stills), here, size)


def spread(moments: Sequence[Moment], most: int, apart_s: float) -> Iterator[Moment]:
    """Choose moments to show: worst first, those of one kind some time apart.

    Args:
        moments: The moments, worst first.
        most: How many to give at most.
        apart_s: Least time between two of one kind, s.
    """
    shown: list[Moment] = []
    for moment in moments:
        if len(shown) == most:
            return
        near = (
            one.name == moment.name and abs(one.time_s - moment.time_s) < apart_s for one in shown
        )
        if not any(near):
            shown.append(moment)
            yield moment
