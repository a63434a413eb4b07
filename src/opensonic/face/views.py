"""What the face detector looks at: the whole picture, its tiles, or one face close up."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

INPUT_SIDE = 320
"""Longest side of what the network sees, px."""
_GRID = 32
_MAX_ENLARGEMENT = 4.0
_PAD_VALUE = 127
_TILE_SHARE = 0.5
_CLOSE_SIDE = 160
_CLOSE_REACH = 2.5


def fit_to_network(image: Image) -> tuple[Image, Floats, Floats]:
    """Scale a picture to the network's input without distortion and pad it with grey.

    Returns:
        The (h, w, 3) uint8 canvas, sides multiples of 32; the scale that brings picture px to
        canvas px, (1,) float32; where the picture's corner lies on the canvas, (2,) float32 px.
    """
    height, width = image.shape[:2]
    scale = min(INPUT_SIDE / max(height, width), _MAX_ENLARGEMENT)
    new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(image, (new_width, new_height), interpolation=how)
    padded_width, padded_height = (-(-side // _GRID) * _GRID for side in (new_width, new_height))
    left, top = (padded_width - new_width) // 2, (padded_height - new_height) // 2
    canvas = np.full((padded_height, padded_width, 3), _PAD_VALUE, np.uint8)
    canvas[top : top + new_height, left : left + new_width] = resized
    return canvas, np.array([scale], np.float32), np.array([left, top], np.float32)


def tile_boxes(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    """Cut a picture into overlapping square tiles, half of the short side at least, as x0 y0 x1 y1.

    A long strip of a picture is cut into squares of its full width.
    """
    longest, shortest = max(width, height), min(width, height)
    side = max(1, min(shortest, round(longest * _TILE_SHARE)))
    for y0 in _starts(height, side):
        for x0 in _starts(width, side):
            yield x0, y0, min(width, x0 + side), min(height, y0 + side)


def _starts(length: int, side: int) -> list[int]:
    count = 1 + -(-2 * max(0, length - side) // side)
    return [round(k * (length - side) / max(1, count - 1)) for k in range(count)]


def cut_close_view(image: Image, box: Floats, keypoints: Floats) -> tuple[Image, Floats] | None:
    """Cut a square around a face, turned so that its eyes are level.

    Args:
        image: (H, W, 3) uint8, RGB.
        box: (4,) float32, xyxy px, a square.
        keypoints: (6, 2) float32 px, the eyes first.

    Returns:
        (160, 160, 3) uint8 view, in which the box is 64 px large, and the (2, 3) float32 matrix
        from picture px to view px; None where the face lies outside the picture.
    """
    side = float(box[2] - box[0])
    centre = (box[:2] + box[2:]) / 2
    reach = math.ceil(side * _CLOSE_REACH * 0.75)
    height, width = image.shape[:2]
    x0, y0 = (max(0, math.floor(float(v)) - reach) for v in centre)
    x1 = min(width, math.ceil(float(centre[0])) + reach)
    y1 = min(height, math.ceil(float(centre[1])) + reach)
    if x1 <= x0 or y1 <= y0:
        return None
    part = image[y0:y1, x0:x1]
    scale = _CLOSE_SIDE / (_CLOSE_REACH * side)
    shrink = min(1.0, 1.5 * scale)
    if shrink < 1:
        size = (max(1, round(part.shape[1] * shrink)), max(1, round(part.shape[0] * shrink)))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    stretch = np.array([part.shape[1] / (x1 - x0), part.shape[0] / (y1 - y0)])
    across = keypoints[1] - keypoints[0]
    angle = math.atan2(float(across[1]), float(across[0]))
    turn = scale * np.array(
        [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
    )
    matrix = np.concatenate([turn, (_CLOSE_SIDE / 2 - turn @ centre)[:, None]], axis=1)
    inner = np.concatenate(
        [turn / stretch, (matrix[:, 2] + turn @ np.array([x0, y0]))[:, None]], axis=1
    )
    view = cv2.warpAffine(
        part,
        inner,
        (_CLOSE_SIDE, _CLOSE_SIDE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(_PAD_VALUE,) * 3,
    )
    return np.asarray(view, np.uint8), matrix.astype(np.float32)
