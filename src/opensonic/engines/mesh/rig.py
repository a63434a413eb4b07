"""The face rig of one portrait: where in the canonical face each pixel lies, and the lip line.

The canonical face (MediaPipe's, in units of `e`, the distance of the outer eye corners) says what a
place *is* (chin, cheek, upper lip), so that every movement is written down once, for all faces. A
smoothing thin-plate spline through the landmarks carries pixels to it, and a scaled-orthographic
camera carries movements back. The landmarks of the lips may be off by some per cent of `e`; the
line between closed lips is therefore looked for in the picture itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.face import topology
from opensonic.values import Portrait

Floats = npt.NDArray[np.float32]
Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in px or steps; the end is not part of it."""
Number = TypeVar("Number", np.uint8, np.float32)

MOUTH_V = 0.48
"""Height of the lip line in the canonical face, e below its origin."""
SINGLE_MAP: Any = None
"""Second map of OpenCV's remap where the first holds x and y; its type stubs lack that form."""
_OPEN_GAP = 0.02
_SURE_GAP = 0.10
"""Gaps of the inner lips' landmarks, in e: below the first the mouth is closed, above the second
it is open; between them the picture decides."""
_SAMPLES = 65
"""Samples of a lip line, corner to corner."""
_BACK = -0.45
"""Depth of hair, neck and shoulders in the canonical face, e behind its origin."""

_DEPTH_STIFFNESS = 0.03
"""Smoothing of the depth, far more than of places: a steep silhouette would crumple in turns."""

_LIPS = frozenset(topology.LIPS)
_SOFT = _LIPS | frozenset({*topology.RIGHT_EYE, *topology.LEFT_EYE})
_CANONICAL = np.array(topology.CANONICAL, np.float32) * np.array([1, -1, 1], np.float32)
_CANONICAL /= np.linalg.norm(_CANONICAL[33] - _CANONICAL[263])


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
    stiff = np.array([i for i in range(468) if i not in _SOFT and _CANONICAL[i, 1] < MOUTH_V])
    model = _CANONICAL[stiff] - _CANONICAL[stiff].mean(0)
    middle = landmarks[stiff, :2].mean(0)
    matrix = np.linalg.lstsq(model, landmarks[stiff, :2] - middle, rcond=None)[0].T
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    rows = left @ right
    rotation = np.vstack([rows, np.cross(rows[0], rows[1])]).astype(np.float32)
    origin = middle - rotation[:2] @ _CANONICAL[stiff].mean(0) * eye_distance
    return Camera(rotation, eye_distance, np.asarray(origin, np.float32))


