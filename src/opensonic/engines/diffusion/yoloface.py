"""The published face detector, where somebody has its file: what is around the TorchScript network.

YOLO5Face (arXiv 2105.12931). OpenSonic finds faces with a detector of its own; this one is for
results that shall equal the published program's to the pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch

SHORT_SIDE = 416
STRIDES = (8, 16, 32)
MIN_SCORE = 0.5
SAME_FACE_IOU = 0.45

Floats = npt.NDArray[np.float64]
Network = Callable[[torch.Tensor, list[torch.Tensor]], torch.Tensor]


@dataclass(frozen=True, eq=False)
class YoloFaces:
    """The faces of a picture, the most certain first.

    Attributes:
        boxes: (n, 4) float64 left, top, width, height, px; may reach beyond the picture.
        keypoints: (n, 5, 2) float64 x, y, px.
        scores: (n,) float64, 0 to 1.
    """

    boxes: Floats
    keypoints: Floats
    scores: Floats


def network_input(image: npt.NDArray[np.uint8]) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Make what the network takes.

    Args:
        image: (H, W, 3) uint8, RGB.

    Returns:
        (1, 3, h, w) float32, 0 to 1, with sides that are multiples of 32; for each stride the
        (1, 1, h / stride, w / stride, 2) float32 x and y of each cell.
    """
    scale = SHORT_SIDE / min(image.shape[:2])
    height, width = (int(side * scale + 31) // 32 * 32 for side in image.shape[:2])
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    values = torch.from_numpy(resized).permute(2, 0, 1)[None].float() / 255
    grids = []
    for stride in STRIDES:
        rows, columns = torch.meshgrid(
            torch.arange(height // stride), torch.arange(width // stride), indexing="ij"
        )
        grids.append(torch.stack([columns, rows], dim=-1)[None, None].float())
    return values, grids


def read_prediction(
    prediction: torch.Tensor, network_size: tuple[int, int], image_size: tuple[int, int]
) -> YoloFaces:
    """Turn the network's rows into faces.

    Args:
        prediction: (1, N, 16): centre x, y, width, height, objectness, 5 points, class score.
        network_size: Width and height of the network's input, px.
        image_size: Width and height of the picture, px.

    Returns:
        Faces in pixels of the picture.
    """
    rows = prediction[0].float().cpu()
    rows = rows[rows[:, 4] > MIN_SCORE]
    scores = rows[:, 4] * rows[:, 15]
    rows, scores = rows[scores > MIN_SCORE], scores[scores > MIN_SCORE]
    corners = torch.cat([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], dim=1)
    kept = _suppress(corners.numpy(), scores.numpy())
    scale = np.array([i / n for i, n in zip(image_size, network_size, strict=True)])
    corner = corners.numpy().astype(np.float64)[kept]
    boxes = np.concatenate([corner[:, :2], corner[:, 2:] - corner[:, :2]], axis=1)
    points = rows[:, 5:15].reshape(-1, 5, 2).numpy().astype(np.float64)[kept]
    return YoloFaces(boxes * np.tile(scale, 2), points * scale, scores.numpy().astype(float)[kept])


def _suppress(boxes: npt.NDArray[np.float32], scores: npt.NDArray[np.float32]) -> list[int]:
    """Keep the most certain of boxes that overlap: indices, the most certain first."""
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    left = list(np.argsort(-scores, kind="stable"))
    kept = []
    while left:
        best = left.pop(0)
        kept.append(int(best))
        low = np.maximum(boxes[best, :2], boxes[left, :2])
        high = np.minimum(boxes[best, 2:], boxes[left, 2:])
        shared = np.prod(np.clip(high - low, 0, None), axis=1)
        iou = shared / (areas[best] + areas[left] - shared)
        left = [i for i, value in zip(left, iou, strict=True) if value <= SAME_FACE_IOU]
    return kept


def find_faces(network: Network, image: npt.NDArray[np.uint8]) -> YoloFaces:
    """Find the faces of a picture.

    Args:
        network: The TorchScript file, opened by `torch.jit.load`, or anything like it.
        image: (H, W, 3) uint8, RGB.

    Returns:
        Faces, perhaps none.
    """
    values, grids = network_input(image)
    with torch.no_grad():
        prediction = network(values, grids)
    height, width = image.shape[:2]
    return read_prediction(prediction, (values.shape[3], values.shape[2]), (width, height))


def choose_face(faces: YoloFaces, *, compat: bool = False) -> int | None:
    """Choose the largest face.

    Args:
        faces: Of one picture.
        compat: Whether to choose as the published program does: the last face that is larger than
            the most certain one.

    Returns:
        Index of the face; None where there is none.
    """
    if not len(faces.boxes):
        return None
    areas = faces.boxes[:, 2] * faces.boxes[:, 3]
    if compat:
        larger = np.flatnonzero(areas > areas[0])
        return int(larger[-1]) if len(larger) else 0
    return int(areas.argmax())
