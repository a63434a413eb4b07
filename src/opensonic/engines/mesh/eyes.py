"""The eyes of a portrait: where their lids run, how the brows rise, and whether they can be seen.

How the lids close is in `lids`. Landmarks may miss a part of large drawn eyes, so the edges are
carried on over what is white beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from opensonic.channels import INDEX
from opensonic.engines.mesh.eye_cover import find_rims, is_shut
from opensonic.engines.mesh.eye_edges import MOST_ROOM, find_room, find_white, smooth
from opensonic.engines.mesh.rig import Points, Rig
from opensonic.engines.mesh.sampling import Floats, Image, sample
from opensonic.engines.mesh.warp import N_COEFFICIENTS, ramp
from opensonic.face import topology

SAMPLES = 97
REACH = 1.6
"""How far the edges of the lids are carried on beyond the corners of the eye, in half eyes."""
GAZE_REACH = np.array([0.055, 0.034], np.float32)
"""How far the iris goes to the right and down, e."""
LOWER_SHARE = 0.14
"""Share of the way that the lower lid goes."""
FOLD = 0.25
"""How far the fold over the lashes comes along with them, as a share of their way."""
LID_FOLLOWS = 0.35
"""How far the upper lid goes with a gaze down, in ways of a blink."""
_SLACK = 0.022
"""How far below its landmarks an open eye is taken to reach, e: shut, it must not look out."""
_OPEN_FROM, _OPEN_AT = 0.018, 0.05
"""Heights of an eye between which it counts as shut and as open, e."""
_RAISE, _SPREAD = 0.065, 0.012
"""How far brows rise, and how far their inner ends go apart (for a frown: together), e."""
_WIDE = 0.1
"""Room between lid and brow, e, from which brows go their full way; with less, skin would fold."""
_BROW = 0.02
"""How far the hairs of a brow reach below its lower landmarks, e."""
_LEAST_ROOM = 0.05
_BETWEEN = 0.8
"""Part of the eye in which pupil and white are looked for."""
_OVER = 0.02
"""How far a rim may reach over the lower edge of the brow and not go with it, e."""
_FREE, _UNDER_RIM = 0.012, 0.02
"""How far skin that moves stays away from a rim, and the least room for it, e."""
_COVERED = 0.42
"""Brightness around the eyes, as a share of the cheeks', under which they are behind dark glass."""


@dataclass(frozen=True, eq=False)
class Eye:
    """One eye of the picture.

    Attributes:
        blink: Column of the channel that closes it.
        outer: Side of its outer corner in the frame of the eye, -1 or 1.
        middle: (2,) float32, px.
        half: Half of its width, e.
        upper: (97,) float32, edge of the upper lid from the picture's left to its right, e below
            the middle; to both sides beyond the corners.
        lower: (97,) float32, the same for the lower lid; nowhere above the upper.
        room: (97,) float32, e between the upper lid and the brow, or the rim of glasses.
        rim: (97,) float32, e between the upper lid and the far side of a rim; 0 without glasses.
        iris: (2,) float32 middle of the iris, px.
        radius: Radius of the iris, px.
    """

    blink: int
    outer: int
    middle: Floats
    half: float
    upper: Floats
    lower: Floats
    room: Floats
    rim: Floats
    iris: Floats
    radius: float

    @property
    def grid(self) -> Floats:
        """(97,) float32 places along the eye; its corners at -1 and 1."""
        return np.linspace(-REACH, REACH, SAMPLES, dtype=np.float32)


@dataclass(frozen=True)
class _Parts:
    blink: str
    upper: tuple[int, ...]
    lower: tuple[int, ...]
    brow: tuple[int, ...]
    iris: tuple[int, ...]


_RIGHT = _Parts(
    "blink_right",
    topology.RIGHT_EYE_UPPER,
    topology.RIGHT_EYE_LOWER,
    topology.RIGHT_BROW[5:],
    topology.RIGHT_IRIS,
)
_LEFT = _Parts(
    "blink_left",
    topology.LEFT_EYE_UPPER,
    topology.LEFT_EYE_LOWER,
    topology.LEFT_BROW[5:],
    topology.LEFT_IRIS,
)


def find_eyes(image: Image, rig: Rig) -> tuple[Eye, Eye]:
    """Fit the person's right and left eye."""
    right, left = _fit_eye(image, rig, _RIGHT), _fit_eye(image, rig, _LEFT)
    rims = find_rims(
        image, rig, [(eye.middle, eye.grid * eye.half, eye.upper) for eye in (right, left)]
    )
    if not rims:
        return right, left
    both = list(zip((right, left), rims, strict=True))
    under_brows = all(np.median(far - eye.room) < _OVER for eye, (_, far) in both)
    right, left = (
        replace(eye, room=np.clip(near - _FREE, _UNDER_RIM, eye.room), rim=far * under_brows)
        for eye, (near, far) in both
    )
    return right, left


