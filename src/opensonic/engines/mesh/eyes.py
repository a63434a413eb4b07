"""The eyes: lids that close with their skin and lashes, brows, and an iris that looks around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensonic.channels import INDEX
from opensonic.engines.mesh.rig import Points, Rig
from opensonic.engines.mesh.sampling import Box, Floats
from opensonic.engines.mesh.seam import Cover
from opensonic.engines.mesh.warp import LOWER, N_COEFFICIENTS, ramp
from opensonic.face import topology

_SAMPLES = 33
GAZE_REACH = np.array([0.026, 0.015], np.float32)
"""How far the iris goes to the right and down, e."""
_LOWER_SHARE = 0.12
"""Share of the way that the lower lid goes."""
_SLACK = 0.024
"""How far below its landmarks the eye is taken to reach, e: a shut eye must not look out."""
_RIM = 0.006
"""The same for the upper lid; its lashes must stay on the lid."""
_WIDEN = 1.12
_BROW = 0.035
"""How far the hairs of a brow reach below its lower landmarks, e."""


@dataclass(frozen=True, eq=False)
class Eye:
    """One eye of the picture.

    Attributes:
        blink: Column of the channel that closes it.
        middle: (2,) float32, px.
        half: Half of its width, e.
        upper: (33,) float32, edge of the upper lid from the picture's left to its right, e below
            the middle.
        lower: (33,) float32, the same for the lower lid.
        room: (33,) float32, e between the upper lid and the brow.
        iris: (2,) float32 middle of the iris, px.
        radius: Radius of the iris, px.
    """

    blink: int
    middle: Floats
    half: float
    upper: Floats
    lower: Floats
    room: Floats
    iris: Floats
    radius: float

    @property
    def grid(self) -> Floats:
        """(33,) float32 places along the eye, -1 to 1."""
        return np.linspace(-1, 1, _SAMPLES, dtype=np.float32)

    def edge(self, rig: Rig, layer: bool) -> Floats:
        """Give the edge of a lid in the picture: (33, 2) float32, px."""
        line = self.lower if layer == LOWER else self.upper
        frame = np.column_stack([self.grid * self.half, line])
        return np.asarray(self.middle + frame @ rig.camera.axes[:2], np.float32)

    def shift_iris(self, places: Floats, gaze: Floats) -> Floats:
        """Let the iris look around; the corners of the eye stay.

        Args:
            places: (H, W, 2) float32 places of the picture that a patch shows, px.
            gaze: (2,) shift of the iris, px.

        Returns:
            (H, W, 2) float32 places with the iris shifted.
        """
        away = np.abs(places[..., 0] - self.iris[0] - gaze[0]) / self.radius
        near = 1 - ramp(away, 1.0, 2.2)
        return np.asarray(places - near[..., None] * gaze, np.float32)


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


def find_eyes(rig: Rig) -> tuple[Eye, Eye]:
    """Fit the person's right and left eye."""
    return _fit_eye(rig, _RIGHT), _fit_eye(rig, _LEFT)


def _fit_eye(rig: Rig, parts: _Parts) -> Eye:
    points = rig.landmarks
    corners = points[[parts.upper[0], parts.upper[-1]]]
    middle = corners.mean(0)
    back = np.linalg.inv(rig.camera.axes[:2])
    half = max(float(np.abs((corners[0] - corners[1]) @ back)[0]) / 2, 0.03)
    grid = np.linspace(-1, 1, _SAMPLES)

    def trace(contour: tuple[int, ...]) -> npt.NDArray[np.float64]:
        frame = (points[list(contour)] - middle) @ back
        order = np.argsort(frame[:, 0])
        line = np.interp(grid, frame[order, 0] / half, frame[order, 1])
        padded = np.pad(line, 3, mode="reflect", reflect_type="odd")
        return np.convolve(padded, [0.1, 0.25, 0.3, 0.25, 0.1], "same")[3:-3]

    upper, lower = trace(parts.upper), trace(parts.lower)
    inside = np.clip((1 - np.abs(grid)) * 12, 0, 1)
    upper -= _RIM * inside
    opened = (np.maximum(lower - upper, 0) + _SLACK) * inside
    room = np.clip(upper - trace(parts.brow) - _BROW, 0.075, 0.22)
    rim = points[list(parts.iris[1:])] - points[parts.iris[0]]
    return Eye(
        INDEX[parts.blink],
        middle.astype(np.float32),
        half * _WIDEN,
        upper.astype(np.float32),
        (upper + opened).astype(np.float32),
        room.astype(np.float32),
        points[parts.iris[0]],
        max(float(np.linalg.norm(rim, axis=1).mean()), 1.0),
    )


