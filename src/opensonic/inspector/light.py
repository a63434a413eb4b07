"""From where and in which colour a face is lit, by the brightness of its skin.

The skin is taken to be matt and of one colour: brightness = a + b . n, fitted to the normals n of
the mesh, where the brightest and darkest places (gloss, hair, shadows) count no longer after the
first fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.camera import CANONICAL
from opensonic.engines.mesh.rig import Rig
from opensonic.face import topology
from opensonic.values import Portrait

Floats = npt.NDArray[np.float32]

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


@dataclass(frozen=True, eq=False)
class Light:
    """How a face is lit.

    Attributes:
        direction: (3,) float32 unit vector to the light: right, down, towards the viewer.
        colour: (3,) float32 RGB of the lit skin, 0 to 255.
        side_ratio: Brightness of the darker half of the face over that of the other, 0 to 1.
        burnt: Share of the skin that is white for want of range.
    """

    direction: Floats
    colour: Floats
    side_ratio: float
    burnt: float


def estimate_light(portrait: Portrait, rig: Rig) -> Light:
    """Estimate the light on a face.

    Args:
        portrait: The picture and its face.
        rig: The portrait's rig.
    """
    landmarks = portrait.face.landmarks
    colours = skin_colours(portrait)
    bright = colours.mean(1)
    normals = canonical_normals(rig)[SKIN]
    system = np.column_stack([np.ones(len(normals)), normals])
    keep = np.ones(len(bright), bool)
    for _ in range(_ROUNDS):
        fit = np.linalg.lstsq(system[keep], bright[keep], rcond=None)[0]
        error = np.abs(system @ fit - bright)
        keep = error <= np.quantile(error, _KEPT)
    fit[3] = max(fit[3], _LEAST_FRONT * float(np.linalg.norm(fit[1:3])), 1e-3)
    direction = fit[1:] / np.linalg.norm(fit[1:])
    return Light(
        direction=direction.astype(np.float32),
        colour=np.asarray(np.percentile(colours[keep], 75, axis=0), np.float32),
        side_ratio=_compare_sides(landmarks, bright),
        burnt=float((colours.min(1) >= 252).mean()),
    )


def skin_colours(portrait: Portrait) -> Floats:
    """Read the skin: (N, 3) float32 RGB of small patches around `SKIN`, 0 to 255."""
    height, width = portrait.image.shape[:2]
    sigma = max(0.015 * portrait.face.eye_distance, 0.5)
    smooth = cv2.GaussianBlur(portrait.image, (0, 0), sigma)
    spots = np.clip(portrait.face.landmarks[SKIN, :2], 0, (width - 1, height - 1)).astype(int)
    return np.asarray(smooth[spots[:, 1], spots[:, 0]], np.float32)


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


def _compare_sides(landmarks: Floats, bright: Floats) -> float:
    """Compare the person's cheeks: the darker one over the brighter one."""
    middle = landmarks[SKIN, :2].mean(0)
    across = landmarks[topology.EYE_CORNERS[1], :2] - landmarks[topology.EYE_CORNERS[0], :2]
    across = across / max(float(np.linalg.norm(across)), 1e-6)
    place = (landmarks[SKIN, :2] - middle) @ across
    far = np.abs(place) > np.quantile(np.abs(place), 0.4)
    right, left = np.median(bright[far & (place > 0)]), np.median(bright[far & (place < 0)])
    return float(min(right, left) / max(right, left, 1.0))
