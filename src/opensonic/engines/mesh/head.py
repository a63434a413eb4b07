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
_TRAIL = (0.08, 0.4)
"""How far beyond the person the lattice moves along where the background is cut off, e."""
_SHOULDERS = (1.05, 1.5)
"""Heights between which the outline of the person comes to rest, e; below, the cut ends."""
_INWARDS = 0.35
"""How far inside a resting outline the body moves freely, e."""
_HELD = 0.45
"""How far from the picture's border the person moves freely where the border cuts it off, e."""
_RISE = 0.014
"""How far a full chest rises, e."""


def head_weight(points: Points, rig: Rig) -> Floats:
    """Say how much each place belongs to the head.

    Returns:
        (N,) float32: 1 on the face, 0 on the shoulders and behind the person. Where the person is
        not cut out, 0 from about one face radius around the face.
    """
    u, v = points.face[:, 0], points.face[:, 1]
    if rig.person is not None:
        beside = ramp(np.abs(u), 0.9, 1.6) * ramp(v, 0.45, 1.0)
        trail = 1 - ramp(rig.person.distance(points.xy), *_TRAIL)
        shown = (1 - ramp(v, 0.95, 2.1)) * (1 - beside) * trail
        return np.asarray(shown * _rest_at_outline(points, rig), np.float32)
    high = np.where(v < -0.15, (v + 0.15) / 1.45, (v + 0.15) / 1.6)
    radius = np.sqrt((u / 1.05) ** 2 + high**2)
    around = 1 - ramp(radius, 0.95, 1.85)
    return np.asarray(around * (1 - ramp(v, 0.95, 2.1)), np.float32)


def _rest_at_outline(points: Points, rig: Rig) -> Floats:
    """(N,) float32, 0 on the outline of the shoulders and behind it, 1 elsewhere."""
    if rig.person is None:
        return np.ones(len(points.xy), np.float32)
    inside = ramp(-rig.person.distance(points.xy), 0.02, _INWARDS)
    return np.asarray(1 - ramp(points.face[:, 1], *_SHOULDERS) * (1 - inside), np.float32)


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
    weight = head_weight(points, rig) * rig.e
    basis[:, 0, INDEX["head_yaw"]] = near * weight * _DEGREE
    basis[:, 1, INDEX["head_pitch"]] = near * weight * _DEGREE
    basis[:, 0, INDEX["head_roll"]] = -down * weight * _DEGREE
    basis[:, 1, INDEX["head_roll"]] = across * weight * _DEGREE
    basis[:, 0, INDEX["head_x"]] = weight
    basis[:, 1, INDEX["head_y"]] = weight
    u, v = points.face[:, 0], points.face[:, 1]
    chest = ramp(v, 1.2, 2.0) * (1 - ramp(np.abs(u), 1.1, 2.6)) * (1 - ramp(v, 2.6, 4.4))
    basis[:, 1, INDEX["breath"]] = -_RISE * rig.e * chest * _rest_at_outline(points, rig)
    return np.asarray(basis * _free_of_border(points, rig)[:, :, None], np.float32)


def _free_of_border(points: Points, rig: Rig) -> Floats:
    """Say how freely places move across and down: not away from a border that cuts the person off.

    Along a border all may move, and across one that the person does not touch as well.

    Returns:
        (N, 2) float32.
    """
    free = np.ones((len(points.xy), 2), np.float32)
    last = np.array(rig.size, np.float32) - 1
    for axis in (0, 1):
        along = points.xy[:, 1 - axis]
        for far, away in ((0, points.xy[:, axis]), (1, last[axis] - points.xy[:, axis])):
            cut_off = 1.0 if rig.person is None else rig.person.at_border(axis, far, along, rig.e)
            free[:, axis] *= 1 - cut_off * (1 - ramp(away / rig.e, 0.0, _HELD))
    return free
