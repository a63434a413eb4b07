"""The four networks of the face mesh: what each sees, how far off, and which points it places.

`coarse` finds a face in the detector's box; `fine` places all points in a levelled crop; `lips` and
`eye` place their region again from a closer crop. The left eye is seen in the mirror.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opensonic.face.frames import (
    Frame,
    box_frame,
    face_frame,
    left_eye_frame,
    lips_frame,
    right_eye_frame,
)
from opensonic.face.topology import (
    EYE_MEASURE,
    EYE_REGION,
    LEFT_EYE,
    LEFT_IRIS,
    LIPS,
    LIPS_REGION,
    N_POINTS,
    RIGHT_EYE,
    RIGHT_IRIS,
)
from opensonic.train.mesh.augment import Jitter
from opensonic.train.mesh.network import NetworkShape


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """One network to train.

    Attributes:
        shape: Sizes of the network.
        points: Indices of the points that it places, as seen without mirror.
        weights: Weight of each point in the loss.
        frame: Cuts a face; takes its (478, 3) landmarks and whether the crop is mirrored.
        jitter: How far training crops are off the frame.
    """

    shape: NetworkShape
    points: NDArray[np.int32]
    weights: NDArray[np.float32]
    frame: Callable[[NDArray[np.float32], bool], Frame]
    jitter: Jitter


def _weights(points: NDArray[np.int32]) -> NDArray[np.float32]:
    weights = np.ones(len(points), np.float32)
    weights[np.isin(points, LIPS)] = 3.0
    weights[np.isin(points, RIGHT_EYE + LEFT_EYE + RIGHT_IRIS + LEFT_IRIS)] = 2.0
    weights[np.isin(points, EYE_MEASURE)] = 4.0
    weights /= weights.mean()
    return weights


def _upright_box(landmarks: NDArray[np.float32], mirror: bool) -> Frame:
    corners = [landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)]
    return box_frame(np.concatenate(corners))


_ALL = np.arange(N_POINTS, dtype=np.int32)

TASKS = {
    "coarse": Task(
        shape=NetworkShape(
            size=64,
            stem=24,
            stages=((48, 1), (96, 1), (160, 1)),
            squeeze=48,
            basis=64,
            points=N_POINTS,
        ),
        points=_ALL,
        weights=np.ones(N_POINTS, np.float32),
        frame=_upright_box,
        jitter=Jitter(shift=0.06, scale=0.15, angle_deg=16.0),
    ),
    "fine": Task(
        shape=NetworkShape(
            size=112,
            stem=32,
            stages=((48, 2), (96, 2), (192, 2)),
            squeeze=48,
            basis=160,
            points=N_POINTS,
        ),
        points=_ALL,
        weights=_weights(_ALL),
        frame=lambda landmarks, mirror: face_frame(landmarks),
        jitter=Jitter(shift=0.022, scale=0.045, angle_deg=4.5),
    ),
    "lips": Task(
        shape=NetworkShape(
            size=64,
            stem=32,
            stages=((64, 2), (128, 2)),
            squeeze=48,
            basis=80,
            points=len(LIPS_REGION),
        ),
        points=LIPS_REGION,
        weights=_weights(LIPS_REGION),
        frame=lambda landmarks, mirror: lips_frame(landmarks),
        jitter=Jitter(shift=0.03, scale=0.04, angle_deg=3.5),
    ),
    "eye": Task(
        shape=NetworkShape(
            size=64,
            stem=32,
            stages=((64, 2), (128, 2)),
            squeeze=48,
            basis=80,
            points=len(EYE_REGION),
        ),
        points=EYE_REGION,
        weights=_weights(EYE_REGION),
        frame=lambda landmarks, mirror: (left_eye_frame if mirror else right_eye_frame)(landmarks),
        jitter=Jitter(shift=0.03, scale=0.04, angle_deg=3.5),
    ),
}
