"""The labelled pictures that the detector may learn from, and the geometry of their labels.

Reads the crops and scenes of a faces folder (`mesh/`, `mesh_labels.npz`, `scenes/`,
`scene_labels.json`). Only classes A (made by generative models under permissive terms or CC0) and C
(permissively licensed repositories) are read for training; class B never is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.errors import InputError

TRAINING_SOURCES = (
    *("faker", "sfhq_t2i", "sfhq", "flux"),
    *("liveportrait", "sadtalker", "echomimic", "facerec", "chandrika", "muxspace"),
    *("jetson", "sam2", "mpipe_test"),
)
"""Sources of classes A and C."""
MESH_SOURCES_B = ("apsg2_paint", "animegan3")
"""Painted and drawn faces of class B: for validation only."""
_STYLISED_FROM = ("sfhq:", "sfhq_t2i:", "faker:")

BOX_PER_SPREAD = 1.298
"""Box side / root of the summed squared distances of the key points from their mean."""
BOX_DROP = 0.076
"""How far the box centre lies from the mean of the key points, away from the mouth, in spreads."""

TURNED_EARS = 0.75
"""Distance of the ears, in box sides, below which a face counts as turned to the side."""

_NOSE, _EARS = ((1, 4), ((234, 127), (454, 356)))
_EAR_UPPER_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class Picture:
    """One labelled picture, kept as the bytes of its file.

    Attributes:
        encoded: The JPEG file.
        faces: (N, 15) float32: box centre x, y, box side, then x and y of the six key points, px.
        ignore: (M, 4) float32, xyxy boxes that are neither faces nor background, px.
        valid: Rectangle x0 y0 x1 y1 of real pixels, px.
        source: Where the picture comes from.
        name: File name.
    """

    encoded: npt.NDArray[np.uint8]
    faces: npt.NDArray[np.float32]
    ignore: npt.NDArray[np.float32]
    valid: tuple[float, float, float, float]
    source: str
    name: str

    def image(self) -> npt.NDArray[np.uint8]:
        """Decode the picture: (H, W, 3) uint8, RGB.

        Raises:
            InputError: The bytes are no picture.
        """
        bgr = cv2.imdecode(self.encoded, cv2.IMREAD_COLOR)
        if bgr is None:
            raise InputError(
                f"{self.name}: is no readable picture; expected JPEG, copy the file anew"
            )
        return np.ascontiguousarray(bgr[:, :, ::-1], dtype=np.uint8)


def faces_from_points(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Join key points with the square box that the scene labels would draw around them.

    Args:
        points: (N, 6, 2) float32 px.

    Returns:
        (N, 15) float32 rows as in `Picture.faces`.
    """
    mean = points.mean(axis=1)
    spread = np.sqrt(((points - mean[:, None]) ** 2).sum(axis=(1, 2)))
    down = points[:, 3] - points[:, :2].mean(axis=1)
    down = down / np.maximum(np.linalg.norm(down, axis=1, keepdims=True), 1e-6)
    centre = mean + BOX_DROP * spread[:, None] * down
    side = BOX_PER_SPREAD * spread
    rows = np.concatenate([centre, side[:, None], points.reshape(len(points), -1)], axis=1)
    return rows.astype(np.float32)


def is_turned(faces: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Tell which of (N, 15) face rows look far to the side: (N,); their ears lie close together."""
    ears = np.linalg.norm(faces[:, 11:13] - faces[:, 13:15], axis=1)
    return np.asarray(ears < TURNED_EARS * faces[:, 2], np.bool_)


def points_from_landmarks(landmarks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Derive the detector's six key points from (N, 478, 3) mesh landmarks: (N, 6, 2)."""
    xy = landmarks[:, :, :2]
    ears = [
        (1 - _EAR_UPPER_SHARE) * xy[:, low] + _EAR_UPPER_SHARE * xy[:, high] for low, high in _EARS
    ]
    nose = xy[:, _NOSE].mean(axis=1)
    mouth = xy[:, (13, 14)].mean(axis=1)
    return np.stack([xy[:, 468], xy[:, 473], nose, mouth, *ears], axis=1).astype(np.float32)


def _may_train(source: str, origin: str) -> bool:
    if source == "stylised":
        return origin.startswith(_STYLISED_FROM)
    return source in TRAINING_SOURCES


def _encoded(path: Path) -> npt.NDArray[np.uint8]:
    return np.frombuffer(path.read_bytes(), np.uint8)


def load_crops(folder: Path, split: int = 0, only: tuple[str, ...] | None = None) -> list[Picture]:
    """Read face crops.

    Args:
        folder: The faces folder.
        split: 0 for training, 1 for validation.
        only: Sources to read; by default those that may train.
    """
    with np.load(folder / "mesh_labels.npz", allow_pickle=False) as labels:
        sources = labels["source_names"][labels["source_id"]]
        origins = labels["origin"]
        chosen = [
            row
            for row in np.flatnonzero(labels["split"] == split)
            if (sources[row] in only if only else _may_train(str(sources[row]), str(origins[row])))
        ]
        faces = faces_from_points(points_from_landmarks(labels["landmarks"][chosen]))
        names, valid = labels["names"][chosen], labels["valid"][chosen]
    none = np.zeros((0, 4), np.float32)
    return [
        Picture(
            _encoded(folder / "mesh" / f"{Path(str(names[k])).stem}.jpg"),
            faces[k : k + 1],
            none,
            (float(valid[k, 0]), float(valid[k, 1]), float(valid[k, 2]), float(valid[k, 3])),
            str(sources[row]),
            str(names[k]),
        )
        for k, row in enumerate(chosen)
    ]


def _scene(folder: Path, record: dict[str, Any]) -> Picture:
    boxes = np.array([f["box"] for f in record["faces"]], np.float32).reshape(-1, 4)
    points = np.array([f["kp"] for f in record["faces"]], np.float32).reshape(-1, 12)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    side = (boxes[:, 2:] - boxes[:, :2]).mean(axis=1, keepdims=True)
    return Picture(
        _encoded(folder / "scenes" / record["file"]),
        np.concatenate([centre, side, points], axis=1),
        np.array([f["box"] for f in record["ignore"]], np.float32).reshape(-1, 4),
        (0.0, 0.0, float(record["width"]), float(record["height"])),
        record["source"],
        record["file"],
    )


def load_scenes(folder: Path, split: str = "train", every_source: bool = False) -> list[Picture]:
    """Read whole scenes with their faces and ignore boxes.

    Args:
        folder: The faces folder.
        split: `train` or `val`.
        every_source: Also class B, which is for validation only.
    """
    records = json.loads((folder / "scene_labels.json").read_text())["images"]
    return [
        _scene(folder, record)
        for record in records
        if record["split"] == split and (every_source or record["source"] in TRAINING_SOURCES)
    ]
