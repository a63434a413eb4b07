"""One frame of one portrait: warp the part that moves, then fill mouth and eyes.

Everything that depends on the portrait alone is computed once. A frame costs two small matrix
products, one inversion on a coarse grid, one remap of the moving part and three small patches.
The picture is sampled at twice its size, so that a shift by parts of a pixel does not soften it.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.channels import INDEX, MOUTH
from opensonic.engines.mesh.eyes import (
    Eye,
    Eyeball,
    find_eyes,
    lash_shade,
    uncover_tuck,
)
from opensonic.engines.mesh.head import head_basis
from opensonic.engines.mesh.mouth import Mouth, head_reference, mouth_depth
from opensonic.engines.mesh.rig import Rig
from opensonic.engines.mesh.sampling import SINGLE_MAP, Box, Floats, Image
from opensonic.engines.mesh.seam import Seam, cover
from opensonic.engines.mesh.skin import landmark_basis, skin_basis
from opensonic.engines.mesh.style import measure_style
from opensonic.engines.mesh.warp import (
    LOWER,
    N_COEFFICIENTS,
    UPPER,
    Lattice,
    coefficients,
)
from opensonic.values import Portrait

_NODES_PER_E = 24
_BAND = 12
"""Rows of the lattice that are warped together."""
_STILL = 0.02
"""Displacement below which a place counts as still, px."""


class MeshRenderer:
    """Draws frames of one portrait; not for two threads at a time.

    Args:
        portrait: The picture and its face.
    """

    def __init__(self, portrait: Portrait) -> None:
        self._image = portrait.image
        self._landmarks = portrait.face.landmarks
        self._height, self._width = portrait.image.shape[:2]
        self._rig = Rig(portrait)
        self._eyes = find_eyes(self._rig)
        self._style = measure_style(portrait.image, self._rig)
        self._lattice = self._find_region()
        nodes = self._rig.points(self._lattice.xy.reshape(-1, 2))
        rows = len(self._lattice.xy)
        self._upper = skin_basis(nodes, self._rig, self._eyes, UPPER).reshape(
            rows, -1, N_COEFFICIENTS
        )
        self._lower = skin_basis(nodes, self._rig, self._eyes, LOWER).reshape(
            rows, -1, N_COEFFICIENTS
        )
        self._places = np.stack([self._lattice.xy, self._lattice.xy])
        self._source = self._enlarge_source()
        self._mouth = Mouth(portrait.image, self._rig, self._style)
        self._lips = self._lip_seam()
        self._lids = tuple(self._lid_seam(eye) for eye in self._eyes)
        self._skull = self._skull_basis()
        corner = (self._source_x, self._source_y)
        self._eyeballs = {
            eye.blink: Eyeball(self._source, corner, self._rig, eye) for eye in self._eyes
        }
        self._landmark_basis = landmark_basis(self._rig, self._eyes)

    def _find_region(self) -> Lattice:
        step = int(np.clip(round(self._rig.e / _NODES_PER_E), 2, 32))
        coarse = Lattice((0, 0, self._width, self._height), max(6 * step, 4))
        points = self._rig.points(coarse.xy.reshape(-1, 2))
        size = np.abs(skin_basis(points, self._rig, self._eyes, UPPER)).max((1, 2))
        size = np.maximum(
            size, np.abs(skin_basis(points, self._rig, self._eyes, LOWER)).max((1, 2))
        )
        rows, columns = np.nonzero(size.reshape(coarse.xy.shape[:2]) > 0.05)
        if not len(rows):
            return Lattice((0, 0, min(self._width, 8), min(self._height, 8)), step)
        low = coarse.xy[rows.min(), columns.min()] - coarse.step
        high = coarse.xy[rows.max(), columns.max()] + coarse.step
        x0, y0 = np.clip(low, 0, (self._width - 1, self._height - 1)).astype(int)
        x1, y1 = np.clip(high, (x0 + 1, y0 + 1), (self._width, self._height)).astype(int)
        return Lattice((int(x0), int(y0), int(x1), int(y1)), step)

    def _enlarge_source(self) -> Image:
        """Twice the moving part with a margin; even samples are the picture's own pixels."""
        margin = int(0.3 * self._rig.e) + 2
        grid = self._lattice
        self._source_x, self._source_y = max(grid.x0 - margin, 0), max(grid.y0 - margin, 0)
        part = self._image[self._source_y : grid.y1 + margin, self._source_x : grid.x1 + margin]
        matrix = np.array([[0.5, 0, 0], [0, 0.5, 0]], np.float32)
        size = (2 * part.shape[1] - 1, 2 * part.shape[0] - 1)
        flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
        large = cv2.warpAffine(part, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        large[::2, ::2] = part
        return np.asarray(large, np.uint8)

    def _lip_seam(self) -> Seam:
        rig = self._rig
        edges = [rig.lips.place(rig.lips.grid, line) for line in (rig.lips.upper, rig.lips.lower)]
        bases = []
        for edge, layer in zip(edges, (UPPER, LOWER), strict=True):
            basis = skin_basis(rig.points(edge), self._rig, self._eyes, layer)
            basis[..., INDEX["lip_press"]] = 0
            basis[..., INDEX["lower_lip_tuck"]] *= 0.5
            bases.append(basis)
        return Seam(edges[0], edges[1], bases[0], bases[1])

    def _lid_seam(self, eye: Eye) -> Seam:
        edges = [eye.edge(self._rig, layer) for layer in (UPPER, LOWER)]
        bases = [
            skin_basis(self._rig.points(edge), self._rig, self._eyes, layer)
            for edge, layer in zip(edges, (UPPER, LOWER), strict=True)
        ]
        upper = uncover_tuck(bases[0], eye, self._rig)
        return Seam(edges[0], edges[1], upper, bases[1])

    def _skull_basis(self) -> tuple[Floats, Floats]:
        rig = self._rig
        around = np.array([[0, 0], [0.3, 0], [0, 0.3]], np.float32)
        xy = np.asarray(rig.lips.middle + around @ rig.camera.axes[:2], np.float32)
        points = replace(rig.points(xy), face=head_reference(), depth=mouth_depth(rig))
        return xy, head_basis(points, rig)

    def landmarks(self, values: Floats) -> Floats:
        """Say where the landmarks are in a frame.

        Args:
            values: (C,) float32 channels.

        Returns:
            (478, 3) float32, px; z stays that of the portrait.
        """
        moved = self._landmarks.copy()
        moved[:, :2] += self._landmark_basis @ coefficients(values)
        return moved

    def render(self, values: Floats, out: Image | None = None) -> Image:
        """Draw one frame.

        Args:
            values: (C,) float32 channels.
            out: (H, W, 3) uint8 to write into.

        Returns:
            (H, W, 3) uint8, RGB.
        """
        frame = np.empty_like(self._image) if out is None else out
        np.copyto(frame, self._image)
        factors = coefficients(values)
        lips = self._lips.edges(factors)
        lids = [seam.edges(factors) for seam in self._lids]
        layers, (start, stop) = self._invert(lips, lids, factors)
        is_lower = self._is_lower(lips, lids)
        is_lower[:start], is_lower[stop:] = False, True
        self._draw_skin(frame, layers, is_lower)
        if self._rig.lips.is_open or np.abs(factors[MOUTH]).max() > 1e-4:
            self._draw_mouth(frame, layers, lips, factors)
        for eye, edges in zip(self._eyes, lids, strict=True):
            self._draw_eye(frame, layers, edges, eye, factors)
        return frame

    def _invert(
        self, lips: Floats, lids: list[Floats], factors: Floats
    ) -> tuple[Floats, tuple[int, int]]:
        """Find the places that both layers show; each only in the rows where it is seen.

        Returns:
            (2, R, Q, 2) float32 places of the upper and the lower layer, px, and the rows
            (from, to) in which both are valid: above is only the upper, below only the lower.
        """
        grid = self._lattice
        margin = 0.4 * self._rig.e
        top = min(float(edges[..., 1].min()) for edges in lids) - margin
        bottom = float(lips[..., 1].max()) + margin
        rows = len(grid.xy)
        start = int(np.clip((top - grid.y0) / grid.step, 0, rows - 4))
        stop = int(np.clip((bottom - grid.y0) / grid.step + 2, start + 4, rows))
        for layer, basis, first, last in (
            (0, self._upper, 0, stop),
            (1, self._lower, start, rows),
        ):
            moved = (basis[first:last] @ factors).reshape(last - first, -1, 2)
            self._places[layer, first:last] = grid.invert(moved, first)
        return self._places, (start, stop)

    def _is_lower(self, lips: Floats, lids: list[Floats]) -> npt.NDArray[np.bool_]:
        nodes = self._lattice.xy
        eyes = np.stack([edges.mean((0, 1)) for edges in lids])
        corners = lips[0, [0, -1]]
        halfway = 0.5 * (eyes + corners)

        def is_below(line: Floats) -> npt.NDArray[np.bool_]:
            along = line[1] - line[0]
            away = nodes - line[0]
            return np.asarray(along[0] * away[..., 1] - along[1] * away[..., 0] > 0)

        return np.asarray((is_below(eyes) & ~is_below(halfway)) | is_below(corners))

    def _draw_skin(self, frame: Image, layers: Floats, is_lower: npt.NDArray[np.bool_]) -> None:
        """Warp what moves, band by band of the lattice."""
        places = np.where(is_lower[..., None], layers[1], layers[0])
        moves = np.abs(places - self._lattice.xy).max(-1) > _STILL
        rows, columns = moves.shape[0] - 2, moves.shape[1] - 2
        for top in range(0, rows, _BAND):
            bottom = min(top + _BAND, rows)
            moving = np.flatnonzero(moves[top : bottom + 2].any(0))
            if len(moving):
                part = (max(moving[0] - 2, 0), top, min(moving[-1] + 1, columns), bottom)
                patch, (x0, y0, x1, y1) = self._sample(places, part)
                frame[y0:y1, x0:x1] = patch

    def _sample(self, places: Floats, part: Box) -> tuple[Image, Box]:
        """Warp the part (in steps of the lattice); give its pixels and its box in the frame."""
        grid = self._lattice
        origin = np.array([self._source_x, self._source_y], np.float32)
        maps = grid.enlarge((places - origin) * np.float32(2), part)
        x0, y0 = grid.x0 + part[0] * grid.step, grid.y0 + part[1] * grid.step
        x1 = min(x0 + maps.shape[1], self._width)
        y1 = min(y0 + maps.shape[0], self._height)
        maps = maps[: y1 - y0, : x1 - x0]
        fixed, table = cv2.convertMaps(maps, SINGLE_MAP, cv2.CV_16SC2)
        pixels = cv2.remap(
            self._source, fixed, table, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(pixels, np.uint8), (x0, y0, x1, y1)

    def _part_around(self, edges: Floats, margin: float) -> Box | None:
        grid = self._lattice
        low = (edges.reshape(-1, 2).min(0) - margin - (grid.x0, grid.y0)) / grid.step
        high = (edges.reshape(-1, 2).max(0) + margin - (grid.x0, grid.y0)) / grid.step
        c0, r0 = np.maximum(np.floor(low), 0).astype(int)
        rows, columns = grid.xy.shape[:2]
        c1, r1 = np.minimum(np.ceil(high), (columns - 2, rows - 2)).astype(int)
        inside = grid.x0 + c0 * grid.step < self._width and grid.y0 + r0 * grid.step < self._height
        return (int(c0), int(r0), int(c1), int(r1)) if c1 > c0 and r1 > r0 and inside else None

    def _draw_mouth(self, frame: Image, layers: Floats, edges: Floats, factors: Floats) -> None:
        part = self._part_around(edges, 0.10 * self._rig.e)
        if part is None:
            return
        above, box = self._sample(layers[0], part)
        below, _ = self._sample(layers[1], part)
        shares = cover(edges, box, self._style.softness)
        picture = above * shares.above + below * shares.below
        seen = shares.between[..., 0] > 0
        rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
        if len(rows):
            y, x = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
            hole = (box[0] + x.start, box[1] + y.start, box[0] + x.stop, box[1] + y.stop)
            opening = shares.crop(y, x)
            head = self._head_matrix(factors)
            picture[y, x] += self._mouth.render(hole, opening, factors, head) * opening.between
        frame[box[1] : box[3], box[0] : box[2]] = np.rint(np.clip(picture, 0, 255))

    def _head_matrix(self, factors: Floats) -> Floats:
        xy, basis = self._skull
        moved = xy + basis @ factors
        start = np.column_stack([xy, np.ones(3)])
        return np.asarray(np.linalg.solve(start, moved).T, np.float32)

    def _draw_eye(
        self,
        frame: Image,
        layers: Floats,
        edges: Floats,
        eye: Eye,
        factors: Floats,
    ) -> None:
        gaze = factors[[INDEX["gaze_x"], INDEX["gaze_y"]]]
        if abs(factors[eye.blink]) < 1e-4 and np.abs(gaze).max() < 1e-4:
            return
        part = self._part_around(edges, 0.05 * self._rig.e)
        if part is None:
            return
        above, box = self._sample(layers[0], part)
        below, _ = self._sample(layers[1], part)
        shares = cover(edges, box, self._style.softness)
        ball = self._eyeballs[eye.blink].render(box, factors)
        picture = above * shares.above + below * shares.below + ball * shares.between
        picture *= lash_shade(edges, shares, box, float(factors[eye.blink]), self._rig.e)
        frame[box[1] : box[3], box[0] : box[2]] = np.rint(np.clip(picture, 0, 255))
