"""The part of the picture that can move, as a sheet that is laid out anew for every frame.

The picture is kept at twice its size and read linearly, so that a shift by parts of a pixel does
not soften it; where nothing moves, its own pixels come back.
"""

from __future__ import annotations

import cv2
import numpy as np

from opensonic.engines.mesh.sampling import SINGLE_MAP, Box, Floats, Image
from opensonic.engines.mesh.warp import Lattice


class Sheet:
    """A picture on a lattice.

    Args:
        image: (H, W, 3) uint8, RGB.
        grid: The lattice over its moving part.
        margin: How far places may lie outside the moving part, px.
    """

    def __init__(self, image: Image, grid: Lattice, margin: int) -> None:
        self._grid = grid
        self._height, self._width = image.shape[:2]
        x0, y0 = max(grid.x0 - margin, 0), max(grid.y0 - margin, 0)
        self._origin = np.array([x0, y0], np.float32)
        part = image[y0 : grid.y1 + margin, x0 : grid.x1 + margin]
        matrix = np.array([[0.5, 0, 0], [0, 0.5, 0]], np.float32)
        size = (2 * part.shape[1] - 1, 2 * part.shape[0] - 1)
        flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
        large = cv2.warpAffine(part, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        large[::2, ::2] = part
        self._source = np.asarray(large, np.uint8)

    def locate(self, places: Floats, part: Box) -> Floats:
        """Bring a part of the lattice to pixels.

        Args:
            places: (R, Q, 2) float32 places of the picture that the nodes of the lattice show, px.
            part: The part, in steps of the lattice.

        Returns:
            (H, W, 2) float32 places that the pixels of `box_of(part)` show, px.
        """
        return self._enlarge(places[part[1] : part[3] + 2, part[0] : part[2] + 2], part)

    def box_of(self, part: Box) -> Box:
        """Give the pixels of the picture that a part of the lattice covers."""
        grid = self._grid
        x0, y0 = grid.x0 + part[0] * grid.step, grid.y0 + part[1] * grid.step
        x1, y1 = grid.x0 + part[2] * grid.step, grid.y0 + part[3] * grid.step
        return x0, y0, min(x1, self._width), min(y1, self._height)

    def read(self, places: Floats) -> Image:
        """Read the picture: (H, W, 2) float32 places, px, to (H, W, 3) uint8 RGB."""
        return self._read(self._to_source(places))

    def show(self, places: Floats, part: Box, out: Image | None = None) -> Image:
        """Read what a part of the lattice shows.

        Args:
            places: (R, Q, 2) float32 places of the picture that the nodes of the lattice show, px.
            part: The part, in steps of the lattice.
            out: (H, W, 3) uint8 to write into.

        Returns:
            (H, W, 3) uint8 RGB, the pixels of `box_of(part)`.
        """
        block = places[part[1] : part[3] + 2, part[0] : part[2] + 2]
        return self._read(self._enlarge(self._to_source(block), part), out)

    def _enlarge(self, block: Floats, part: Box) -> Floats:
        x0, y0, x1, y1 = self.box_of(part)
        return self._grid.enlarge(block)[: y1 - y0, : x1 - x0]

    def _to_source(self, places: Floats) -> Floats:
        return (places - self._origin) * np.float32(2)

    def _read(self, maps: Floats, out: Image | None = None) -> Image:
        fixed, table = cv2.convertMaps(maps, SINGLE_MAP, cv2.CV_16SC2)
        border = cv2.BORDER_REPLICATE
        read = cv2.remap(self._source, fixed, table, cv2.INTER_LINEAR, dst=out, borderMode=border)
        return np.asarray(read, np.uint8)

    def part_around(self, edges: Floats, margin: float) -> Box | None:
        """Give the part, in steps, that holds all edges ((..., 2) px) and a margin in px."""
        grid = self._grid
        low = (edges.reshape(-1, 2).min(0) - margin - (grid.x0, grid.y0)) / grid.step
        high = (edges.reshape(-1, 2).max(0) + margin - (grid.x0, grid.y0)) / grid.step
        c0, r0 = np.maximum(np.floor(low), 0).astype(int)
        rows, columns = grid.xy.shape[:2]
        c1, r1 = np.minimum(np.ceil(high), (columns - 2, rows - 2)).astype(int)
        inside = grid.x0 + c0 * grid.step < self._width and grid.y0 + r0 * grid.step < self._height
        return (int(c0), int(r0), int(c1), int(r1)) if c1 > c0 and r1 > r0 and inside else None
