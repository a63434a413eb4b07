"""The 478 points of a face: a rough look, a levelled look, then lips and eyes from close by.

Four small networks, trained by `opensonic.train.mesh`. `coarse` finds the face in the detector's
box, `fine` places all points in the crop that `coarse` levelled, `lips` and `eye` place their
region again in a closer crop (the left eye in the mirror). A portrait is looked at through several
crops that are mirrored, turned and scaled a little, and the answers are averaged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opensonic.face.crop import crop_image, crop_matrix, invert_matrix, map_points
from opensonic.face.detect import Detection
from opensonic.face.frames import (
    BOX_RATIO,
    FACE_RATIO,
    Frame,
    box_frame,
    face_frame,
    left_eye_frame,
    lips_frame,
    right_eye_frame,
)
from opensonic.face.topology import (
    EYE_CORNERS,
    EYE_REGION,
    EYE_WEIGHT,
    FLIP,
    LIPS_REGION,
    LIPS_WEIGHT,
)
from opensonic.values import Face
from opensonic.weights import open_session

if TYPE_CHECKING:
    import onnxruntime as ort

Image = NDArray[np.uint8]
Points = NDArray[np.float64]

PART_SHARE = 0.6
"""Share of the closer look in the points of lips and eyes; the rest is the look at the face."""

TRUSTED_SPREAD, REFUSED_SPREAD = 0.016, 0.04
"""Disagreement of the looks, in distances of the outer eye corners: up to the first the detector's
score stands, from the second on it becomes 0. Of 77 validation faces all stay below 0.012; of 56
boxes without a face 95 % lie above 0.035, all above 0.022."""


class Look(NamedTuple):
    """How one crop differs from its frame: side x scale, turned by degrees, shifted in sides."""

    mirror: bool = False
    scale: float = 1.0
    angle_deg: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0


ONE_LOOK = (Look(),)
FACE_LOOKS = (
    *(Look(), Look(True), Look(False, 1.05, 5), Look(True, 1.05, 5)),
    *(Look(False, 0.96, -5), Look(True, 0.96, -5)),
    *(Look(False, 1.0, 0, 0.015, 0.015), Look(True, 1.0, 0, -0.015, -0.015)),
)
PART_LOOKS = (
    *(Look(), Look(False, 1.04, 4), Look(False, 0.96, -4)),
    *(Look(False, 1.0, 0, 0.03, 0.02), Look(False, 1.0, 0, -0.03, -0.02)),
)


class Fit(NamedTuple):
    """Points of a face and how far the looks at it disagree.

    Attributes:
        landmarks: (478, 3) float64, px.
        spread: Mean distance of the looks from their mean, in distances of the outer eye corners.
    """

    landmarks: Points
    spread: float


class FaceMesh:
    """Places the 478 points of a face.

    Args:
        threads: CPU threads that one network may use.
        sessions: Open networks by their name in `NETWORKS`, in place of the package's own.
    """

    def __init__(
        self, threads: int = 1, sessions: dict[str, ort.InferenceSession] | None = None
    ) -> None:
        self._threads = threads
        self._given = sessions

    def find(self, image: Image, detection: Detection) -> Face:
        """Look carefully at a face in a still picture (some hundred milliseconds).

        Args:
            image: (H, W, 3) uint8, RGB.
            detection: The face's box, from the detector.

        Returns:
            The face; its score is the detector's, lowered where the looks disagree: below a quarter
            the box hardly holds a face.
        """
        fit = self.fit(image, detection)
        trust = (REFUSED_SPREAD - fit.spread) / (REFUSED_SPREAD - TRUSTED_SPREAD)
        return _face(fit.landmarks, detection.score * min(max(trust, 0.0), 1.0))

    def glance(self, image: Image, detection: Detection) -> Face:
        """Look once at a face: a rough and a levelled crop, no closer look (under 10 ms).

        Args:
            image: (H, W, 3) uint8, RGB.
            detection: The face's box, from the detector.
        """
        rough = self._rough(image, detection)
        return _face(self._face_looks(image, rough, ONE_LOOK).landmarks, detection.score)

    def follow(self, image: Image, face: Face, *, eyes: bool = True) -> Face:
        """Find a face again in the next picture of a video, from where it was.

        Args:
            image: (H, W, 3) uint8, RGB.
            face: The face in the picture before.
            eyes: Whether to look at the eyes from close by, too (40 % of the time).
        """
        landmarks = self._face_looks(image, face.landmarks, ONE_LOOK).landmarks
        return _face(self._refine_parts(image, landmarks, ONE_LOOK, eyes=eyes), face.score)

    def fit(self, image: Image, detection: Detection) -> Fit:
        """Place the points with all care.

        Args:
            image: (H, W, 3) uint8, RGB.
            detection: The face's box and key points, from the detector.
        """
        rough = self._rough(image, detection)
        rough = self._face_looks(image, rough, ONE_LOOK).landmarks
        fit = self._face_looks(image, rough, FACE_LOOKS)
        return Fit(self._refine_parts(image, fit.landmarks, PART_LOOKS), fit.spread)

    def _rough(self, image: Image, detection: Detection) -> Points:
        """Look twice with the coarse network, the second time around what it saw first."""
        frame = box_frame(detection.box, _key_angle(detection.keypoints))
        first = self._looks("coarse", image, frame, ONE_LOOK)[0]
        frame = face_frame(first)
        frame = frame._replace(side=frame.side * BOX_RATIO / FACE_RATIO)
        second: Points = self._looks("coarse", image, frame, ONE_LOOK)[0]
        return second

    def _face_looks(
        self, image: Image, landmarks: NDArray[np.floating], looks: Sequence[Look]
    ) -> Fit:
        """Look with the fine network around (478, 3) landmarks; average over the looks."""
        seen = self._looks("fine", image, face_frame(landmarks), looks)
        mean: Points = seen.mean(axis=0)
        right, left = mean[list(EYE_CORNERS)]
        gaps = np.linalg.norm(seen[..., :2] - mean[:, :2], axis=-1)
        return Fit(mean, float(gaps.mean() / np.linalg.norm(left - right)))

    def _refine_parts(
        self, image: Image, landmarks: Points, looks: Sequence[Look], *, eyes: bool = True
    ) -> Points:
        """Blend in what the closer looks at the lips and at the eyes say."""
        mirrored = [look._replace(mirror=True) for look in looks]
        refined = landmarks.copy()
        parts: tuple[tuple[str, Callable[[Points], Frame], Sequence[Look]], ...] = (
            ("lips", lips_frame, (*looks, *mirrored) if len(looks) > 1 else looks),
            ("eye", right_eye_frame, looks),
            ("eye", left_eye_frame, mirrored),
        )
        for name, frame, part_looks in parts if eyes else parts[:1]:
            region, weight = PART_REGIONS[name]
            if name == "eye" and part_looks[0].mirror:
                region = FLIP[region]
            seen = self._looks(name, image, frame(landmarks), part_looks).mean(axis=0)
            seen[:, 2] += landmarks[region, 2].mean()
            share = PART_SHARE * weight[:, None]
            refined[region] += (seen - landmarks[region]) * share
        return refined

    def _looks(self, name: str, image: Image, frame: Frame, looks: Sequence[Look]) -> Points:
        """Run a network on several crops; returns (looks, P, 3) in px, in the unmirrored order.

        The points of a mirrored look at an eye come in the order of the right eye.
        """
        session = self._sessions[name]
        size = int(session.get_inputs()[0].shape[1])
        matrices, sides, crops = [], [], []
        for look in looks:
            side = frame.side * look.scale
            x = frame.centre[0] + look.shift_x * frame.side
            y = frame.centre[1] + look.shift_y * frame.side
            angle_deg = frame.angle_deg + look.angle_deg
            matrix = crop_matrix((x, y), side, angle_deg, size, mirror=look.mirror)
            matrices.append(invert_matrix(matrix))
            sides.append(side)
            crops.append(crop_image(image, matrix, size))
        points = np.asarray(session.run(None, {"crop": np.stack(crops)})[0], np.float64)
        for row, (look, matrix, side) in enumerate(zip(looks, matrices, sides, strict=True)):
            points[row, :, :2] = map_points((points[row, :, :2] + 0.5) * size, matrix)
            points[row, :, 2] *= side
            if look.mirror and name in MIRROR_ORDER:
                points[row] = points[row, MIRROR_ORDER[name]]
        return points

    @cached_property
    def _sessions(self) -> dict[str, ort.InferenceSession]:
        return self._given or {
            name: open_session(f"face_mesh_{name}", self._threads) for name in NETWORKS
        }


def _region_flip(region: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return, for a region that is its own mirror image, the place of each point's partner."""
    return np.asarray(np.searchsorted(region, FLIP[region]), np.int64)


NETWORKS = ("coarse", "fine", "lips", "eye")
PART_REGIONS = {"lips": (LIPS_REGION, LIPS_WEIGHT), "eye": (EYE_REGION, EYE_WEIGHT)}
MIRROR_ORDER = {
    "coarse": np.asarray(FLIP),
    "fine": np.asarray(FLIP),
    "lips": _region_flip(LIPS_REGION),
}


def _key_angle(keypoints: NDArray[np.floating]) -> float:
    """Return the clockwise roll in degrees that the detector's eyes and mouth show."""
    right, left, _, mouth = keypoints[:4]
    across, down = left - right, mouth - (left + right) / 2
    return math.degrees(math.atan2(float(across[1] - down[0]), float(across[0] + down[1])))


def _face(landmarks: Points, score: float) -> Face:
    box = np.concatenate([landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)])
    return Face(box.astype(np.float32), landmarks.astype(np.float32), float(score))
