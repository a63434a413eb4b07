"""One frame of one portrait: draw the eyes, warp the part that moves, fill the mouth.

Everything that depends on the portrait alone is computed once. A frame costs two small matrix
products, one inversion on a coarse grid, two small patches for eyes that move, one remap of the
moving part and one small patch for the mouth.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.channels import INDEX, MOUTH, inner_lip_gap
from opensonic.engines.mesh.eye_patch import EyePatch
from opensonic.engines.mesh.eyes import GAZE_REACH, LID_FOLLOWS, Eye, are_covered, find_eyes
from opensonic.engines.mesh.head import head_basis
from opensonic.engines.mesh.lids import Lids, surroundings
from opensonic.engines.mesh.mouth import Mouth, head_reference, mouth_depth
from opensonic.engines.mesh.person import find_person
from opensonic.engines.mesh.relief import ONE, REACH, Relief
from opensonic.engines.mesh.rig import Rig
from opensonic.engines.mesh.sampling import Box, Floats, Image, combine, order
from opensonic.engines.mesh.seam import Seam, cover
from opensonic.engines.mesh.sheet import Sheet
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
_MARGIN = 0.06
"""How far around the lips both layers are drawn, e."""
_CLOSE = 0.04
"""Opening above which lips are not closed, e."""
_FAINT, _FAINT_POUT = 0.02, 0.1
"""Strength below which a shadow is not seen, and of lips put forward."""
_NOTHING = 1e-4
"""Value of a channel that shows nothing."""
_GAZE = [INDEX["gaze_x"], INDEX["gaze_y"]]
_STEADY, _GLANCE = 0.02, 0.06
"""Gaze that is too small to be seen, and gaze up or down that the lids do not follow yet."""
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
        with ThreadPoolExecutor(2, "portrait") as workers:
            self._look_at(portrait.image, workers)
        self._places = np.stack([self._lattice.xy] * 2)
        self._reach = np.asarray(GAZE_REACH * self._rig.e, np.float32)
        self._skull = self._skull_basis()
        self._landmark_basis = landmark_basis(self._rig, self._eyes)

    def _look_at(self, image: Image, workers: ThreadPoolExecutor) -> None:
        """Find all that the portrait holds; what does not wait for each other, side by side."""
        person = workers.submit(find_person, image, self._rig)
        self._eyes = find_eyes(image, self._rig)
        seen = () if are_covered(image, self._rig) else self._eyes
        self._style = measure_style(image, self._rig)
        self._mouth = Mouth(image, self._rig, self._style)
        self._relief = Relief(self._rig, self._style.toward, self._style.relief)
        self._rig.person = person.result()
        self._lattice = self._find_region()
        margin = int(0.3 * self._rig.e) + 2
        self._sheet = Sheet(image, self._lattice, margin, self._rig.person)
        patches = workers.map(self._find_lids, seen)
        nodes = self._rig.points(self._lattice.xy.reshape(-1, 2))
        shape = (len(self._lattice.xy), -1, 2, N_COEFFICIENTS)
        self._upper, self._lower = (
            order(skin_basis(nodes, self._rig, self._eyes, layer).reshape(shape))
            for layer in (UPPER, LOWER)
        )
        self._lips = self._lip_seam()
        self._eye_patches = list(patches)

    def _find_lids(self, eye: Eye) -> tuple[EyePatch, tuple[slice, slice]]:
        lids = Lids(eye, self._rig, self._sheet.hold(surroundings(eye, self._rig)))
        patch = EyePatch(lids, self._sheet, self._style.softness)
        return patch, self._lattice.nodes_around(lids.corners)

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

    def _lip_seam(self) -> Seam:
        rig = self._rig
        edges = [rig.lips.place(rig.lips.grid, line) for line in (rig.lips.upper, rig.lips.lower)]
        bases = []
        for edge, layer in zip(edges, (UPPER, LOWER), strict=True):
            basis = skin_basis(rig.points(edge), self._rig, self._eyes, layer)
            basis[..., INDEX["lip_press"]] = 0
            if layer == LOWER:
                basis[..., INDEX["lower_lip_tuck"]] = 0
            bases.append(basis)
        return Seam(edges[0], edges[1], bases[0], bases[1])

    def _skull_basis(self) -> tuple[Floats, Floats, Floats]:
        rig = self._rig
        around = np.array([[0, 0], [0.3, 0], [0, 0.3]], np.float32)
        xy = np.asarray(rig.lips.middle + around @ rig.camera.axes[:2], np.float32)
        points = replace(rig.points(xy), face=head_reference(), depth=mouth_depth(rig))
        back = np.linalg.inv(np.column_stack([xy, np.ones(3)]))
        return xy, head_basis(points, rig), back.astype(np.float32)

    def landmarks(self, values: Floats) -> Floats:
        """Say where the landmarks are in a frame.

        Args:
            values: (C,) float32 channels.

        Returns:
            (478, 3) float32, px; z stays that of the portrait.
        """
        moved = self._landmarks.copy()
        moved[:, :2] += combine(self._landmark_basis, coefficients(values))
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
        factors[INDEX["lip_press"]] = self._roll_in(factors)
        lips = self._lips.edges(factors)
        layers, (start, stop) = self._invert(lips, factors)
        is_lower = np.zeros(layers.shape[1:3], bool)
        is_lower[start:stop] = self._is_lower(lips, self._lattice.xy[start:stop])
        is_lower[stop:] = True
        places = np.where(is_lower[..., None], layers[1], layers[0])
        self._move_eyes(factors)
        self._draw_skin(frame, places)
        pout = (float(factors[INDEX["lip_pucker"]]) - _FAINT_POUT) * self._style.relief
        light = self._light_lips(frame, places, lips, pout) if pout > 0 else None
        if self._rig.lips.is_open or np.abs(factors[MOUTH]).max() > _NOTHING:
            self._draw_mouth(frame, layers, lips, factors, light)
        return frame

    def _roll_in(self, factors: Floats) -> float:
        """Say how far the lips roll in: as parted ones close, their wet inside goes inwards."""
        press = float(factors[INDEX["lip_press"]])
        if self._rig.lips.is_open:
            press = max(press, 0.6 * (1 - float(inner_lip_gap(factors)) / _CLOSE))
        return press * self._style.roll

    def _invert(self, lips: Floats, factors: Floats) -> tuple[Floats, tuple[int, int]]:
        """Find the places that both layers show; each only in the rows where it is seen.

        Returns:
            (2, R, Q, 2) float32 places of the upper and the lower layer, px, and the rows
            (from, to) in which both are valid: above is only the upper, below only the lower.
        """
        grid = self._lattice
        margin = 0.4 * self._rig.e
        top, bottom = float(lips[..., 1].min()) - margin, float(lips[..., 1].max()) + margin
        rows = len(grid.xy)
        start = int(np.clip((top - grid.y0) / grid.step, 0, rows - 4))
        stop = int(np.clip((bottom - grid.y0) / grid.step + 2, start + 4, rows))
        for layer, basis, first, last in (
            (0, self._upper, 0, stop),
            (1, self._lower, start, rows),
        ):
            moved = combine(basis[first:last], factors)
            self._places[layer, first:last] = grid.invert(moved, first)
        return self._places, (start, stop)

    @staticmethod
    def _is_lower(lips: Floats, nodes: Floats) -> npt.NDArray[np.bool_]:
        corners = lips[0, [0, -1]]
        along, away = corners[1] - corners[0], nodes - corners[0]
        return np.asarray(along[0] * away[..., 1] - along[1] * away[..., 0] > 0)

    def _draw_skin(self, frame: Image, places: Floats) -> None:
        """Warp what moves."""
        across, down = cv2.split(cv2.absdiff(places, self._lattice.xy))
        shift = np.maximum(across, down)
        shift[shift <= _STILL] = 0
        for eye, nodes in self._eye_patches:
            if eye.is_moved:
                np.maximum(shift[nodes], _STILL, out=shift[nodes])
        self._sheet.lay(places, shift, frame)

    def _light_lips(
        self, frame: Image, places: Floats, edges: Floats, pout: float
    ) -> tuple[Image, Box] | None:
        """Light the lips as they come forward; give the light and the pixels that it is for."""
        part = self._sheet.part_around(edges, REACH * self._rig.e)
        if part is None:
            return None
        x0, y0, x1, y1 = box = self._sheet.box_of(part)
        light = self._relief.light(self._sheet.locate(places, part), pout)
        patch = frame[y0:y1, x0:x1]
        cv2.multiply(patch, light, dst=patch, scale=1 / ONE)
        return light, box

    def _move_eyes(self, factors: Floats) -> None:
        """Draw the eyes into the sheet."""
        gaze_x, gaze_y = factors[_GAZE].tolist()
        gaze = (
            _beyond(gaze_x, _STEADY) * float(self._reach[0]),
            _beyond(gaze_y, _STEADY) * float(self._reach[1]),
        )
        follow = LID_FOLLOWS * _beyond(gaze_y, _GLANCE)
        for eye, _ in self._eye_patches:
            blink = float(factors[eye.lids.eye.blink])
            eye.draw(blink + (1 - blink) * follow, gaze)

    def _draw_mouth(
        self,
        frame: Image,
        layers: Floats,
        edges: Floats,
        factors: Floats,
        light: tuple[Image, Box] | None,
    ) -> None:
        part = self._sheet.part_around(edges, _MARGIN * self._rig.e)
        if part is None:
            return
        box = self._sheet.box_of(part)
        above, below = (self._sheet.show(layer, part) for layer in layers[:2])
        shares = cover(edges, box, self._style.softness)
        blend = cv2.blendLinear(above, below, shares.above, shares.below)
        picture = self._sheet.settle(np.asarray(blend, np.uint8), part)
        if light is not None:
            own, (x0, y0, _, _) = light
            own = own[box[1] - y0 : box[3] - y0, box[0] - x0 : box[2] - x0]
            cv2.multiply(picture, own, dst=picture, scale=1 / ONE)
        press, tuck = factors[INDEX["lip_press"]], factors[INDEX["lower_lip_tuck"]]
        line = max(float(press), 0.7 * float(tuck), 0.8 * self._rig.lips.is_open)
        if line > _FAINT:
            self._mouth.shade_line(picture, shares, edges, box, min(line, 1.0))
        seen = shares.between > 0
        rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
        if len(rows):
            y, x = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
            hole = (box[0] + x.start, box[1] + y.start, box[0] + x.stop, box[1] + y.stop)
            opening = shares.crop(y, x)
            head = self._head_matrix(factors)
            inside = self._mouth.render(hole, opening, factors, head)
            inside -= picture[y, x]
            inside *= opening.between[..., None]
            inside += picture[y, x]
            picture[y, x] = cv2.convertScaleAbs(inside)
        frame[box[1] : box[3], box[0] : box[2]] = picture

    def _head_matrix(self, factors: Floats) -> Floats:
        xy, basis, back = self._skull
        moved = xy + combine(basis, factors)
        return np.asarray(np.einsum("ij,jk->ki", back, moved), np.float32)


def _beyond(value: float, limit: float) -> float:
    """Take away what lies within a limit."""
    return math.copysign(max(abs(value) - limit, 0.0), value)
