"""From where a face is lit, by the brightness of its skin.

The skin is taken to be matt and of one colour: brightness = a + b . n, fitted to the normals n of
the mesh, where the brightest and darkest places (gloss, hair, shadows) count no longer after the
first fit.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.camera import CANONICAL
from opensonic.engines.mesh.rig import Rig
from opensonic.engines.mesh.sampling import Floats, Image
from opensonic.face import topology

_NOT_SKIN = frozenset(
    (
        *topology.LIPS,
        *topology.RIGHT_EYE,
        *topology.LEFT_EYE,
        *topology.RIGHT_BROW,
        *topology.LEFT_BROW,
        *topology.FACE_OVAL,
    )
)
SKIN = np.array([point for point in range(468) if point not in _NOT_SKIN])
"""Landmarks on skin, inside the outline of the face."""
_KEPT = 0.8
_ROUNDS = 3
_LEAST_FRONT = 0.3
"""What lights a face that a camera sees comes from in front of it, at least by this much."""


def find_light(colours: Floats, rig: Rig) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Find the direction to the light.

    Args:
        colours: (N, 3) float32 colours of `SKIN`, as `read_skin` gives them.
        rig: The portrait's rig.

    Returns:
        (3,) float32 unit vector: right, down, towards the viewer; and (N,) bool, what counted.
    """
    bright = colours.mean(1)
    normals = canonical_normals(rig)[SKIN]
    system = np.column_stack([np.ones(len(normals)), normals])
    keep = np.ones(len(bright), bool)
    for _ in range(_ROUNDS):
        fit = np.linalg.lstsq(system[keep], bright[keep], rcond=None)[0]
        error = np.abs(system @ fit - bright)
        keep = error <= np.quantile(error, _KEPT)
    fit[3] = max(fit[3], _LEAST_FRONT * float(np.linalg.norm(fit[1:3])), 1e-3)
    return np.asarray(fit[1:] / np.linalg.norm(fit[1:]), np.float32), keep


def read_skin(image: Image, landmarks: Floats, e: float) -> Floats:
    """Read the skin.

    Args:
        image: (H, W, 3) uint8, RGB.
        landmarks: (478, 2 or 3) float32, px.
        e: Distance of the outer eye corners, px.

    Returns:
        (N, 3) float32 RGB of small patches around `SKIN`, 0 to 255.
    """
    height, width = image.shape[:2]
    spots = np.clip(landmarks[SKIN, :2], 0, (width - 1, height - 1)).astype(int)
    margin = int(0.06 * e) + 2
    x0, y0 = np.maximum(spots.min(0) - margin, 0)
    x1, y1 = spots.max(0) + margin
    smooth = cv2.GaussianBlur(image[y0:y1, x0:x1], (0, 0), max(0.015 * e, 0.5))
    return np.asarray(smooth[spots[:, 1] - y0, spots[:, 0] - x0], np.float32)


def canonical_normals(rig: Rig) -> Floats:
    """Give the normals of the canonical face as the picture's camera sees it.

    Args:
        rig: The portrait's rig.

    Returns:
        (468, 3) float32 unit vectors: right, down, towards the viewer.
    """
    a, b, c = (CANONICAL[topology.TRIANGLES[:, corner]] for corner in range(3))
    faces = np.cross(b - a, c - a)
    normals = np.zeros_like(CANONICAL)
    for corner in range(3):
        np.add.at(normals, topology.TRIANGLES[:, corner], faces)
    if float(np.median(normals[:, 2])) < 0:
        normals = -normals
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(normals / np.maximum(lengths, 1e-6) @ rig.camera.rotation.T, np.float32)
