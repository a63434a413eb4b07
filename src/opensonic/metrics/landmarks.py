"""LMD and M-LMD: how far the landmarks of a face lie from those of a reference.

LMD is from Chen et al., "Lip Movements Generation at a Glance" (ECCV 2018), which compares lips
whose centres were laid upon each other, averaged over pictures and points; Chen et al.,
"Hierarchical Cross-Modal Talking Face Generation" (CVPR 2019) takes the whole face. Papers of today
call the one of the mouth M-LMD and that of the face LMD (or F-LMD). Here:

- points are the 468 of our mesh without irises (LMD) or the 40 on the edges of the lips (M-LMD),
  in the picture's plane, at equal times in both videos;
- each set is moved so that its mean is at 0 (translation only: other turns of the head count) and
  divided by its face's e, the distance of the outer eye corners in three dimensions;
- the distance is averaged over points and pictures and given in % of e. At a crop of 256 px, as in
  most papers, e is about 90 px: 1 % of e is about 0.9 px there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opensonic.face.topology import EYE_CORNERS, LIPS

_FACE = np.arange(468)
_MOUTH = np.array(LIPS)


class LandmarkDistance(NamedTuple):
    """Distances of one picture, % of e.

    Attributes:
        face: LMD over the whole face.
        mouth: M-LMD over the lips.
    """

    face: float
    mouth: float


def compare_landmarks(
    found: npt.NDArray[np.float32], true: npt.NDArray[np.float32]
) -> LandmarkDistance:
    """Compare the faces of two pictures.

    Args:
        found: (478, 3) float32 landmarks, px of their picture.
        true: (478, 3) float32 landmarks of the reference, px of its picture.
    """
    return LandmarkDistance(_distance(found, true, _FACE), _distance(found, true, _MOUTH))


def _distance(
    found: npt.NDArray[np.float32], true: npt.NDArray[np.float32], points: npt.NDArray[np.integer]
) -> float:
    gaps = _normalise(found, points) - _normalise(true, points)
    return 100 * float(np.linalg.norm(gaps, axis=1).mean())


def _normalise(
    landmarks: npt.NDArray[np.float32], points: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    right, left = landmarks[list(EYE_CORNERS)].astype(np.float64)
    e = max(float(np.linalg.norm(left - right)), 1e-6)
    plane = landmarks[points, :2].astype(np.float64)
    return np.asarray((plane - plane.mean(0)) / e, np.float64)
