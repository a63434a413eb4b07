"""What can be measured on a portrait that decides how well it will speak."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.eyes import are_covered
from opensonic.engines.mesh.light import read_skin
from opensonic.engines.mesh.rig import Rig
from opensonic.face.topology import FACE_OVAL, LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from opensonic.inspector.light import estimate_light
from opensonic.values import Portrait

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_DETAIL_E = 160
"""Size of a face, px per e, at which blur is compared: what a video of 1024 px shows of one."""
_REBLUR_PX, _STEEP_SHARE = 4.0, 0.05
"""Width of the further blur, and the share of places that count as edges."""


@dataclass(frozen=True)
class Measures:
    """What was measured on a portrait.

    Attributes:
        eye_px: Distance of the outer eye corners in the picture as given, px.
        turn_deg: Angle between where the face looks and the viewer, degrees.
        blur: Width of the sharpest edges of eyes and lips (standard deviation), % of e.
        certainty: How sure detector and mesh are of the face, 0 to 1.
        features: How clearly the least clear of eyes and mouth stands out, see `measure_features`.
        dark_glasses: Whether dark glasses hide both eyes, so that they do not move.
        mouth_gap: Gap between the inner lips over the width of the mouth.
        mouth_open: Whether teeth or darkness show between the lips.
        side_ratio: Brightness of the darker half of the face over that of the other.
        light: Brightness of the face's brightest spots (eyes, teeth, gloss), 0 to 255.
        burnt: Share of the skin that is white for want of range.
        room: Least distance of the face from the picture's edge, e; below 0 it is cut off.
    """

    eye_px: float
    turn_deg: float
    blur: float
    certainty: float
    features: float
    dark_glasses: bool
    mouth_gap: float
    mouth_open: bool
    side_ratio: float
    light: float
    burnt: float
    room: float


def measure_portrait(portrait: Portrait, rig: Rig, scale: float = 1.0) -> Measures:
    """Measure a portrait.

    Args:
        portrait: The picture and its face.
        rig: The portrait's rig.
        scale: Pixels of the portrait per pixel of the picture as given.
    """
    light = estimate_light(portrait, rig)
    facing = float(np.clip(rig.camera.rotation[2, 2], -1, 1))
    return Measures(
        eye_px=portrait.face.eye_distance / scale,
        turn_deg=float(np.degrees(np.arccos(facing))),
        blur=measure_blur(portrait),
        certainty=portrait.face.score,
        features=measure_features(portrait),
        dark_glasses=are_covered(portrait.image, rig),
        mouth_gap=_mouth_gap(portrait.face.landmarks),
        mouth_open=rig.lips.is_open,
        side_ratio=light.side_ratio,
        light=_measure_level(portrait),
        burnt=light.burnt,
        room=_measure_room(portrait),
    )


def measure_blur(portrait: Portrait) -> float:
    """Say how soft the sharpest edges of eyes and lips are.

    An edge that is already soft loses less of its slope by a further blur of known width, and the
    ratio tells its own width (Zhuo and Sim, "Defocus map estimation from a single image", 2011).

    Returns:
        Standard deviation of the blur, in % of e.
    """
    points = portrait.face.landmarks[:, :2]
    scale = _DETAIL_E / portrait.face.eye_distance
    widths = [
        _edge_width(_grey_part(portrait.image, points[list(ring)], scale))
        for ring in (RIGHT_EYE, LEFT_EYE, OUTER_LIPS)
    ]
    return 100 * float(np.median(widths)) / _DETAIL_E


def _grey_part(image: Image, points: Floats, scale: float) -> Floats:
    """Cut the box of some points with a margin, and bring it to the scale."""
    height, width = image.shape[:2]
    margin = 0.35 * float(np.ptp(points[:, 0]))
    x0, y0 = np.clip(np.floor(points.min(0) - margin), 0, (width - 4, height - 4)).astype(int)
    x1, y1 = np.ceil(points.max(0) + margin).astype(int)
    part = image[y0 : max(y1, y0 + 4), x0 : max(x1, x0 + 4)]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = [max(16, round(side * scale)) for side in part.shape[1::-1]]
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, size, interpolation=how), np.float32)


def _edge_width(grey: Floats) -> float:
    """Give the median width of the steepest edges, px (standard deviation)."""
    slopes = [
        np.hypot(cv2.Sobel(part, cv2.CV_32F, 1, 0), cv2.Sobel(part, cv2.CV_32F, 0, 1))
        for part in (grey, cv2.GaussianBlur(grey, (0, 0), _REBLUR_PX))
    ]
    steep = slopes[0] >= np.quantile(slopes[0], 1 - _STEEP_SHARE)
    ratio = np.maximum(slopes[0][steep] / np.maximum(slopes[1][steep], 1e-3), 1.001)
    return float(np.median(_REBLUR_PX / np.sqrt(ratio**2 - 1)))


def measure_features(portrait: Portrait) -> float:
    """Say how clearly the least clear of both eyes and the mouth stands out.

    An eye has a dark iris beside its white, a mouth a dark line and lips; behind sunglasses or a
    mask there is less. A hand or a pattern may hide them and not be told.

    Returns:
        Range of brightness within the part (5 % to 95 %) over the brightness of the skin.
    """
    grey = np.asarray(cv2.cvtColor(portrait.image, cv2.COLOR_RGB2GRAY), np.uint8)
    face = portrait.face
    colours = read_skin(portrait.image, face.landmarks, face.eye_distance)
    skin = max(float(np.median(colours.mean(1))), 8.0)
    ranges = []
    for ring in (RIGHT_EYE, LEFT_EYE, OUTER_LIPS):
        seen = _inside(grey, portrait.face.landmarks[list(ring), :2])
        ranges.append(float(np.ptp(np.percentile(seen, (5, 95)))) if len(seen) else 0.0)
    return min(ranges) / skin


def _inside(grey: Image, ring: Floats) -> Image:
    """Give the values of the pixels inside a ring, (N,)."""
    height, width = grey.shape
    x0, y0 = np.clip(np.floor(ring.min(0)), 0, (width - 1, height - 1)).astype(int)
    x1, y1 = np.ceil(ring.max(0)).astype(int) + 1
    part = grey[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    mask = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(ring - 0.5 - (x0, y0)).astype(np.int32)], 1)
    return part[mask > 0]


def _mouth_gap(landmarks: Floats) -> float:
    width = float(np.linalg.norm(landmarks[61, :2] - landmarks[291, :2]))
    return float(np.linalg.norm(landmarks[13, :2] - landmarks[14, :2])) / max(width, 1e-6)


def _measure_level(portrait: Portrait) -> float:
    """Brightness of the 2 % brightest places of the face, 0 to 255."""
    whole = np.asarray(cv2.cvtColor(portrait.image, cv2.COLOR_RGB2GRAY), np.uint8)
    grey = _inside(whole, portrait.face.landmarks[list(FACE_OVAL), :2])
    return float(np.percentile(grey, 98)) if len(grey) else 0.0


def _measure_room(portrait: Portrait) -> float:
    height, width = portrait.image.shape[:2]
    oval = portrait.face.landmarks[list(FACE_OVAL), :2]
    room = min(float(oval.min()), float((np.array([width, height]) - oval).min()))
    return room / portrait.face.eye_distance
