"""The face rig of one portrait: where in the canonical face each pixel lies.

The canonical face (MediaPipe's, in units of `e`, the distance of the outer eye corners) says what a
place *is* (chin, cheek, upper lip), so that every movement is written down once, for all faces. A
smoothing thin-plate spline through the landmarks carries pixels to it, and a scaled-orthographic
camera carries movements back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.camera import CANONICAL, fit_camera
from opensonic.engines.mesh.lips import Lips
from opensonic.engines.mesh.sampling import Floats
from opensonic.face import topology
from opensonic.values import Portrait

if TYPE_CHECKING:
    from opensonic.engines.mesh.person import Person

_BACK = -0.45
"""Depth of hair, neck and shoulders in the canonical face, e behind its origin."""
_PLACE_STIFFNESS = 2e-3
_DEPTH_STIFFNESS = 0.03
"""Smoothing; of depth far more than of places, as a steep silhouette would crumple in turns."""
_LIPS = frozenset(topology.LIPS)

_HALF_PIXEL = np.array([0.5, 0.5, 0], np.float32)


@dataclass(frozen=True, eq=False)
class Points:
    """Places of the picture and what they are.

    Attributes:
        xy: (N, 2) float32, px.
        face: (N, 3) float32 canonical place in e: right, down, forward.
        depth: (N,) float32, e towards the viewer from the canonical origin.
        x: (N,) float32, e to the right of the mouth's middle.
        s: (N,) float32 place along the mouth, -1 and 1 at its corners in the picture.
        below_upper: (N,) float32, e below the inner edge of the upper lip.
        below_lower: (N,) float32, e below the inner edge of the lower lip.
    """

    xy: Floats
    face: Floats
    depth: Floats
    x: Floats
    s: Floats
    below_upper: Floats
    below_lower: Floats


def _spline_kernel(a: Floats, b: Floats) -> Floats:
    across, down = (np.subtract.outer(a[:, axis], b[:, axis]) for axis in (0, 1))
    square = np.maximum(across * across + down * down, np.float32(1e-9))
    return np.asarray(cv2.multiply(square, cv2.log(square), scale=0.5), np.float32)


class Rig:
    """What is fitted once per portrait.

    Attributes:
        camera: View of the canonical face.
        e: Distance of the outer eye corners, px.
        landmarks: (478, 2) float32, px; the centre of the first pixel is at 0 here, as OpenCV
            counts, where a `Face` has it at 0.5.
        lips: The inner edges of the lips.
        size: Width and height of the picture, px.
        person: Where the person ends, once that was looked for and is clear.
    """

    person: Person | None = None

    def __init__(self, portrait: Portrait) -> None:
        height, width = portrait.image.shape[:2]
        self.size = (width, height)
        landmarks = portrait.face.landmarks - _HALF_PIXEL
        self.landmarks = np.ascontiguousarray(landmarks[:, :2])
        self.e = max(portrait.face.eye_distance, 4.0)
        self.camera = fit_camera(landmarks, self.e)
        self._fit_spline()
        self.lips = Lips(portrait.image, self.landmarks, self.camera.axes[:2])

    def _fit_spline(self) -> None:
        keep = [i for i in range(468) if i not in _LIPS]
        known, target = self.landmarks[keep], CANONICAL[keep]
        oval = self.landmarks[list(topology.FACE_OVAL)]
        middle = oval.mean(0)
        rings = np.vstack([middle + (oval - middle) * grow for grow in (1.45, 2.0, 3.0)])
        axes = self.camera.axes
        flat = (rings - self.camera.origin - _BACK * axes[2]) @ np.linalg.inv(axes[:2])
        ring_faces = np.column_stack([flat, np.full(len(flat), _BACK)])
        depths = np.append(target @ self.camera.rotation[2], np.full(len(flat), _BACK))
        xy = np.vstack([known, rings]).astype(np.float32) / self.e
        self._nodes = xy
        places = self._solve_spline(np.vstack([target, ring_faces]), _PLACE_STIFFNESS)
        self._weights = np.hstack([places, self._solve_spline(depths[:, None], _DEPTH_STIFFNESS)])

    def _solve_spline(self, values: npt.NDArray[np.generic], stiffness: float) -> Floats:
        n = len(self._nodes)
        system = np.zeros((n + 3, n + 3))
        system[:n, :n] = _spline_kernel(self._nodes, self._nodes) + stiffness * np.eye(n)
        system[:n, n], system[:n, n + 1 :] = 1, self._nodes
        system[n, :n], system[n + 1 :, :n] = 1, self._nodes.T
        system[n:, n:] = -1e-9 * np.eye(3)  # solvable even if all landmarks lie on one line
        right = np.vstack([values, np.zeros((3, values.shape[1]))])
        return np.asarray(np.linalg.solve(system, right), np.float32)

    def _read_spline(self, xy: Floats) -> Floats:
        parts = []
        for start in range(0, len(xy), 4096):
            block = np.asarray(xy[start : start + 4096] / self.e, np.float32)
            kernel = _spline_kernel(block, self._nodes)
            flat = kernel @ self._weights[:-3] + self._weights[-3] + block @ self._weights[-2:]
            parts.append(flat)
        return np.vstack(parts)

    def points(self, xy: Floats) -> Points:
        """Say what each place of the picture is.

        Args:
            xy: (N, 2) float32, px.
        """
        frame = self.lips.to_frame(xy)
        s = self.lips.along(frame[:, 0])
        upper = np.interp(s, self.lips.grid, self.lips.upper)
        lower = np.interp(s, self.lips.grid, self.lips.lower)
        fitted = self._read_spline(xy)
        return Points(
            np.asarray(xy, np.float32),
            fitted[:, :3],
            fitted[:, 3],
            np.asarray(frame[:, 0], np.float32),
            s,
            np.asarray(frame[:, 1] - upper, np.float32),
            np.asarray(frame[:, 1] - lower, np.float32),
        )