def uncover_tuck(basis: Floats, eye: Eye, rig: Rig) -> Floats:
    """Take from an upper lid's edge the bit by which its skin goes behind the closed line.

    Args:
        basis: (33, 2, K) float32 movement of the skin along the edge.
        eye: The eye.
        rig: The portrait's rig.

    Returns:
        (33, 2, K) float32 movement of the visible edge.
    """
    edge = basis.copy()
    tucked = 2 * _RIM * np.clip((1 - np.abs(eye.grid)) * 6, 0, 1)
    edge[..., eye.blink] -= tucked[:, None] * rig.camera.axes[1]
    return edge


def eyes_basis(points: Points, rig: Rig, eyes: tuple[Eye, Eye], layer: bool) -> Floats:
    """Compute what blinks and brows do.

    Args:
        points: N places.
        rig: The portrait's rig.
        eyes: The eyes of the picture.
        layer: `UPPER` or `LOWER`.

    Returns:
        (N, 2, K) float32, px.
    """
    down = np.zeros((len(points.xy), N_COEFFICIENTS), np.float32)
    back = np.linalg.inv(rig.camera.axes[:2])
    u, v = points.face[:, 0], points.face[:, 1]
    forehead = ramp(v, -1.05, -0.66) * (1 - ramp(np.abs(u), 0.5, 0.85))
    sides = (1 - ramp(u, -0.12, 0.12), ramp(u, -0.12, 0.12))
    for eye, side in zip(eyes, sides, strict=True):
        x, y = ((points.xy - eye.middle) @ back).T
        s = x / eye.half
        upper, lower = np.interp(s, eye.grid, eye.upper), np.interp(s, eye.grid, eye.lower)
        away = np.maximum(y - lower if layer == LOWER else upper - y, 0)
        opened = np.interp(s / (1 + 1.5 * away), eye.grid, eye.lower - eye.upper, left=0, right=0)
        if layer == LOWER:
            down[:, eye.blink] = -_LOWER_SHARE * opened * (1 - ramp(away, 0.0, 0.15))
        else:
            nearness = 1 - np.clip((away - 0.01) / np.interp(s, eye.grid, eye.room), 0, 1)
            lid = nearness * (1 - ramp(y - lower, 0.06, 0.15))
            tucked = 2 * _RIM * np.clip((1 - np.abs(s)) * 6, 0, 1)
            down[:, eye.blink] = ((1 - _LOWER_SHARE) * opened + tucked) * lid
            down[:, INDEX["gaze_y"]] += 0.2 * opened * lid
            down[:, INDEX["brow_raise"]] -= 0.04 * side * forehead * (1 - nearness)
    return np.asarray(down[:, None, :] * rig.camera.axes[1][None, :, None], np.float32)


def lash_shade(edges: Floats, cover: Cover, box: Box, blink: float, e: float) -> Floats:
    """Darken the line where the lids meet, as lashes do.

    Args:
        edges: (2, N, 2) float32 edges of the lids, px.
        cover: How the lids cover the patch.
        box: x0, y0, x1, y1 of the patch, px.
        blink: How far the eye is closed, 0 to 1.
        e: Distance of the outer eye corners, px.

    Returns:
        (H, W, 1) float32 factor, 1 where nothing changes.
    """
    xs = np.arange(box[0], box[2], dtype=np.float32)
    low, high = edges[0, 0, 0], edges[0, -1, 0]
    across = np.clip(2 * (xs - low) / max(high - low, 1) - 1, -1, 1)
    near = np.exp(-((cover.depth / max(0.009 * e, 0.7)) ** 2)) * (1 - across**4)
    strength = 0.45 * np.clip(blink, 0, 1) ** 2
    return np.asarray(1 - strength * near[..., None], np.float32)
