"""Square crops of a followed face, 224 px, as SyncNet looks at them.

As in the published pipeline (Chung & Zisserman 2016, and Prajwal et al., arXiv 2008.10010, whose
figures everybody quotes): 25 pictures a second; place and size of the face's box go through a
running median over 13 pictures; of a box whose longer side is 2s, the crop reaches 1.4s to the
left and right of its middle, s up and 1.8s down; outside the picture it is grey. Ours differs in
what finds the box: the landmarks' own box, where theirs comes from a detector (S3FD), and the
median's window is shortened at the ends of a track, where theirs is filled up with zeros.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

SIZE = 224
"""Side of a crop, px."""
MEDIAN = 13
"""Pictures over which the box is smoothed."""
SHARE = 0.4
"""How much is added to half the box's side: left, right, and twice that below."""
GREY = 110
"""What lies outside the picture, grey level."""

_DELAY = MEDIAN // 2


class Crop(NamedTuple):
    """One crop.

    Attributes:
        slot: Number of its 25th of a second.
        begins: Whether a new track begins with it.
        image: (224, 224, 3) uint8 RGB.
    """

    slot: int
    begins: bool
    image: Image


class LipCrops:
    """Cuts the crops of one video; holds the seven pictures that the median waits for."""

    def __init__(self) -> None:
        self._boxes: deque[npt.NDArray[np.float64]] = deque(maxlen=MEDIAN)
        self._waiting: deque[tuple[int, Image]] = deque()
        self._begins = True
        self._last: tuple[int, int] | None = None

    def push(
        self, slot: int, image: Image, box: npt.NDArray[np.float32] | None, shot: int
    ) -> Iterator[Crop]:
        """Take the next picture.

        Args:
            slot: Number of its 25th of a second.
            image: (H, W, 3) uint8 RGB.
            box: (4,) x0 y0 x1 y1 of the face's landmarks, px; None without a face.
            shot: Another number after each cut or lost face.

        Yields:
            Crops of pictures that came up to six before, in order.
        """
        goes_on = self._last == (slot - 1, shot) and box is not None
        if not goes_on:
            yield from self.finish()
        if box is None:
            return
        self._last = (slot, shot)
        self._boxes.append(_place(box))
        self._waiting.append((slot, image))
        if len(self._waiting) > _DELAY:
            yield self._cut()

    def finish(self) -> Iterator[Crop]:
        """End the track: give the crops that are still waiting."""
        while self._waiting:
            if len(self._boxes) > len(self._waiting) + _DELAY:
                self._boxes.popleft()
            yield self._cut()
        self._boxes.clear()
        self._begins, self._last = True, None

    def _cut(self) -> Crop:
        """Cut the picture that has waited longest; the boxes are those of its window."""
        slot, image = self._waiting.popleft()
        half, x, y = np.median(np.stack(self._boxes), axis=0)
        begins, self._begins = self._begins, False
        return Crop(slot, begins, cut_crop(image, float(half), float(x), float(y)))


def _place(box: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Give half of the longer side and the middle of a box, (3,)."""
    x0, y0, x1, y1 = (float(v) for v in box)
    return np.array([max(x1 - x0, y1 - y0) / 2, (x0 + x1) / 2, (y0 + y1) / 2])


def cut_crop(image: Image, half: float, x: float, y: float) -> Image:
    """Cut one crop.

    Args:
        image: (H, W, 3) uint8.
        half: Half of the face's longer side, px.
        x: Middle of the face, px from the left edge.
        y: The same from the upper edge.

    Returns:
        (224, 224, 3) uint8.
    """
    side = max(2, round(2 * half * (1 + SHARE)))
    left, upper = round(x - half * (1 + SHARE)), round(y - half)
    height, width = image.shape[:2]
    crop = np.full((side, side, 3), GREY, np.uint8)
    x0, y0 = max(left, 0), max(upper, 0)
    x1, y1 = min(left + side, width), min(upper + side, height)
    if x1 > x0 and y1 > y0:
        crop[y0 - upper : y1 - upper, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    return np.asarray(cv2.resize(crop, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR), np.uint8)
