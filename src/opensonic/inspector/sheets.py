"""Contact sheets: parts of frames, enlarged, with a word below each, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.face.topology import EYE_CORNERS, LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE
from opensonic.values import Face

Image = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in px; the end is not part of it."""

PAPER, INK = 24, 235
"""Grey levels of what lies around the pictures, and of words."""
_CAPTION = 26
_MARGIN = 4
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class Tile(NamedTuple):
    """One picture of a sheet: (H, W, 3) uint8 RGB, and what it shows."""

    picture: Image
    caption: str


def mouth_box(face: Face, size: tuple[int, int]) -> Box:
    """Give the part of the picture in which a mouth opens.

    Args:
        face: The face.
        size: Width and height of the picture, px.
    """
    return _around(face, LIPS, (0.62, 0.36, 0.62, 0.56), size)


def eyes_box(face: Face, size: tuple[int, int]) -> Box:
    """Give the part of the picture that shows both eyes and the brows; see `mouth_box`."""
    rings = (*RIGHT_EYE, *LEFT_EYE, *RIGHT_BROW, *LEFT_BROW)
    return _around(face, rings, (0.70, 0.34, 0.70, 0.34), size)


def head_box(face: Face, size: tuple[int, int]) -> Box:
    """Give the part of the picture that shows head, neck and a little around; see `mouth_box`."""
    return _around(face, (*EYE_CORNERS, 4, 152), (1.45, 1.45, 1.45, 1.45), size)


def _around(
    face: Face,
    points: Sequence[int],
    reach: tuple[float, float, float, float],
    size: tuple[int, int],
) -> Box:
    """Give a box that reaches left, up, right, down from the middle of points, in e."""
    xy = face.landmarks[list(points), :2]
    middle = 0.5 * (xy.min(0) + xy.max(0))
    e = face.eye_distance
    x0, y0 = np.floor(middle - np.multiply(reach[:2], e)).astype(int)
    x1, y1 = np.ceil(middle + np.multiply(reach[2:], e)).astype(int)
    x0, y0 = int(np.clip(x0, 0, size[0] - 2)), int(np.clip(y0, 0, size[1] - 2))
    return x0, y0, int(np.clip(x1, x0 + 2, size[0])), int(np.clip(y1, y0 + 2, size[1]))


def cut(frame: Image, box: Box) -> Image:
    """Copy a part of a frame."""
    x0, y0, x1, y1 = box
    return frame[y0:y1, x0:x1].copy()


def fit_width(picture: Image, width: int) -> Image:
    """Bring a picture to a width in px."""
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    how = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), np.uint8)


def write_words(picture: Image, words: str, place: tuple[int, int], scale: float = 0.5) -> None:
    """Write on a picture, from the left end of the base line, px; in place."""
    thickness = 1 if scale < 0.8 else 2
    cv2.putText(picture, words, place, _FONT, scale, (INK,) * 3, thickness, cv2.LINE_AA)


def arrange(tiles: Sequence[Tile], columns: int, width: int, title: str = "") -> Image:
    """Lay out pictures row by row.

    Args:
        tiles: The pictures; all are brought to one width.
        columns: Pictures side by side.
        width: Width of each, px.
        title: Words above all.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    pictures = [fit_width(tile.picture, width) for tile in tiles]
    height = max(picture.shape[0] for picture in pictures)
    cell_w, cell_h = width + _MARGIN, height + _CAPTION
    rows = -(-len(tiles) // columns)
    top = 2 * _CAPTION if title else 0
    sheet = np.full((top + rows * cell_h, columns * cell_w, 3), PAPER, np.uint8)
    if title:
        write_words(sheet, title, (8, 36), 0.8)
    for place, (tile, picture) in enumerate(zip(tiles, pictures, strict=True)):
        row, column = divmod(place, columns)
        x, y = column * cell_w, top + row * cell_h
        sheet[y : y + picture.shape[0], x : x + width] = picture
        write_words(sheet, tile.caption, (x + 4, y + height + 18))
    return sheet


def stack(parts: Sequence[Image]) -> Image:
    """Put pictures below each other, at the left."""
    width = max(part.shape[1] for part in parts)
    rows = []
    for part in parts:
        row = np.full((part.shape[0], width, 3), PAPER, np.uint8)
        row[:, : part.shape[1]] = part
        rows.append(row)
    return np.vstack(rows)
