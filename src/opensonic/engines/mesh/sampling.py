"""Arrays of the engine and how a picture is read between its pixels."""

from __future__ import annotations

from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in px or steps; the end is not part of it."""
Number = TypeVar("Number", np.uint8, np.float32)
SINGLE_MAP: Any = None
"""Second map of OpenCV's remap where the first holds x and y; its type stubs lack that form."""


def sample(
    picture: npt.NDArray[Number], places: Floats, out: npt.NDArray[Number] | None = None
) -> npt.NDArray[Number]:
    """Read a picture at places between its pixels; outside it, its border.

    Args:
        picture: (H, W) or (H, W, D), uint8 or float32.
        places: (R, Q, 2) float32, px.
        out: Array of the result's shape to write into.

    Returns:
        (R, Q) or (R, Q, D) in the picture's dtype.
    """
    kind = cv2.BORDER_REPLICATE
    read = cv2.remap(picture, places, SINGLE_MAP, cv2.INTER_LINEAR, dst=out, borderMode=kind)
    return np.asarray(read, picture.dtype)


def combine(basis: Floats, factors: Floats) -> Floats:
    """Add up a basis, weighted: (..., K) float32 and (K,) float32 to (...) float32.

    Not by BLAS: its threads stay busy for a while after each call and take the core on which the
    encoder works.
    """
    return np.asarray(np.einsum("...k,k->...", basis, factors), np.float32)


def order(basis: Floats) -> Floats:
    """Lay a basis (..., K) out in memory as `combine` reads it fastest: one coefficient at once."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(basis, -1, 0)), 0, -1)
