"""Square crops of a picture, turned level, and the way back.

All coordinates are continuous picture pixels: x right, y down, the first pixel's centre at 0.5.
OpenCV counts from pixel centres; the half pixel is taken care of here and nowhere else.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

AREA_BELOW = 0.7
"""Scale (crop px per picture px) under which a picture is area-averaged before it is warped."""


def crop_matrix(
    centre: tuple[float, float], side: float, angle_deg: float, size: int, *, mirror: bool = False
) -> NDArray[np.float64]:
    """Return the matrix that maps picture pixels to the pixels of a square crop.

    Args:
        centre: Middle of the crop in the picture, px.
        side: Side of the square in the picture, px.
        angle_deg: Clockwise turn of the square in the picture; the crop shows its content upright.
        size: Side of the crop, px.
        mirror: Whether left and right change places in the crop.

    Returns:
        (2, 3) float64 similarity.
    """
    scale = size / side
    angle = math.radians(angle_deg)
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    linear = np.array([[cos, sin], [-sin, cos]])
    if mirror:
        linear[0] = -linear[0]
    offset = size / 2 - linear @ np.asarray(centre, np.float64)
    return np.column_stack([linear, offset])


def crop_image(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], size: int
) -> NDArray[np.uint8]:
    """Cut a square crop; beyond the picture its edge is repeated.

    Args:
        image: (H, W, 3) uint8.
        matrix: (2, 3) float64 from `crop_matrix`.
        size: Side of the crop, px.

    Returns:
        (size, size, 3) uint8, area-averaged first when the crop shrinks the picture.
    """
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    if scale < AREA_BELOW:
        image, matrix = _shrink(image, matrix, size, scale)
    warp = matrix.copy()
    warp[:, 2] += warp[:, :2].sum(axis=1) * 0.5 - 0.5
    crop = cv2.warpAffine(
        image, warp, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(crop, np.uint8)


def _shrink(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], size: int, scale: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Area-average the part of the picture that the crop sees down to the crop's own scale."""
    height, width = image.shape[:2]
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float64)
    corners = map_points(corners, invert_matrix(matrix))
    margin = 2 / scale
    x0, y0 = (int(v) for v in np.clip(corners.min(0) - margin, 0, [width - 1, height - 1]))
    x1, y1 = (int(v) for v in np.clip(corners.max(0) + margin, [x0 + 1, y0 + 1], [width, height]))
    new_width = max(1, round((x1 - x0) * scale))
    new_height = max(1, round((y1 - y0) * scale))
    small = cv2.resize(image[y0:y1, x0:x1], (new_width, new_height), interpolation=cv2.INTER_AREA)
    back = np.diag([(x1 - x0) / new_width, (y1 - y0) / new_height])
    shifted = np.column_stack([matrix[:, :2] @ back, matrix[:, 2] + matrix[:, :2] @ [x0, y0]])
    return np.asarray(small, np.uint8), shifted


def invert_matrix(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (2, 3) inverse of a (2, 3) affine matrix."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def map_points(points: NDArray[np.floating], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map (..., 2) points by a (2, 3) matrix."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float64)


def expand_box(
    box: NDArray[np.floating], ratio: float, image_size: tuple[int, int]
) -> NDArray[np.float32]:
    """Grow a box on each side by a share of its own size, inside the picture.

    Args:
        box: (4,) x0, y0, x1, y1 in px.
        ratio: Share of the box's width (height) added on the left and right (top and bottom).
        image_size: Width and height of the picture, px.

    Returns:
        (4,) float32 x0, y0, x1, y1 in px.
    """
    x0, y0, x1, y1 = (float(v) for v in box)
    grow_x, grow_y = (x1 - x0) * ratio, (y1 - y0) * ratio
    width, height = image_size
    grown = [max(0.0, x0 - grow_x), max(0.0, y0 - grow_y)]
    grown += [min(float(width), x1 + grow_x), min(float(height), y1 + grow_y)]
    return np.array(grown, np.float32)


def square_crop(
    box: NDArray[np.floating] | tuple[float, ...], ratio: float, width: int, height: int
) -> tuple[int, int, int, int]:
    """Give the crop that the published Sonic program cuts on request (arXiv 2411.16331).

    Args:
        box: (4,) x0, y0, x1, y1 of the face, px.
        ratio: Share of the box's width (height) added on the left and right (top and bottom).
        width: Of the picture, px.
        height: Of the picture, px.

    Returns:
        x0, y0, x1, y1 inside the picture, px; square to a pixel.
    """
    x0, y0, x1, y1 = (float(v) for v in box)
    low_x, high_x = _grow(x0, x1, ratio, width)
    low_y, high_y = _grow(y0, y1, ratio, height)
    side = min(high_x - low_x, high_y - low_y)
    low_x, high_x = _shorten(low_x, high_x, side, (x0 + x1) / 2)
    low_y, high_y = _shorten(low_y, high_y, side, (y0 + y1) / 2)
    return round(low_x), round(low_y), round(high_x), round(high_y)


def _grow(low: float, high: float, ratio: float, limit: int) -> tuple[float, float]:
    grow = (high - low) * ratio
    return max(low - grow, 0.0), min(high + grow, float(limit))


def _shorten(low: float, high: float, side: float, wanted: float) -> tuple[float, float]:
    """Cut a range to `side`, its middle as near to `wanted` as the range allows."""
    middle = (low + high) / 2
    slack = (high - low - side) / 2
    middle += math.copysign(min(abs(wanted - middle), slack), wanted - middle)
    return middle - side / 2, middle + side / 2
