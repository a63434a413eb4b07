"""From where and in which colour a face is lit, and how evenly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.light import SKIN, find_light, read_skin
from opensonic.engines.mesh.rig import Rig
from opensonic.face import topology
from opensonic.values import Portrait

Floats = npt.NDArray[np.float32]


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
    colours = read_skin(portrait.image, landmarks, portrait.face.eye_distance)
    direction, keep = find_light(colours, rig)
    return Light(
        direction=direction,
        colour=np.asarray(np.percentile(colours[keep], 75, axis=0), np.float32),
        side_ratio=_compare_sides(landmarks, colours.mean(1)),
        burnt=float((colours.min(1) >= 252).mean()),
    )


def _compare_sides(landmarks: Floats, bright: Floats) -> float:
    """Compare the person's cheeks: the darker one over the brighter one."""
    middle = landmarks[SKIN, :2].mean(0)
    across = landmarks[topology.EYE_CORNERS[1], :2] - landmarks[topology.EYE_CORNERS[0], :2]
    across = across / max(float(np.linalg.norm(across)), 1e-6)
    place = (landmarks[SKIN, :2] - middle) @ across
    far = np.abs(place) > np.quantile(np.abs(place), 0.4)
    right, left = np.median(bright[far & (place > 0)]), np.median(bright[far & (place < 0)])
    return float(min(right, left) / max(right, left, 1.0))
