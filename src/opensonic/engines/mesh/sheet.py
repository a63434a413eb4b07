"""The part of the picture that can move, as a sheet that is laid out anew for every frame.

The picture is cut into the person and what is behind, which stays still; only where the outline of
the person passes are the two put together. The picture is kept at twice its size and read linearly,
so that a shift by parts of a pixel does not soften it; where nothing moves, its own pixels come
back. It has a fourth channel, the person's share, by which the colours are multiplied, even if that
is 1 everywhere: OpenCV reads four channels almost twice as fast as three.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.person import Person
from opensonic.engines.mesh.sampling import Box, Floats, Image, sample
from opensonic.engines.mesh.warp import Lattice

_BAND_PX = 72
"""Height of what is warped together, px."""
_WHOLE, _NONE = 0.995, 0.005
"""Share from which a place is the person's alone, and up to which it is not the person's."""
_LINEAR = np.array([0.5, 0.5], np.float32)
_OFFSETS = np.arange(-3.5, 4)
_LANCZOS = (np.sinc(_OFFSETS) * np.sinc(_OFFSETS / 4)).astype(np.float32)
_LANCZOS /= _LANCZOS.sum()
"""How pixels half-way between two are read: from two, or from eight for sharpness."""
_AROUND = np.ones((3, 3), np.uint8)


class Sheet:
    """A picture on a lattice.

    Attributes:
        scale: Pixels that are kept for each of the picture, along each side.

    Args:
        image: (H, W, 3) uint8, RGB.
        grid: The lattice over its moving part.
        margin: How far places may lie outside the moving part, px.
        person: Where the person ends and what is behind; None if all moves together.
    """

    scale = 2

    def __init__(self, image: Image, grid: Lattice, margin: int, person: Person | None) -> None:
        self._grid = grid
        self._band = max(_BAND_PX // grid.step, 1)
        self._height, self._width = image.shape[:2]
        x0, y0 = max(grid.x0 - margin, 0), max(grid.y0 - margin, 0)
        self._origin = np.array([x0, y0], np.float32)
        part = image[y0 : grid.y1 + margin, x0 : grid.x1 + margin]
        large = cv2.cvtColor(_double(part, _LANCZOS), cv2.COLOR_RGB2RGBA)
        self._source: Image = np.asarray(large, np.uint8)
        self._behind = image
        self._inner = np.full((len(grid.xy) - 2, grid.xy.shape[1] - 2), np.inf, np.float32)
        self._outer = np.zeros_like(self._inner)
        if person is not None:
            self._cut_out(person, part.shape[:2])
        # Large arrays that are asked for anew in each frame cost more than what is done in them.
        rows, columns = (self._band + 2) * grid.step, grid.xy.shape[1] * grid.step
        self._maps = np.empty((rows, columns, 2), np.float32)
        self._pixels = np.empty((rows, columns, 4), np.uint8)
        self._left = np.empty((rows, columns, 3), np.uint8)

    def _cut_out(self, person: Person, shape: tuple[int, ...]) -> None:
        grid, alpha, behind = self._grid, person.alpha, person.behind
        x0, y0 = self._origin.astype(int).tolist()
        window = np.s_[y0 : y0 + shape[0], x0 : x0 + shape[1]]
        share = _double(np.rint(alpha[window] * 255).astype(np.uint8))
        share[share > _WHOLE * 255] = 255
        shares = cv2.cvtColor(share, cv2.COLOR_GRAY2RGB)
        lit = cv2.multiply(_double(behind[window]), cv2.bitwise_not(shares), scale=1 / 255)
        own = cv2.subtract(cv2.cvtColor(self._source, cv2.COLOR_RGBA2RGB), lit)
        cut = cv2.cvtColor(cv2.min(own, shares), cv2.COLOR_RGB2RGBA)
        self._source = np.asarray(cv2.insertChannel(share, cut, 3), np.uint8)
        self._behind = behind
        padded = np.ones((grid.y1 - grid.y0, grid.x1 - grid.x0), np.float32)
        seen = alpha[grid.y0 : grid.y1, grid.x0 : grid.x1]
        padded[: seen.shape[0], : seen.shape[1]] = seen
        cell, step = np.ones((grid.step, grid.step), np.uint8), grid.step
        least = cv2.erode(padded, cell, anchor=(0, 0))[::step, ::step]
        most = cv2.dilate(padded, cell, anchor=(0, 0))[::step, ::step]
        for away, free in ((self._inner, least > _WHOLE), (self._outer, most < _NONE)):
            if not free.all():
                away[:] = cv2.distanceTransform(free.astype(np.uint8), cv2.DIST_L2, 3) - 1.5
            away *= grid.step

    def lay(self, places: Floats, shift: Floats, frame: Image) -> None:
        """Lay out the whole sheet, band by band.

        Args:
            places: (R, Q, 2) float32 places of the picture that the nodes of the lattice show, px.
            shift: (R, Q) float32, how far each of them is away, px; 0 counts as still.
            frame: (H, W, 3) uint8 picture to draw into.
        """
        reach = np.asarray(cv2.dilate(shift, _AROUND), np.float32)[1:-1, 1:-1]
        far = np.float32(1.42) * reach + np.float32(1.5)
        seen = (self._outer <= far) & (reach > 0)
        joined = self._join_rows(seen) & self._join_rows(self._inner <= far)
        alone = self._join_rows(seen) & ~joined
        source = self._to_source(places)
        for number, (runs, joins) in enumerate(zip(_runs(alone), _runs(joined), strict=True)):
            top, bottom = number * self._band, min((number + 1) * self._band, len(seen))
            if not (runs or joins):
                continue
            first_step = min(run[0] for run in runs + joins)
            last_step = max(run[1] for run in runs + joins)
            x0, y0, _, y1 = self.box_of((first_step, top, last_step, bottom))
            block = source[top : bottom + 2, first_step : last_step + 2]
            maps = self._grid.enlarge(block, self._maps)[: y1 - y0]
            for first, last in runs + joins:
                start = x0 + (first - first_step) * self._grid.step
                stop = min(x0 + (last - first_step) * self._grid.step, self._width)
                if stop <= start:
                    continue
                pixels = self._pixels[: y1 - y0, : stop - start]
                read = sample(self._source, maps[:, start - x0 : stop - x0], pixels)
                out = frame[y0:y1, start:stop]
                if (first, last) in joins:
                    left = self._left[: y1 - y0, : stop - start]
                    self._join(read, self._behind[y0:y1, start:stop], out, left)
                else:
                    cv2.cvtColor(read, cv2.COLOR_RGBA2RGB, dst=out)

    def _join_rows(self, steps: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Say for each band in which columns a step of it is wanted."""
        starts = np.arange(0, len(steps), self._band)
        return np.asarray(np.logical_or.reduceat(steps, starts, axis=0))

    @staticmethod
    def _join(read: Image, behind: Image, out: Image, left: Image | None = None) -> None:
        """Put a part in which the person's outline passes over what is behind.

        Args:
            read: (H, W, 4) uint8, a part of the sheet.
            behind: (H, W, 3) uint8.
            out: (H, W, 3) uint8 to write into.
            left: The same, for what is left of what is behind.
        """
        share = cv2.bitwise_not(cv2.extractChannel(read, 3))
        lit = cv2.cvtColor(share, cv2.COLOR_GRAY2RGB, dst=left)
        lit = cv2.multiply(behind, lit, dst=lit, scale=1 / 255)
        cv2.add(cv2.cvtColor(read, cv2.COLOR_RGBA2RGB, dst=out), lit, dst=out)

    def settle(self, read: Image, part: Box) -> Image:
        """Put what was read for a part, in steps, over what is behind the person.

        Args:
            read: (H, W, 4) uint8, the pixels of `box_of(part)` as `show` gives them.
            part: The part, in steps of the lattice.

        Returns:
            (H, W, 3) uint8, RGB.
        """
        out = np.empty((*read.shape[:2], 3), np.uint8)
        if self._inner[part[1] : part[3], part[0] : part[2]].min() <= 0:
            x0, y0, x1, y1 = self.box_of(part)
            self._join(read, self._behind[y0:y1, x0:x1], out)
        else:
            cv2.cvtColor(read, cv2.COLOR_RGBA2RGB, dst=out)
        return out

    def borrow(self, corners: Floats) -> tuple[Image, Floats]:
        """Lend the part of the sheet around some places, to be drawn on.

        Args:
            corners: (N, 2) float32, px.

        Returns:
            (H, W, 4) uint8, a view of the sheet: what is written there is laid
            out; and (H, W, 2) float32 places of its pixels, px.
        """
        x0, y0, x1, y1 = self._around(corners)
        rows, columns = np.mgrid[y0:y1, x0:x1].astype(np.float32)
        places = np.stack([columns, rows], -1) * np.float32(1 / self.scale) + self._origin
        return self._source[y0:y1, x0:x1], places

    def hold(self, corners: Floats) -> Callable[[Floats], Image]:
        """Give a way to read near some places, however the sheet is drawn on.

        Args:
            corners: (N, 2) float32, px.
        """
        x0, y0, x1, y1 = self._around(corners)
        kept, corner = self._source[y0:y1, x0:x1].copy(), np.array([x0, y0], np.float32)
        return lambda places: sample(kept, self._to_source(places) - corner)

    def _around(self, corners: Floats) -> Box:
        """Give the box around places, in pixels of the source; at least one of them."""
        points = self._to_source(np.asarray(corners, np.float32))
        height, width = self._source.shape[:2]
        (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
        x0, y0 = (int(np.clip(v, 0, n - 1)) for v, n in ((left, width), (top, height)))
        x1, y1 = (int(np.clip(v, 0, n - 1)) for v, n in ((right, width), (bottom, height)))
        return x0, y0, x1 + 1, y1 + 1

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

    def show(self, places: Floats, part: Box) -> Image:
        """Read what a part of the lattice shows.

        Args:
            places: (R, Q, 2) float32 places of the picture that the nodes of the lattice show, px.
            part: The part, in steps of the lattice.

        Returns:
            (H, W, 4) uint8, the pixels of `box_of(part)`: RGB, multiplied by the person's
            share, and that share.
        """
        block = places[part[1] : part[3] + 2, part[0] : part[2] + 2]
        return sample(self._source, self._enlarge(self._to_source(block), part))

    def _enlarge(self, block: Floats, part: Box) -> Floats:
        x0, y0, x1, y1 = self.box_of(part)
        return self._grid.enlarge(block)[: y1 - y0, : x1 - x0]

    def _to_source(self, places: Floats) -> Floats:
        return (places - self._origin) * np.float32(self.scale)

    def part_around(self, edges: Floats, margin: float) -> Box | None:
        """Give the part, in steps, that holds all edges ((..., 2) px) and a margin in px."""
        grid, step = self._grid, self._grid.step
        points = edges.reshape(-1, 2)
        (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
        c0 = max(math.floor((left - margin - grid.x0) / step), 0)
        r0 = max(math.floor((top - margin - grid.y0) / step), 0)
        rows, columns = grid.xy.shape[:2]
        c1 = min(math.ceil((right + margin - grid.x0) / step), columns - 2)
        r1 = min(math.ceil((bottom + margin - grid.y0) / step), rows - 2)
        inside = grid.x0 + c0 * step < self._width and grid.y0 + r0 * step < self._height
        return (c0, r0, c1, r1) if c1 > c0 and r1 > r0 and inside else None


def _double(part: Image, taps: Floats = _LINEAR) -> Image:
    """Twice the size, less one; every second pixel is one of the picture.

    Args:
        part: (H, W) or (H, W, 3) uint8.
        taps: (N,) weights of the pixels around a place half-way between two.

    Returns:
        (2 H - 1, 2 W - 1) or (2 H - 1, 2 W - 1, 3) uint8.
    """
    border, anchor = cv2.BORDER_REPLICATE, len(taps) // 2 - 1

    def between_rows(image: Image) -> Image:
        read = cv2.filter2D(image, -1, taps[:, None], anchor=(0, anchor), borderType=border)
        return np.asarray(read[:-1], np.uint8)

    right = cv2.filter2D(part, -1, taps[None], anchor=(anchor, 0), borderType=border)[:, :-1]
    height, width = part.shape[:2]
    large = np.empty((2 * height - 1, 2 * width - 1, *part.shape[2:]), np.uint8)
    large[::2, ::2], large[::2, 1::2] = part, right
    large[1::2, ::2], large[1::2, 1::2] = between_rows(part), between_rows(np.asarray(right))
    return large


def _runs(wanted: npt.NDArray[np.bool_]) -> list[list[tuple[int, int]]]:
    """List for each row where runs of True begin and end."""
    padded = np.zeros((wanted.shape[0], wanted.shape[1] + 2), bool)
    padded[:, 1:-1] = wanted
    rows, ends = (each.tolist() for each in np.nonzero(padded[:, 1:] != padded[:, :-1]))
    runs: list[list[tuple[int, int]]] = [[] for _ in wanted]
    for row, first, last in zip(rows[::2], ends[::2], ends[1::2], strict=True):
        runs[row].append((first, last))
    return runs
