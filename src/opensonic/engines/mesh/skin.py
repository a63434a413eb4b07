"""All that moves the skin, taken together, and what that does to the landmarks."""

from __future__ import annotations

import numpy as np

from opensonic.channels import INDEX
from opensonic.engines.mesh.camera import MOUTH_V
from opensonic.engines.mesh.eyes import GAZE_REACH, Eye, brow_basis, lid_basis
from opensonic.engines.mesh.head import head_basis
from opensonic.engines.mesh.lip_skin import calm, mouth_basis, relax
from opensonic.engines.mesh.rig import Points, Rig
from opensonic.engines.mesh.sampling import Floats
from opensonic.engines.mesh.warp import LOWER, REST, UPPER
from opensonic.face import topology

_UPPER_LIP = [*topology.OUTER_LIP_UPPER, *topology.INNER_LIP_UPPER]
_LOWER_LIP = [*topology.OUTER_LIP_LOWER[1:-1], *topology.INNER_LIP_LOWER[1:-1]]
_UPPER_LIDS = [*topology.RIGHT_EYE_UPPER, *topology.LEFT_EYE_UPPER]
_LOWER_LIDS = [*topology.RIGHT_EYE_LOWER[1:-1], *topology.LEFT_EYE_LOWER[1:-1]]
_IRISES = slice(468, 478)
_EYE_V, _CHEEK_V = -0.27, 0.10
"""Heights of the lower lids and of the middle of the cheeks in the canonical face, e."""


def skin_basis(points: Points, rig: Rig, eyes: tuple[Eye, Eye], layer: bool) -> Floats:
    """Add up what mouth, brows and head do; the lids are drawn over it.

    Args:
        points: N places.
        rig: The portrait's rig.
        eyes: The eyes of the picture.
        layer: `UPPER` or `LOWER`.

    Returns:
        (N, 2, K) float32, px.
    """
    mouth = mouth_basis(points, rig, layer)
    return np.asarray(mouth + brow_basis(points, rig, eyes) + head_basis(points, rig), np.float32)


def landmark_basis(rig: Rig, eyes: tuple[Eye, Eye]) -> Floats:
    """Compute what the channels do to the landmarks.

    Args:
        rig: The portrait's rig.
        eyes: The eyes of the picture.

    Returns:
        (478, 2, K) float32, px.
    """
    points = rig.points(rig.landmarks)
    height = points.face[:, 1]
    is_lower = (height > MOUTH_V - 0.2) & (points.below_lower > 0)
    is_lower |= (height > _EYE_V) & (height < _CHEEK_V)
    is_lower[_UPPER_LIP + _UPPER_LIDS] = False
    is_lower[_LOWER_LIP + _LOWER_LIDS] = True
    basis = skin_basis(points, rig, eyes, UPPER)
    basis[is_lower] = skin_basis(points, rig, eyes, LOWER)[is_lower]
    lids = [lid_basis(points, rig, eyes, lower) for lower in (False, True)]
    basis += np.where(is_lower[:, None, None], lids[1], lids[0])
    basis[_IRISES] = head_basis(points, rig)[_IRISES]
    basis[_IRISES, 0, INDEX["gaze_x"]] = GAZE_REACH[0] * rig.e
    basis[_IRISES, 1, INDEX["gaze_y"]] = GAZE_REACH[1] * rig.e
    if rig.lips.is_open:
        above, below = list(topology.INNER_LIP_UPPER), list(topology.INNER_LIP_LOWER)
        gap = rig.landmarks[below] - rig.landmarks[above]
        meet = rig.lips.meet
        sinks = np.exp(-(((np.abs(points.s[above]) - 1) / 0.55) ** 2)) * relax(rig)
        narrower = calm(rig) * points.x[above, None]
        corners = sinks[:, None] * rig.camera.axes[1] - narrower * rig.camera.axes[0]
        basis[above, :, REST] = meet * gap + corners
        basis[below, :, REST] = (meet - 1) * gap + corners
    return basis
