"""How the picture itself behaves, one picture after the other: detail, flicker, repeats, colour.

All of it is measured on small copies, so that size and length of a video matter little:

- *sharpness*: spread of the Laplacian over the spread of the brightness in a level crop of the face
  of 224 px (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000, freed
  of contrast). Less than 224 px of face shows as less detail, as it does to the eye.
- *flicker*: mean absolute difference of a picture from the mean of the pictures before and after
  it, in grey levels. Even movement cancels out; what comes and goes does not. Taken beside and
  above the head, at 192 px, and in the face on skin that speech does not move, in a crop that goes
  along with the head, at 56 px.
- *change*: the largest mean absolute difference from the picture before among some 250 blocks; a
  repeated picture has next to none.
- *skin*: mean CIE L*a*b* of that skin.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.face.crop import crop_image, crop_matrix
from opensonic.face.frames import face_angle
from opensonic.face.topology import EYE_CORNERS
from opensonic.values import Face

_CROP_PX, _SKIN_PX = 224, 56
_CROP_SIDE = 2.0
_SMALL_PX, _BLOCKS = 192, 16
_RIGID = (33, 133, 263, 362, 168, 197, 5, 1, 129, 358, 127, 356)
_SKIN = ((0.18, 0.3, 0.56, 0.72), (0.7, 0.82, 0.56, 0.72), (0.38, 0.62, 0.02, 0.14))
"""Cheeks and forehead in the crop: left, right, upper and lower edge as shares of its side."""
_BESIDE, _ABOVE = 0.6, 0.7
"""Room beside and above the box of the landmarks that belongs to the head, in sides of the box."""
_LEAST_BACKGROUND = 0.03

Image = npt.NDArray[np.uint8]
Grey = npt.NDArray[np.float32]


class Look(NamedTuple):
    """What was measured in one picture; NaN where it cannot be.

    Attributes:
        sharpness: Fine detail of the face.
        flicker: Of the picture *before* this one, away from the head, grey levels.
        skin_flicker: Of the picture before this one, on the skin, grey levels.
        change: Largest change of a block from the picture before, grey levels.
        lightness: L* of the skin, 0 to 100.
        red: a* of the skin.
        yellow: b* of the skin.
    """

    sharpness: float
    flicker: float
    skin_flicker: float
    change: float
    lightness: float
    red: float
    yellow: float


class Appearance:
    """Looks at pictures in order; keeps small copies of the last three."""

    def __init__(self) -> None:
        self._shot = -1
        self._greys: deque[Grey] = deque(maxlen=3)
        self._skins: deque[Grey | None] = deque(maxlen=3)
        self._background: npt.NDArray[np.bool_] | None = None

    def look(self, image: Image, face: Face | None, shot: int) -> Look:
        """Look at the next picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            face: The face in it, or None.
            shot: Another number after each cut; differences are not taken across cuts.
        """
        if shot != self._shot:
            self._shot = shot
            self._greys.clear()
            self._skins.clear()
        grey = _shrink(image)
        self._greys.append(grey)
        sharpness = lightness = red = yellow = float("nan")
        skin = None
        if face is not None:
            crop = _cut(image, face)
            sharpness = measure_sharpness(crop)
            small = cv2.resize(crop, (_SKIN_PX, _SKIN_PX), interpolation=cv2.INTER_AREA)
            lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
            lightness, red, yellow = (float(v) for v in lab[_SKIN_PLACES].mean(0))
            skin = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)[_SKIN_PLACES].astype(np.float32)
        self._skins.append(skin)
        look = Look(
            sharpness,
            self._flicker(),
            self._skin_flicker(),
            self._change(),
            lightness,
            red,
            yellow,
        )
        self._background = None if face is None else find_background(face, image.shape, grey.shape)
        return look

    def _flicker(self) -> float:
        """Flicker of the picture in the middle of the last three."""
        where = self._background
        if len(self._greys) < 3 or where is None or where.mean() < _LEAST_BACKGROUND:
            return float("nan")
        before, now, after = self._greys
        return measure_flicker(before[where], now[where], after[where])

    def _skin_flicker(self) -> float:
        if len(self._skins) < 3:
            return float("nan")
        before, now, after = self._skins
        if before is None or now is None or after is None:
            return float("nan")
        return measure_flicker(before, now, after)

    def _change(self) -> float:
        if len(self._greys) < 2 or self._greys[-1].shape != self._greys[-2].shape:
            return float("nan")
        difference = np.abs(self._greys[-1] - self._greys[-2])
        blocks = cv2.resize(difference, (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA)
        return float(blocks.max())


def measure_sharpness(crop: Image) -> float:
    """Give the detail of a crop, (S, S, 3) uint8 RGB: spread of the Laplacian over that of grey."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(cv2.Laplacian(grey, cv2.CV_32F).std() / max(float(grey.std()), 1.0))


def measure_flicker(before: Grey, now: Grey, after: Grey) -> float:
    """Give the mean absolute difference of `now` from the mean of its neighbours, all alike."""
    return float(np.abs(now - (before + after) / 2).mean())


def find_background(
    face: Face, size: tuple[int, ...], small: tuple[int, ...]
) -> npt.NDArray[np.bool_]:
    """Mark what lies beside and above the head, higher than the chin.

    Args:
        face: The face, px of the picture.
        size: Height and width of the picture, px.
        small: Height and width of the mask.

    Returns:
        bool of shape `small`.
    """
    x0, y0, x1, y1 = (float(v) for v in face.box)
    across, down = small[1] / size[1], small[0] / size[0]
    left, right = (x0 - _BESIDE * (x1 - x0)) * across, (x1 + _BESIDE * (x1 - x0)) * across
    top = (y0 - _ABOVE * (y1 - y0)) * down
    mask = np.zeros(small[:2], np.bool_)
    mask[: max(0, round(y1 * down))] = True
    mask[max(0, round(top)) :, max(0, round(left)) : max(0, round(right))] = False
    return mask


def _shrink(image: Image) -> Grey:
    scale = min(1.0, _SMALL_PX / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)


def _cut(image: Image, face: Face) -> Image:
    """Cut a level square around what speech does not move."""
    points = face.landmarks
    x, y = points[list(_RIGID), :2].mean(0)
    right, left = points[list(EYE_CORNERS)]
    side = _CROP_SIDE * max(float(np.linalg.norm(left - right)), 1.0)
    matrix = crop_matrix((float(x), float(y)), side, face_angle(points), _CROP_PX)
    return crop_image(image, matrix, _CROP_PX)


def _skin_places() -> npt.NDArray[np.bool_]:
    places = np.zeros((_SKIN_PX, _SKIN_PX), np.bool_)
    for box in _SKIN:
        x0, x1, y0, y1 = (round(share * _SKIN_PX) for share in box)
        places[y0:y1, x0:x1] = True
    return places


_SKIN_PLACES = _skin_places()