def _fit_eye(image: Image, rig: Rig, parts: _Parts) -> Eye:
    points = rig.landmarks
    corners = points[[parts.upper[0], parts.upper[-1]]]
    middle = corners.mean(0)
    back = np.linalg.inv(rig.camera.axes[:2])
    half = max(float(np.abs((corners[0] - corners[1]) @ back)[0]) / 2, 0.03)
    outer = 1 if ((corners[0] - middle) @ back)[0] > 0 else -1
    grid = np.linspace(-REACH, REACH, SAMPLES)

    def trace(contour: tuple[int, ...]) -> npt.NDArray[np.float64]:
        frame = (points[list(contour)] - middle) @ back
        order = np.argsort(frame[:, 0])
        return smooth(np.interp(grid, frame[order, 0] / half, frame[order, 1]), 4)

    upper, lower = trace(parts.upper), trace(parts.lower)
    height = float((lower - upper).max())
    gap = np.maximum(lower - upper, 0)
    open_at = np.abs(grid) < _BETWEEN
    lines = (line[open_at] for line in (grid * half, upper, lower))
    shut = is_shut(image, rig, middle, *lines)
    white_up, white_down = find_white(image, middle, half, grid, outer, upper, upper + gap, rig)
    upper, gap = upper - white_up, gap + white_up + white_down
    slack = _SLACK * float(ramp(np.array(height, np.float32), _OPEN_FROM, _OPEN_AT))
    gap += slack * (1 - ramp(np.abs(grid).astype(np.float32), 0.75, 1.3)) * (gap > 0)
    gap = np.maximum(smooth(gap, 4), 0) * (not shut)
    room = upper - trace(parts.brow) - _BROW
    room = smooth(find_room(image, middle, half, grid, upper, room, rig), 10)
    room = np.clip(np.maximum(room, 0.5 * gap), _LEAST_ROOM, MOST_ROOM)
    circle = points[list(parts.iris[1:])] - points[parts.iris[0]]
    return Eye(
        INDEX[parts.blink],
        outer,
        middle.astype(np.float32),
        half,
        upper.astype(np.float32),
        (upper + gap).astype(np.float32),
        room.astype(np.float32),
        np.zeros(SAMPLES, np.float32),
        points[parts.iris[0]],
        max(float(np.linalg.norm(circle, axis=1).mean()), 1.0),
    )


def are_covered(image: Image, rig: Rig) -> bool:
    """Tell whether dark glasses hide both eyes.

    Args:
        image: (H, W, 3) uint8, RGB.
        rig: The portrait's rig.
    """
    marks = rig.landmarks
    light = image.max(-1)

    def median_at(spots: npt.NDArray[np.floating]) -> float:
        return float(np.median(sample(light, np.asarray(spots[None], np.float32))))

    cheeks = median_at(marks[[205, 425, 4, 5, 195, 36, 266, 151, 9, 108, 337]])
    for upper, lower, cheek in (
        (topology.RIGHT_EYE_UPPER, topology.RIGHT_EYE_LOWER, 119),
        (topology.LEFT_EYE_UPPER, topology.LEFT_EYE_LOWER, 348),
    ):
        under = marks[list(lower[2:-2])] * 0.5 + marks[cheek] * 0.5
        inner = 0.5 * (marks[list(upper[2:-2])] + marks[list(lower[2:-2])])
        if max(median_at(under), median_at(inner)) > _COVERED * cheeks:
            return False
    return True


def brow_basis(points: Points, rig: Rig, eyes: tuple[Eye, Eye]) -> Floats:
    """Compute what the brows do.

    Args:
        points: N places.
        rig: The portrait's rig.
        eyes: The eyes of the picture.

    Returns:
        (N, 2, K) float32, px.
    """
    move = np.zeros((len(points.xy), 2, N_COEFFICIENTS), np.float32)
    raised = move[..., INDEX["brow_raise"]]
    back = np.linalg.inv(rig.camera.axes[:2])
    u, v = points.face[:, 0], points.face[:, 1]
    forehead = ramp(v, -1.05, -0.66) * (1 - ramp(np.abs(u), 0.5, 0.85))
    inner = ramp(np.abs(u), 0.0, 0.1) * (1 - ramp(np.abs(u), 0.14, 0.4))
    sides = (1 - ramp(u, -0.12, 0.12), ramp(u, -0.12, 0.12))
    usual = np.mean([eye.room[np.abs(eye.grid) < 1] for eye in eyes])
    rise = _RAISE * np.clip(usual / _WIDE, 0.7, 1)  # both alike, or the face would sneer
    for eye, side in zip(eyes, sides, strict=True):
        x, y = ((points.xy - eye.middle) @ back).T
        s = x / eye.half
        away = np.interp(s, eye.grid, eye.upper) - y
        room = np.interp(s, eye.grid, eye.room)
        rim = np.interp(s, eye.grid, eye.rim)
        lift = np.where(rim > 0, (away - rim - _FREE) / _WIDE, (away - 0.01) / room)
        lift = np.clip(lift, 0, 1) * side * forehead
        raised[:, 1] -= rise * lift
        raised[:, 0] += _SPREAD * np.sign(u) * inner * lift
    return np.asarray(np.einsum("nak,ap->npk", move, rig.camera.axes[:2]), np.float32)


def lid_basis(points: Points, rig: Rig, eyes: tuple[Eye, Eye], is_lower: bool) -> Floats:
    """Compute what blinks do to places on a lid: (N, 2, K) float32, px."""
    down = np.zeros((len(points.xy), N_COEFFICIENTS), np.float32)
    back = np.linalg.inv(rig.camera.axes[:2])
    for eye in eyes:
        x, y = ((points.xy - eye.middle) @ back).T
        upper, lower = (
            np.interp(x / eye.half, eye.grid, line, left=0, right=0)
            for line in (eye.upper, eye.lower)
        )
        if is_lower:
            down[:, eye.blink] = -LOWER_SHARE * (lower - upper) * (1 - ramp(y - lower, 0.0, 0.15))
        else:
            room = np.interp(x / eye.half, eye.grid, eye.room)
            rim = 1 - ramp(upper - y, 0.02, 0.045)
            near = rim + (1 - rim) * FOLD * np.clip(1 - (upper - y) / room, 0, 1)
            near *= 1 - ramp(y - lower, 0.06, 0.15)
            down[:, eye.blink] = (1 - LOWER_SHARE) * (lower - upper) * near
            down[:, INDEX["gaze_y"]] += LID_FOLLOWS * down[:, eye.blink]
    return np.asarray(down[:, None, :] * rig.camera.axes[1][None, :, None], np.float32)
