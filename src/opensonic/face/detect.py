"""Find the faces of a picture: photographs, paintings, statues, drawn and rendered characters.

A small anchor-free network (FCOS, Tian et al., arXiv 1904.01355; trained by
`opensonic.train.detector`) looks at the picture scaled to 320 px. When it sees nothing there, it
looks again at overlapping tiles. Every candidate is looked at a second time, close and levelled,
and that look decides. Left out: recognition of persons; there is none here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.errors import InputError
from opensonic.face.views import cut_close_view, fit_to_network, tile_boxes
from opensonic.weights import open_session

if TYPE_CHECKING:
    import onnxruntime as ort

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

STRIDES = (8, 16, 32)
"""Pixels of the input per cell, level by level."""
N_KEYPOINTS = 6
"""Right eye, left eye, nose tip, middle of the mouth, right ear, left ear (the person's own)."""
SIZE_UNIT = 4
"""Box sides and key points are predicted in units of this many strides."""

MIN_CANDIDATE_SCORE = 0.4
"""What the first look must score to be worth the second."""
MIN_SCORE = 0.7
"""Faces that score less at the second look are dropped."""
MIN_TILE_SCORE = 0.8
"""The same for faces found in tiles, of which a picture has many."""

_MAX_CANDIDATES = 64
_MIRROR_PARTNERS = (1, 0, 2, 3, 5, 4)
_SAME_FACE_IOU = 0.4
_SAME_FACE_SHARE = 0.7


@dataclass(frozen=True, eq=False)
class Detection:
    """One face found in a picture.

    Attributes:
        box: (4,) float32, x0 y0 x1 y1 in px. A square, upright also where the head is tilted, that
            reaches from the middle of the forehead to just below the mouth and from ear to ear. It
            may end outside the picture.
        keypoints: (6, 2) float32, x y in px: the person's right eye, left eye, nose tip, middle of
            the mouth, right ear, left ear.
        score: Certainty, 0 to 1.
    """

    box: Floats
    keypoints: Floats
    score: float


class FaceDetector:
    """Finds faces. The weights are opened at the first picture.

    Args:
        threads: CPU threads of one run of the network.
        session: An open network in place of the package's own.
    """

    def __init__(self, threads: int = 1, session: ort.InferenceSession | None = None) -> None:
        self._threads = threads
        self._given = session

    @cached_property
    def _session(self) -> ort.InferenceSession:
        return self._given or open_session("face_detector", self._threads)

    def detect(self, image: Image) -> list[Detection]:
        """Find the faces of a picture, largest first.

        Args:
            image: (H, W, 3) uint8, RGB, of any size.

        Raises:
            InputError: The array is no RGB picture.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise InputError(
                f"picture: expected (H, W, 3) uint8 with at least one pixel, "
                f"got {image.shape} {image.dtype}; convert it to RGB first"
            )
        found = self._confirmed(image, self._look(image), MIN_SCORE)
        if not found:
            height, width = image.shape[:2]
            tiles = [
                _shifted(row, x0, y0)
                for x0, y0, x1, y1 in tile_boxes(width, height)
                for row in self._look(image[y0:y1, x0:x1])
            ]
            found = self._confirmed(image, tiles, MIN_TILE_SCORE)
        return sorted(found, key=_by_size)

    def _look(self, image: Image) -> list[Detection]:
        canvas, scale, offset = fit_to_network(image)
        rows = self._run(canvas)
        points = ((rows[:, 1:].reshape(-1, 2 + N_KEYPOINTS, 2) - offset) / scale).astype(np.float32)
        return [
            Detection(p[:2].reshape(4), p[2:], float(score))
            for p, score in zip(points, rows[:, 0], strict=True)
        ]

    def _run(self, canvas: Image) -> Floats:
        batch = canvas.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255)
        outputs = self._session.run(None, {self._session.get_inputs()[0].name: batch})
        return decode_outputs(outputs, MIN_CANDIDATE_SCORE)

    def _confirmed(
        self, image: Image, candidates: list[Detection], min_score: float
    ) -> list[Detection]:
        """Look at each candidate again, close and levelled; its score is that of this look."""
        looks = [self._confirm(image, c) for c in _merge(candidates)[:_MAX_CANDIDATES]]
        return _merge([d for d in looks if d is not None and d.score >= min_score])

    def _confirm(self, image: Image, candidate: Detection) -> Detection | None:
        """Find a candidate in a close, levelled view and its mirror image.

        The key points and the score are those of this view, the box is the mean of both looks.
        """
        view = cut_close_view(image, candidate.box, candidate.keypoints)
        if view is None:
            return None
        canvas, matrix = view
        back = np.asarray(cv2.invertAffineTransform(matrix), np.float32)
        scale = float(np.hypot(back[0, 0], back[1, 0]))
        seen = []
        mirrored = np.ascontiguousarray(canvas[:, ::-1])
        for row in (*self._run(canvas), *_mirror_back(self._run(mirrored), canvas.shape[1])):
            centre = (row[1:3] + row[3:5]) / 2 @ back[:, :2].T + back[:, 2]
            half = scale * (row[3] - row[1]) / 2
            box = np.concatenate([centre - half, centre + half]).astype(np.float32)
            points = row[5:].reshape(N_KEYPOINTS, 2) @ back[:, :2].T + back[:, 2]
            seen.append(Detection(box, points.astype(np.float32), float(row[0])))
        near = [
            d for d in _merge(seen) if _overlap(candidate.box, d.box[None])[0][0] > _SAME_FACE_IOU
        ]
        if not near:
            return None
        box = np.mean([near[0].box, candidate.box], axis=0, dtype=np.float32)
        return Detection(box, near[0].keypoints, near[0].score)


def decode_outputs(outputs: Sequence[Floats], min_score: float) -> Floats:
    """Turn the raw maps of the network into faces.

    Args:
        outputs: Per level (1, 16, h, w) float32 (see `train.detector.network`).
        min_score: Cells below this score are left out.

    Returns:
        (N, 17) float32: score, box xyxy, key points x y; px of the network's input.
    """
    rows = []
    for level, stride in zip(outputs, STRIDES, strict=True):
        maps = np.asarray(level[0], np.float32)
        score = 1 / (1 + np.exp(-np.clip(maps[0], -30, 30)))
        y, x = np.nonzero(score >= min_score)
        cell = np.stack([x, y], axis=1).astype(np.float32) * stride + stride / 2
        values = maps[1:, y, x].T
        centre = cell + values[:, :2] * stride
        half = SIZE_UNIT * stride * np.exp(np.clip(values[:, 2:3], -6, 6)) / 2
        points = values[:, 3:].reshape(-1, N_KEYPOINTS, 2) * (SIZE_UNIT * stride) + cell[:, None]
        flat = points.reshape(-1, 2 * N_KEYPOINTS)
        rows.append(
            np.concatenate([score[y, x][:, None], centre - half, centre + half, flat], axis=1)
        )
    return np.concatenate(rows).astype(np.float32)


def _mirror_back(rows: Floats, width: int) -> Floats:
    """Turn (N, 17) rows found in a mirror image into rows of the picture of that width, px."""
    score, boxes, points = rows[:, :1], rows[:, 1:5], rows[:, 5:].reshape(-1, N_KEYPOINTS, 2)
    boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)
    points = points[:, _MIRROR_PARTNERS].copy()
    points[:, :, 0] = width - points[:, :, 0]
    return np.concatenate([score, boxes, points.reshape(len(rows), 2 * N_KEYPOINTS)], axis=1)


def _shifted(detection: Detection, x0: int, y0: int) -> Detection:
    shift = np.array([x0, y0], np.float32)
    return Detection(
        detection.box + np.tile(shift, 2), detection.keypoints + shift, detection.score
    )


def _by_size(detection: Detection) -> tuple[float, float, float, float]:
    x0, y0, x1, _ = (float(v) for v in detection.box)
    return -(x1 - x0), -detection.score, x0, y0


def _merge(found: list[Detection]) -> list[Detection]:
    """Join what the cells of one face said: mean weighted by score, best score kept."""
    rest = sorted(found, key=lambda d: -d.score)
    merged = []
    while rest:
        best, rows = rest[0], np.array([d.box for d in rest])
        iou, share = _overlap(best.box, rows)
        near = [d for d, same in zip(rest, iou > _SAME_FACE_IOU, strict=True) if same]
        weight = np.array([d.score for d in near], np.float32)
        weight /= weight.sum()
        box = np.tensordot(weight, np.array([d.box for d in near]), 1).astype(np.float32)
        points = np.tensordot(weight, np.array([d.keypoints for d in near]), 1).astype(np.float32)
        merged.append(Detection(box, points, best.score))
        gone = (iou > _SAME_FACE_IOU) | (share > _SAME_FACE_SHARE)
        rest = [d for d, same in zip(rest, gone, strict=True) if not same]
    return merged


def _overlap(box: Floats, boxes: Floats) -> tuple[Floats, Floats]:
    """Intersection over union, and over the smaller of the two, of one box with (N, 4) boxes."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=1)
    area, areas = np.prod(box[2:] - box[:2]), np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return common / (area + areas - common), common / np.minimum(area, areas)
