"""The canonical face and how the picture's camera sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opensonic.engines.mesh.sampling import Floats
from opensonic.face import topology

MOUTH_V = 0.48
"""Height of the lip line in the canonical face, e below its origin."""
CANONICAL = np.array(topology.CANONICAL, np.float32) * np.array([1, -1, 1], np.float32)
CANONICAL /= np.linalg.norm(CANONICAL[33] - CANONICAL[263])
"""(468, 3) float32 in e: right, down, forward."""

_SOFT = frozenset({*topology.LIPS, *topology.RIGHT_EYE, *topology.LEFT_EYE})


@dataclass(frozen=True, eq=False)
class Camera:
    """Scaled-orthographic view of the canonical face.

    Attributes:
        rotation: (3, 3) float32, canonical axes to the picture's (right, down, to the viewer).
        scale: Pixels per e.
        origin: (2,) float32 picture place of the canonical origin, px.
    """

    rotation: Floats
    scale: float
    origin: Floats

    @property
    def axes(self) -> Floats:
        """(3, 2) float32: one e to the face's right, down and forward, in px of the picture."""
        return np.asarray(self.rotation[:2].T * self.scale, np.float32)


def fit_camera(landmarks: Floats, eye_distance: float) -> Camera:
    """Fit the camera to the stiff part of the face.

    Args:
        landmarks: (478, 3) float32, px.
        eye_distance: Length of e, px.

    Returns:
        The camera; its scale is `eye_distance`.
    """
    stiff = np.array([i for i in range(468) if i not in _SOFT and CANONICAL[i, 1] < MOUTH_V])
    model = CANONICAL[stiff] - CANONICAL[stiff].mean(0)
    middle = landmarks[stiff, :2].mean(0)
    matrix = np.linalg.lstsq(model, landmarks[stiff, :2] - middle, rcond=None)[0].T
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    rows = left @ right
    rotation = np.vstack([rows, np.cross(rows[0], rows[1])]).astype(np.float32)
    origin = middle - rotation[:2] @ CANONICAL[stiff].mean(0) * eye_distance
    return Camera(rotation, eye_distance, np.asarray(origin, np.float32))
