"""The head turns, nods, tilts and shifts as one piece; neck and hair follow less and less.

Depth comes from the canonical face, so near parts (nose) move against far ones (ears): parallax.
"""

from __future__ import annotations

import numpy as np

from opensonic.channels import INDEX
from opensonic.engines.mesh.rig import Points, Rig
from opensonic.engines.mesh.sampling import Floats
from opensonic.engines.mesh.warp import N_COEFFICIENTS, ramp

_PIVOT = np.array([0, 0.55, -0.45], np.float32)
"""Where the head sits on the neck, in the canonical face, e."""
_DEGREE = np.float32(np.pi / 180)


_TRAIL = 0.4
"""How far beyond the person the background is drawn along where it is not cut off, e."""


def head_weight(points: Points, rig: Rig) -> Floats:
    """Say how much each place belongs to the head.

    Returns:
        (N,) float32: 1 on the face, 0 on the shoulders and behind the person. Where the person is
        not cut out, 0 from about one face radius around the face.
    """
    u, v = points.face[:, 0], points.face[:, 1]
    if rig.person is not None:
        beside = ramp(np.abs(u), 0.9, 1.8) * ramp(v, 0.45, 1.0)
        trail = 1 - ramp(rig.person.distance(points.xy), 0.02, _TRAIL)
        return np.asarray((1 - ramp(v, 0.95, 2.1)) * (1 - beside) * trail, np.float32)
    high = np.where(v < -0.15, (v + 0.15) / 1.45, (v + 0.15) / 1.6)
    radius = np.sqrt((u / 1.05) ** 2 + high**2)
    around = 1 - ramp(radius, 0.95, 1.85)
    return np.asarray(around * (1 - ramp(v, 0.95, 2.1)), np.float32)


def head_basis(points: Points, rig: Rig) -> Floats:
    """Compute what the head's channels do.

    Args:
        points: N places.
        rig: The portrait's rig.

    Returns:
        (N, 2, K) float32, px.
    """
    basis = np.zeros((len(points.xy), 2, N_COEFFICIENTS), np.float32)
    camera = rig.camera
    pivot = camera.rotation @ _PIVOT
    across, down = ((points.xy - camera.origin) / rig.e - pivot[:2]).T
    near = points.depth - pivot[2]
    border = _distance_to_border(points, rig)
    weight = head_weight(points, rig) * ramp(border, 0.0, 0.3) * rig.e
    basis[:, 0, INDEX["head_yaw"]] = near * weight * _DEGREE
    basis[:, 1, INDEX["head_pitch"]] = near * weight * _DEGREE
    basis[:, 0, INDEX["head_roll"]] = -down * weight * _DEGREE
    basis[:, 1, INDEX["head_roll"]] = across * weight * _DEGREE
    basis[:, 0, INDEX["head_x"]] = weight
    basis[:, 1, INDEX["head_y"]] = weight
    u, v = points.face[:, 0], points.face[:, 1]
    chest = ramp(v, 1.3, 2.2) * (1 - ramp(np.abs(u), 1.2, 2.6)) * (1 - ramp(v, 2.6, 4.4))
    basis[:, 1, INDEX["breath"]] = -0.012 * rig.e * chest * ramp(border, 0.0, 0.3)
    return basis


def _distance_to_border(points: Points, rig: Rig) -> Floats:
    """(N,) float32 in e: what lies at the picture's border stays, so that none is missing there."""
    far = np.array(rig.size, np.float32) - 1 - points.xy
    return np.asarray(np.minimum(points.xy, far).min(1) / rig.e, np.float32)