def sample(picture: npt.NDArray[Number], places: Floats) -> npt.NDArray[Number]:
    """Read a picture at places between its pixels; outside it, its border.

    Args:
        picture: (H, W) or (H, W, D), uint8 or float32.
        places: (R, Q, 2) float32, px.

    Returns:
        (R, Q) or (R, Q, D) in the picture's dtype.
    """
    read = cv2.remap(picture, places, SINGLE_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(read, picture.dtype)


def _spline_kernel(a: Floats, b: Floats) -> Floats:
    square = np.maximum(((a[:, None] - b[None]) ** 2).sum(-1), 1e-9)
    return np.asarray(0.5 * square * np.log(square), np.float32)


class Rig:
    """What is fitted once per portrait.

    Attributes:
        camera: View of the canonical face.
        e: Distance of the outer eye corners, px.
        landmarks: (478, 2) float32, px.
        is_open: Whether the picture shows parted lips.
        upper, lower: (65,) float32 inner edges of the lips, e below the mouth's middle.
    """

    upper: Floats
    lower: Floats

    def __init__(self, portrait: Portrait) -> None:
        self.landmarks = np.ascontiguousarray(portrait.face.landmarks[:, :2])
        self.e = max(portrait.face.eye_distance, 4.0)
        self.camera = fit_camera(portrait.face.landmarks, self.e)
        self._fit_spline()
        self._fit_mouth()
        self.is_open = self._shows_interior(portrait.image)
        if not self.is_open:
            self.upper = self.lower = 0.5 * (self.upper + self.lower)
            self._snap_line(np.asarray(cv2.cvtColor(portrait.image, cv2.COLOR_RGB2GRAY), np.uint8))

    def _fit_spline(self) -> None:
        keep = [i for i in range(468) if i not in _LIPS]
        known, target = self.landmarks[keep], _CANONICAL[keep]
        oval = self.landmarks[list(topology.FACE_OVAL)]
        middle = oval.mean(0)
        rings = np.vstack([middle + (oval - middle) * grow for grow in (1.45, 2.0, 3.0)])
        axes = self.camera.axes
        flat = (rings - self.camera.origin - _BACK * axes[2]) @ np.linalg.inv(axes[:2])
        ring_faces = np.column_stack([flat, np.full(len(flat), _BACK)])
        depths = np.append(target @ self.camera.rotation[2], np.full(len(flat), _BACK))
        xy = np.vstack([known, rings]).astype(np.float32) / self.e
        self._nodes = xy
        places = self._solve_spline(np.vstack([target, ring_faces]), 2e-3)
        self._weights = np.hstack([places, self._solve_spline(depths[:, None], _DEPTH_STIFFNESS)])

    def _solve_spline(self, values: npt.NDArray[np.generic], stiffness: float) -> Floats:
        n = len(self._nodes)
        system = np.zeros((n + 3, n + 3))
        system[:n, :n] = _spline_kernel(self._nodes, self._nodes) + stiffness * np.eye(n)
        system[:n, n], system[:n, n + 1 :] = 1, self._nodes
        system[n, :n], system[n + 1 :, :n] = 1, self._nodes.T
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

    def _fit_mouth(self) -> None:
        points = self.landmarks
        corners = 0.5 * (points[[61, 291]] + points[[78, 308]])
        self._mouth_axes = self.camera.axes[:2]
        self.mouth = np.asarray(0.5 * (points[13] + points[14]), np.float32)
        ends = self._mouth_frame(corners)
        left, right = min(ends[0, 0], -0.05), max(ends[1, 0], 0.05)
        share = np.clip(right / (right - left), 0.3, 0.7)
        width = right - left
        left, right = -width * (1 - share), width * share
        self._ends = (float(left), float(right))
        self.corners = corners
        self.grid = np.linspace(-1, 1, _SAMPLES, dtype=np.float32)
        self.upper = self._line(topology.INNER_LIP_UPPER, ends)
        self.lower = self._line(topology.INNER_LIP_LOWER, ends)
        self.lower = np.maximum(self.lower, self.upper)

    def _shows_interior(self, image: npt.NDArray[np.uint8]) -> bool:
        """Tell whether teeth or darkness lie between the inner edges of the lips, not lip."""
        gap = float((self.lower - self.upper)[_SAMPLES // 2])
        if gap < _OPEN_GAP or gap > _SURE_GAP:
            return gap > _SURE_GAP
        pairs = (
            (topology.OUTER_LIP_UPPER, topology.INNER_LIP_UPPER),
            (topology.OUTER_LIP_LOWER, topology.INNER_LIP_LOWER),
        )
        spots = [
            0.5 * (self.landmarks[list(outer[3:8])] + self.landmarks[list(inner[3:8])])
            for outer, inner in pairs
        ]
        lips = sample(image, np.asarray([*spots], np.float32)).astype(np.float32)
        middle = slice(_SAMPLES // 5, -_SAMPLES // 5)
        shares = np.linspace(0.2, 0.8, 7, dtype=np.float32)
        down = self.upper[middle, None] + (self.lower - self.upper)[middle, None] * shares
        s = np.repeat(self.grid[middle], len(shares))
        seen = sample(image, self.place(s, down.ravel())[None]).astype(np.float32)
        lip_red = np.median((lips[..., 0] - lips[..., 1]) / (lips.sum(-1) + 1))
        red = (seen[..., 0] - seen[..., 1]) / (seen.sum(-1) + 1)
        is_dark = seen.mean(-1) < 0.5 * np.median(lips.mean(-1), -1).min()
        is_tooth = (red < 0.65 * lip_red) & ~is_dark
        return bool(is_dark.mean() > 0.5 or is_tooth.mean() > 0.2)

    def _mouth_frame(self, xy: Floats) -> Floats:
        return np.asarray((xy - self.mouth) @ np.linalg.inv(self._mouth_axes), np.float32)

    def along_mouth(self, x: Floats) -> Floats:
        """Carry places to the right of the mouth's middle, in e, to -1..1 between its corners."""
        left, right = self._ends
        bend = (1 / right + 1 / left) / (right - left)
        slope = 1 / right - bend * right
        inside = slope * x + bend * x * x
        over = 1 + (x - right) * (slope + 2 * bend * right)
        under = -1 + (x - left) * (slope + 2 * bend * left)
        return np.where(x > right, over, np.where(x < left, under, inside)).astype(np.float32)

    def _line(self, contour: tuple[int, ...], ends: Floats) -> Floats:
        frame = self._mouth_frame(self.landmarks[list(contour)])
        frame[0], frame[-1] = ends
        s = self.along_mouth(frame[:, 0])
        order = np.argsort(s)
        rough = np.interp(self.grid, s[order], frame[order, 1])
        padded = np.pad(rough, 8, mode="reflect", reflect_type="odd")
        smooth = np.convolve(padded, np.hanning(11)[1:-1] / np.hanning(11).sum(), "same")[8:-8]
        return np.asarray(smooth, np.float32)

    def _snap_line(self, grey: npt.NDArray[np.uint8]) -> None:
        """Move the line between closed lips to the darkest ridge near it."""
        reach = np.linspace(-0.07, 0.07, 57, dtype=np.float32)
        down = (self.upper[:, None] + reach).ravel()
        maps = self.place(np.repeat(self.grid, len(reach)), down)
        profile = sample(grey, maps.reshape(len(self.grid), len(reach), 2))
        values = cv2.GaussianBlur(profile.astype(np.float32), (0, 0), 1.6, sigmaY=1.0)
        ridge = cv2.GaussianBlur(values, (0, 0), 6.0, sigmaY=0.1) - values
        ridge /= ridge.std() + 2.0
        cost = -ridge + (reach[None] / 0.05) ** 2 * 0.6
        total, back = cost[0], []
        steps = (reach[:, None] - reach[None]) ** 2 * 2e4
        for row in cost[1:]:
            joined = total[None] + steps
            best = joined.argmin(1)
            back.append(best)
            total = row + joined[np.arange(len(reach)), best]
        path = [int(total.argmin())]
        for best in reversed(back):
            path.append(int(best[path[-1]]))
        shift = reach[path[::-1]]
        kernel = np.hanning(9)[1:-1] / np.hanning(9).sum()
        shift = np.convolve(np.pad(shift, 4, "edge"), kernel, "same")
        self.upper = self.lower = np.asarray(self.upper + shift[4:-4], np.float32)

    def place(self, s: Floats, down: Floats) -> Floats:
        """Carry places of the mouth to the picture.

        Args:
            s: (N,) place along the mouth.
            down: (N,) e below the mouth's middle.

        Returns:
            (N, 2) float32, px.
        """
        left, right = self._ends
        x = np.linspace(left, right, 201, dtype=np.float32)
        right_by = np.interp(s, self.along_mouth(x), x)
        frame = np.column_stack([right_by, down])
        return np.asarray(self.mouth + frame @ self._mouth_axes, np.float32)

    def points(self, xy: Floats) -> Points:
        """Say what each place of the picture is.

        Args:
            xy: (N, 2) float32, px.
        """
        frame = self._mouth_frame(xy)
        s = self.along_mouth(frame[:, 0])
        upper = np.interp(s, self.grid, self.upper)
        lower = np.interp(s, self.grid, self.lower)
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
